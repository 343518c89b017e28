package offering

import (
	"context"
	"encoding/json"
	"errors"
	"fmt"
	"maps"
	"strconv"
	"strings"
	"time"

	"github.com/aws/aws-sdk-go-v2/aws"
	"github.com/aws/aws-sdk-go-v2/service/ec2"
	ec2types "github.com/aws/aws-sdk-go-v2/service/ec2/types"
	"github.com/aws/aws-sdk-go-v2/service/pricing"
	pricingtypes "github.com/aws/aws-sdk-go-v2/service/pricing/types"
	"github.com/samber/lo"
	"sigs.k8s.io/controller-runtime/pkg/log"
)

// PricingRegion returns the region whose Pricing API knows the prices of region. The API
// exists in few regions, each for its part of the world.
func PricingRegion(region string) string {
	switch {
	case strings.HasPrefix(region, "ap-"):
		return "ap-south-1"
	case strings.HasPrefix(region, "cn-"):
		return "cn-northwest-1"
	case strings.HasPrefix(region, "eu-"):
		return "eu-central-1"
	default:
		return "us-east-1"
	}
}

// hasPricingAPI is false in GovCloud, whose accounts cannot reach the commercial API.
func hasPricingAPI(region string) bool { return !strings.HasPrefix(region, "us-gov-") }

func currency(region string) string {
	if strings.HasPrefix(region, "cn-") {
		return "CNY"
	}
	return "USD"
}

// Page sizes: the largest that the Pricing API gives, and one that keeps an answer of EC2's,
// which names no limit, at a few hundred kilobytes.
const (
	productsPerPage   = 100
	spotPricesPerPage = 2000
)

// fetchOnDemand returns the price of each type: on shared hardware, or for bare metal, which
// is never shared, on dedicated.
func (p *Provider) fetchOnDemand(ctx context.Context) (map[string]float64, error) {
	found := map[string]float64{}
	for tenancy, family := range map[string]string{
		"Shared":    "Compute Instance",
		"Dedicated": "Compute Instance (bare metal)",
	} {
		prices, err := p.fetchProducts(ctx, map[string]string{"tenancy": tenancy, "productFamily": family})
		if err != nil {
			return nil, err
		}
		maps.Copy(found, prices)
	}
	if len(found) == 0 {
		return nil, fmt.Errorf("the Pricing API lists no price for region %s", p.config.Region)
	}
	return found, nil
}

func (p *Provider) fetchProducts(ctx context.Context, attributes map[string]string) (map[string]float64, error) {
	pages := pricing.NewGetProductsPaginator(p.sources.OnDemand, &pricing.GetProductsInput{
		ServiceCode: aws.String("AmazonEC2"),
		Filters:     p.productFilters(attributes),
		MaxResults:  aws.Int32(productsPerPage),
	})
	found := map[string]float64{}
	var odd []error // one document that is not understood must not cost the prices of all others
	for pages.HasMorePages() {
		page, err := pages.NextPage(ctx)
		if err != nil {
			return nil, fmt.Errorf("getting products: %w", err)
		}
		for _, document := range page.PriceList {
			name, price, err := readProduct(document, currency(p.config.Region))
			if err != nil {
				odd = append(odd, err)
			}
			if price > 0 {
				found[name] = price
			}
		}
	}
	if len(odd) > 0 {
		log.FromContext(ctx).Info("ignored price list documents that are not understood", "count", len(odd), "first", odd[0].Error())
	}
	return found, nil
}

// productFilters leave one price for a type: Linux, nothing installed, nothing reserved.
func (p *Provider) productFilters(attributes map[string]string) []pricingtypes.Filter {
	all := map[string]string{
		"regionCode":      p.config.Region,
		"serviceCode":     "AmazonEC2",
		"preInstalledSw":  "NA",
		"operatingSystem": "Linux",
		"capacitystatus":  "Used",
		"marketoption":    "OnDemand",
	}
	maps.Copy(all, attributes)
	return lo.MapToSlice(all, func(field, value string) pricingtypes.Filter {
		return pricingtypes.Filter{Type: pricingtypes.FilterTypeTermMatch, Field: aws.String(field), Value: aws.String(value)}
	})
}

// product is the part of a price list document that is read.
type product struct {
	Product struct {
		Attributes struct {
			InstanceType string `json:"instanceType"`
		} `json:"attributes"`
	} `json:"product"`
	Terms struct {
		OnDemand map[string]struct {
			PriceDimensions map[string]struct {
				PricePerUnit map[string]string `json:"pricePerUnit"`
			} `json:"priceDimensions"`
		} `json:"OnDemand"`
	} `json:"terms"`
}

var errProduct = errors.New("a price list document is not in the form that the Pricing API documents")

// readProduct returns the price in a price list document; 0 when it has none, as for types
// that are announced and not sold yet.
func readProduct(document, currency string) (name string, price float64, err error) {
	var p product
	if err := json.Unmarshal([]byte(document), &p); err != nil {
		return "", 0, fmt.Errorf("%w: %w", errProduct, err)
	}
	name = p.Product.Attributes.InstanceType
	for _, term := range p.Terms.OnDemand {
		for _, dimension := range term.PriceDimensions {
			text, ok := dimension.PricePerUnit[currency]
			if !ok || name == "" {
				continue
			}
			if price, err = strconv.ParseFloat(text, 64); err != nil {
				return "", 0, fmt.Errorf("%w: price %q of %s", errProduct, text, name)
			}
			if price > 0 {
				return name, price, nil
			}
		}
	}
	return name, 0, nil
}

// fetchSpot returns the newest spot price of each type and zone.
func (p *Provider) fetchSpot(ctx context.Context) (map[place]float64, error) {
	pages := ec2.NewDescribeSpotPriceHistoryPaginator(p.sources.Spot, &ec2.DescribeSpotPriceHistoryInput{
		ProductDescriptions: []string{"Linux/UNIX", "Linux/UNIX (Amazon VPC)"},
		StartTime:           aws.Time(p.sources.Clock.Now()), // which asks for the price in force
		MaxResults:          aws.Int32(spotPricesPerPage),
	})
	found, newest := map[place]float64{}, map[place]time.Time{}
	for pages.HasMorePages() {
		page, err := pages.NextPage(ctx)
		if err != nil {
			return nil, fmt.Errorf("describing spot prices: %w", err)
		}
		for _, entry := range page.SpotPriceHistory {
			at, price := readSpot(entry)
			if when := aws.ToTime(entry.Timestamp); price > 0 && !when.Before(newest[at]) {
				found[at], newest[at] = price, when
			}
		}
	}
	if len(found) == 0 {
		return nil, fmt.Errorf("EC2 lists no spot price in region %s", p.config.Region)
	}
	return found, nil
}

// readSpot returns a price of 0 for an entry without one, which counts as not listed.
func readSpot(entry ec2types.SpotPrice) (place, float64) {
	at := place{string(entry.InstanceType), aws.ToString(entry.AvailabilityZone)}
	price, err := strconv.ParseFloat(aws.ToString(entry.SpotPrice), 64)
	if err != nil {
		return at, 0
	}
	return at, price
}
