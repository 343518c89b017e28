package pricing

import (
	"encoding/base64"
	"net/http"
	"slices"
	"strconv"

	"github.com/karpenter-kubeadm/karpenter-provider-aws/test/awsfake/catalogue"
	"github.com/karpenter-kubeadm/karpenter-provider-aws/test/awsfake/wire"
)

type filter struct {
	Field string
	Type  string
	Value string
}

type productsInput struct {
	ServiceCode   string `param:",required"`
	Filters       []filter
	FormatVersion string
	MaxResults    *int
	NextToken     string
}

type productsOutput struct {
	FormatVersion string
	PriceList     []string
	NextToken     string `json:",omitempty"`
}

// pageSize is the most and the default of GetProducts.
const pageSize = 100

func (w *World) getProducts(c *wire.Call, in productsInput) (*productsOutput, error) {
	if err := c.Authorize(); err != nil {
		return nil, err
	}
	size, start, err := checkProducts(c, in)
	if err != nil {
		return nil, err
	}
	found := w.find(in.Filters)
	if start > len(found) {
		return nil, invalidToken(in.NextToken)
	}
	out := &productsOutput{FormatVersion: "aws_v1", PriceList: []string{}}
	published := catalogue.Date() + "T00:00:00Z"
	for _, p := range found[start:min(start+size, len(found))] {
		document, err := p.document(published)
		if err != nil {
			return nil, err
		}
		out.PriceList = append(out.PriceList, document)
	}
	if start+size < len(found) {
		out.NextToken = base64.StdEncoding.EncodeToString([]byte(strconv.Itoa(start + size)))
	}
	return out, nil
}

// checkProducts returns how many products to answer, from which on.
func checkProducts(c *wire.Call, in productsInput) (size, start int, err error) {
	if !slices.Contains([]string{"us-east-1", "eu-central-1", "ap-south-1"}, c.Region) {
		return 0, 0, &wire.Error{
			Code: "InvalidSignatureException", Status: http.StatusForbidden,
			Message: "Credential should be scoped to a valid region: the Price List API is not served in " + c.Region + ".",
		}
	}
	if in.ServiceCode != "AmazonEC2" {
		return 0, 0, wire.Errorf("NotFoundException", "The service code %s is not modelled", in.ServiceCode)
	}
	if !slices.Contains([]string{"", "aws_v1"}, in.FormatVersion) {
		return 0, 0, invalid("unknown format version %s", in.FormatVersion)
	}
	if i := slices.IndexFunc(in.Filters, func(f filter) bool { return f.Type != "TERM_MATCH" || f.Field == "" }); i >= 0 {
		return 0, 0, invalid("a filter of type %q is not modelled", in.Filters[i].Type)
	}
	size = pageSize
	if in.MaxResults != nil {
		size = *in.MaxResults
	}
	if size < 1 || size > pageSize {
		return 0, 0, invalid("MaxResults must be from 1 to %d", pageSize)
	}
	start, err = position(in.NextToken)
	return size, start, err
}

func invalid(format string, args ...any) error {
	return wire.Errorf("InvalidParameterException", "Input Parameters are invalid: "+format, args...)
}

func position(token string) (int, error) {
	if token == "" {
		return 0, nil
	}
	raw, err := base64.StdEncoding.DecodeString(token)
	if err != nil {
		return 0, invalidToken(token)
	}
	n, err := strconv.Atoi(string(raw))
	if err != nil || n < 1 {
		return 0, invalidToken(token)
	}
	return n, nil
}

func invalidToken(token string) error {
	return wire.Errorf("InvalidNextTokenException", "The pagination token %q is invalid. Try again without a pagination token.", token)
}

// find returns the products that pass all filters, in a fixed order.
func (w *World) find(filters []filter) []product {
	var out []product
	for _, region := range w.regions() {
		if !wanted(filters, "regionCode", region) {
			continue
		}
		prices := w.prices(region)
		for _, t := range catalogue.Types() {
			price, sold := prices[t.Name]
			if !sold || !wanted(filters, "instanceType", t.Name) {
				continue
			}
			out = append(out, products(region, t, price)...)
		}
	}
	return slices.DeleteFunc(out, func(p product) bool {
		return slices.ContainsFunc(filters, func(f filter) bool { return !p.matches(f) })
	})
}

// wanted spares the making of products that one of the filters takes away anyhow.
func wanted(filters []filter, field, value string) bool {
	return !slices.ContainsFunc(filters, func(f filter) bool { return f.Field == field && f.Value != value })
}
