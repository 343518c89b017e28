package offering

import (
	"context"
	"errors"
	"fmt"
	"maps"

	"sigs.k8s.io/controller-runtime/pkg/log"
	karpv1 "sigs.k8s.io/karpenter/pkg/apis/v1"

	"github.com/karpenter-kubeadm/karpenter-provider-aws/pkg/pool"
	"github.com/karpenter-kubeadm/karpenter-provider-aws/pkg/providers/offering/pricetable"
)

// prices of an hour, in USD (in China, CNY). They are immutable.
type prices struct {
	onDemand map[string]float64 // by type
	// spot is nil until EC2 was asked.
	spot map[place]float64
}

// place is a type in a zone.
type place struct{ instanceType, zone string }

// fallbackRegion stands in for a region that is newer than the embedded table: its prices
// are in proportion, which is what choosing the cheapest needs.
const fallbackRegion = "us-east-1"

// embedded returns the on-demand prices that were known when the program was built, and
// says for messages which those are.
func embedded(region string) (*prices, string, error) {
	table, err := pricetable.OnDemand(region)
	if errors.Is(err, pricetable.ErrUnknownRegion) {
		region = fallbackRegion
		table, err = pricetable.OnDemand(region)
	}
	if err != nil {
		return nil, "", err
	}
	date, err := pricetable.Date(region)
	if err != nil {
		return nil, "", err
	}
	return &prices{onDemand: table}, region + " of " + date, nil
}

// of returns the price of the pool; false when it is not known. Until EC2 was asked, spot
// costs what on-demand does, its upper bound in practice. Then a place that EC2 gave no price
// for is one that it has no spot capacity in.
func (p *prices) of(a pool.Pool) (float64, bool) {
	switch {
	case a.CapacityType == karpv1.CapacityTypeOnDemand, a.CapacityType == karpv1.CapacityTypeSpot && p.spot == nil:
		price, ok := p.onDemand[a.InstanceType]
		return price, ok
	case a.CapacityType == karpv1.CapacityTypeSpot:
		price, ok := p.spot[place{a.InstanceType, a.Zone}]
		return price, ok
	default:
		return 0, false
	}
}

// UpdateOnDemandPrices asks the Pricing API. Types that it does not list keep the price they
// had. It does nothing where the API cannot be reached: in an isolated VPC and in GovCloud.
func (p *Provider) UpdateOnDemandPrices(ctx context.Context) error {
	if p.config.IsolatedVPC || !hasPricingAPI(p.config.Region) {
		return nil
	}
	found, err := p.fetchOnDemand(ctx)
	if err != nil {
		return fmt.Errorf("asking for on-demand prices (where none came before, the built-in ones of %s stand): %w", p.builtIn, err)
	}
	if p.replace(func(now *prices) bool { return assign(&now.onDemand, found) }) {
		log.FromContext(ctx).Info("on-demand prices changed", "instance-types", len(found))
	}
	return nil
}

// UpdateSpotPrices asks EC2 for the spot price of each type and zone. Those that it does not
// list keep the price they had.
func (p *Provider) UpdateSpotPrices(ctx context.Context) error {
	found, err := p.fetchSpot(ctx)
	if err != nil {
		return err
	}
	if p.replace(func(now *prices) bool { return assign(&now.spot, found) }) {
		log.FromContext(ctx).Info("spot prices changed", "pools", len(found))
	}
	return nil
}

// replace publishes a changed copy of the prices, and reports whether change changed it.
func (p *Provider) replace(change func(*prices) bool) bool {
	p.pricing.Lock()
	defer p.pricing.Unlock()
	next := *p.prices.Load()
	if !change(&next) {
		return false
	}
	p.prices.Store(&next)
	return true
}

// assign sets into to a new map with found added, and reports whether that differs.
func assign[K comparable](into *map[K]float64, found map[K]float64) bool {
	all := maps.Clone(*into)
	if all == nil {
		all = make(map[K]float64, len(found))
	}
	maps.Copy(all, found)
	if *into != nil && maps.Equal(*into, all) {
		return false
	}
	*into = all
	return true
}
