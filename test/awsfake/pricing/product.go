package pricing

import (
	"encoding/json"
	"fmt"
	"hash/fnv"
	"slices"
	"strconv"
	"strings"

	"github.com/karpenter-kubeadm/karpenter-provider-aws/test/awsfake/catalogue"
)

const (
	onDemandTerm = "JRTCKXETXF" // AWS's code of the on-demand offer
	hourly       = "6YS6EN2CT7" // AWS's code of its rate by the hour
)

// product is what a filter looks at.
type product struct {
	attributes map[string]string
	family     string
	price      float64
}

// capacity lists the states of capacity that AWS has products for, with the share of
// the price that each costs.
func capacity() map[string]float64 {
	return map[string]float64{"Used": 1, "UnusedCapacityReservation": 1, "AllocatedCapacityReservation": 0}
}

// products returns those of a type in a region, in a fixed order.
func products(region string, t catalogue.Type, price float64) []product {
	family, tenancy := "Compute Instance", "Shared"
	if t.BareMetal {
		family, tenancy = "Compute Instance (bare metal)", "Dedicated"
	}
	out := make([]product, 0, len(capacity()))
	for status, share := range capacity() {
		out = append(out, product{
			family: family, price: price * share,
			attributes: map[string]string{
				"servicecode":       "AmazonEC2",
				"regionCode":        region,
				"locationType":      "AWS Region",
				"instanceType":      t.Name,
				"currentGeneration": yes(t.CurrentGeneration),
				"vcpu":              strconv.Itoa(int(t.VCPUs)),
				"memory":            strconv.FormatFloat(float64(t.MemoryMiB)/1024, 'f', -1, 64) + " GiB",
				"physicalProcessor": t.Processor,
				"tenancy":           tenancy,
				"operatingSystem":   "Linux",
				"licenseModel":      "No License required",
				"preInstalledSw":    "NA",
				"operation":         "RunInstances",
				"capacitystatus":    status,
				"marketoption":      "OnDemand",
			},
		})
	}
	slices.SortFunc(out, func(a, b product) int {
		return strings.Compare(a.attributes["capacitystatus"], b.attributes["capacitystatus"])
	})
	return out
}

func yes(b bool) string {
	if b {
		return "Yes"
	}
	return "No"
}

// matches tells whether the product passes a filter of type TERM_MATCH. Unlike the
// names of attributes, values are compared as they are.
func (p product) matches(f filter) bool {
	switch strings.ToLower(f.Field) {
	case "productfamily":
		return p.family == f.Value
	case "servicecode":
		return p.attributes["servicecode"] == f.Value
	}
	value, ok := p.attributes[f.Field]
	return ok && value == f.Value
}

// document renders the product as the price list writes it.
func (p product) document(published string) (string, error) {
	sku := p.sku()
	offer := sku + "." + onDemandTerm
	rate := offer + "." + hourly
	out, err := json.Marshal(map[string]any{
		"serviceCode":     "AmazonEC2",
		"version":         published,
		"publicationDate": published,
		"product":         map[string]any{"productFamily": p.family, "sku": sku, "attributes": p.attributes},
		"terms": map[string]any{"OnDemand": map[string]any{offer: map[string]any{
			"sku": sku, "offerTermCode": onDemandTerm, "effectiveDate": published, "termAttributes": map[string]string{},
			"priceDimensions": map[string]any{rate: map[string]any{
				"rateCode": rate, "unit": "Hrs", "beginRange": "0", "endRange": "Inf", "appliesTo": []string{},
				"description":  fmt.Sprintf("$%s per On Demand Linux %s Instance Hour", amount(p.price), p.attributes["instanceType"]),
				"pricePerUnit": map[string]string{"USD": fmt.Sprintf("%.10f", p.price)},
			}},
		}}},
	})
	if err != nil {
		return "", fmt.Errorf("encoding a product: %w", err)
	}
	return string(out), nil
}

func amount(price float64) string {
	return strconv.FormatFloat(price, 'f', -1, 64)
}

// sku is the product's identifier: sixteen characters that follow from what it is.
func (p product) sku() string {
	const letters = "0123456789ABCDEFGHJKMNPQRSTVWXYZ"
	h := fnv.New128a()
	h.Write([]byte(p.attributes["regionCode"] + "/" + p.attributes["instanceType"] + "/" + p.attributes["capacitystatus"]))
	out := h.Sum(nil)
	for i, b := range out {
		out[i] = letters[int(b)%len(letters)]
	}
	return string(out)
}
