package ec2

import (
	"fmt"
	"slices"
	"time"

	"github.com/karpenter-kubeadm/karpenter-provider-aws/test/awsfake/catalogue"
	"github.com/karpenter-kubeadm/karpenter-provider-aws/test/awsfake/wire"
)

// linux is the product that prices are for.
const linux = "Linux/UNIX"

type describeOfferingsInput struct {
	listInput
	LocationType string
}

type offeringItem struct {
	InstanceType string `xml:"instanceType"`
	LocationType string `xml:"locationType"`
	Location     string `xml:"location"`
}

type describeOfferingsOutput struct {
	Items     []offeringItem `xml:"instanceTypeOfferingSet>item"`
	NextToken string         `xml:"nextToken,omitempty"`
}

func (r *region) describeOfferings(c *wire.Call, in describeOfferingsInput) (*describeOfferingsOutput, error) {
	if err := permit(c, in.DryRun); err != nil {
		return nil, err
	}
	wanted, err := compile(in.Filter, fields[offeringItem]{
		"instance-type": func(o offeringItem) []string { return []string{o.InstanceType} },
		"location":      func(o offeringItem) []string { return []string{o.Location} },
	}, nil)
	if err != nil {
		return nil, err
	}
	all, err := r.offerings(in.LocationType)
	if err != nil {
		return nil, err
	}
	var matched []numbered[offeringItem]
	for i, o := range all {
		if wanted.match(o) {
			matched = append(matched, numbered[offeringItem]{i + 1, o})
		}
	}
	items, next, err := page(matched, numbered[offeringItem].key, in.listInput, paged{least: 5, most: 1000, whole: 1000})
	if err != nil {
		return nil, err
	}
	return &describeOfferingsOutput{
		Items: each(items, func(n numbered[offeringItem]) offeringItem { return n.value }), NextToken: next,
	}, nil
}

// offerings lists what is offered where, in a fixed order.
func (r *region) offerings(locationType string) ([]offeringItem, error) {
	var out []offeringItem
	for _, it := range catalogue.Types() {
		switch locationType {
		case "", "region":
			if catalogue.OfferedIn(r.name, it.Name) {
				out = append(out, offeringItem{it.Name, "region", r.name})
			}
		case "availability-zone", "availability-zone-id":
			for _, z := range r.zones {
				if !catalogue.Offered(r.name, z.Name, it.Name) {
					continue
				}
				location := z.Name
				if locationType == "availability-zone-id" {
					location = z.ID
				}
				out = append(out, offeringItem{it.Name, locationType, location})
			}
		default:
			return nil, wire.Errorf("InvalidParameterValue", "Value (%s) for parameter locationType is invalid.", locationType)
		}
	}
	return out, nil
}

type describeSpotPricesInput struct {
	listInput
	AvailabilityZone   string
	AvailabilityZoneID string `param:"AvailabilityZoneId"`
	EndTime            string
	InstanceType       []string
	ProductDescription []string
	StartTime          string
}

type spotPriceItem struct {
	InstanceType       string `xml:"instanceType"`
	ProductDescription string `xml:"productDescription"`
	SpotPrice          string `xml:"spotPrice"`
	Timestamp          string `xml:"timestamp"`
	Zone               string `xml:"availabilityZone"`
	ZoneID             string `xml:"availabilityZoneId"`
}

type describeSpotPricesOutput struct {
	Items     []spotPriceItem `xml:"spotPriceHistorySet>item"`
	NextToken string          `xml:"nextToken"`
}

// describeSpotPrices answers the price in force: one row for each pool, whatever the
// interval asked for, since prices here change only when a test sets them.
func (r *region) describeSpotPrices(c *wire.Call, in describeSpotPricesInput) (*describeSpotPricesOutput, error) {
	if err := permit(c, in.DryRun); err != nil {
		return nil, err
	}
	if err := in.check(); err != nil {
		return nil, err
	}
	wanted, err := compile(in.Filter, fields[spotPriceItem]{
		"instance-type":        func(p spotPriceItem) []string { return []string{p.InstanceType} },
		"product-description":  func(p spotPriceItem) []string { return []string{p.ProductDescription} },
		"availability-zone":    func(p spotPriceItem) []string { return []string{p.Zone} },
		"availability-zone-id": func(p spotPriceItem) []string { return []string{p.ZoneID} },
	}, nil)
	if err != nil {
		return nil, err
	}
	var matched []numbered[spotPriceItem]
	for i, p := range r.spotItems() {
		if in.includes(p) && wanted.match(p) {
			matched = append(matched, numbered[spotPriceItem]{i + 1, p})
		}
	}
	if in.MaxResults != nil {
		*in.MaxResults = min(*in.MaxResults, 1000) // EC2 takes more and sends a thousand
	}
	items, next, err := page(matched, numbered[spotPriceItem].key, in.listInput, paged{least: 1, most: 1000, whole: 1000})
	if err != nil {
		return nil, err
	}
	return &describeSpotPricesOutput{
		Items: each(items, func(n numbered[spotPriceItem]) spotPriceItem { return n.value }), NextToken: next,
	}, nil
}

func (in *describeSpotPricesInput) check() error {
	for _, t := range []string{in.StartTime, in.EndTime} {
		if _, err := time.Parse(time.RFC3339, t); t != "" && err != nil {
			return wire.Errorf("InvalidParameterValue", "Value (%s) for a time is invalid.", t)
		}
	}
	_, err := namedTypes(in.InstanceType, func(catalogue.Type) bool { return true })
	return err
}

// includes reports whether p is asked for by the parameters that are no filters.
func (in *describeSpotPricesInput) includes(p spotPriceItem) bool {
	return oneOf(in.InstanceType, p.InstanceType) && oneOf(in.ProductDescription, p.ProductDescription) &&
		(in.AvailabilityZone == "" || in.AvailabilityZone == p.Zone) &&
		(in.AvailabilityZoneID == "" || in.AvailabilityZoneID == p.ZoneID)
}

// oneOf reports whether s is wanted; an empty list wants everything.
func oneOf(wanted []string, s string) bool { return len(wanted) == 0 || slices.Contains(wanted, s) }

func (r *region) spotItems() []spotPriceItem {
	var out []spotPriceItem
	at := stamp(r.now().Truncate(time.Hour))
	for _, it := range catalogue.Types() {
		if !slices.Contains(usageClasses(it), "spot") {
			continue
		}
		for _, z := range r.zones {
			price, ok := r.spotPrice(it.Name, z.Name)
			if !ok {
				continue
			}
			for _, product := range []string{linux, linux + " (Amazon VPC)"} {
				out = append(out, spotPriceItem{it.Name, product, fmt.Sprintf("%.6f", price), at, z.Name, z.ID})
			}
		}
	}
	return out
}

// spotPrice is what a test has set, else the catalogue's invention.
func (r *region) spotPrice(instanceType, zone string) (float64, bool) {
	if p, ok := r.spotPrices[Pool{Type: instanceType, Zone: zone, CapacityType: Spot}]; ok {
		return p, true
	}
	return catalogue.SpotPrice(r.name, zone, instanceType)
}
