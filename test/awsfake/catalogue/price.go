package catalogue

import (
	"fmt"
	"hash/fnv"
	"sync"

	"github.com/karpenter-kubeadm/karpenter-provider-aws/pkg/providers/offering/pricetable"
)

// prices of the regions whose zones are known, by region and type.
var prices = sync.OnceValue(func() map[string]map[string]float64 {
	out := map[string]map[string]float64{}
	for _, region := range Regions() {
		table, err := pricetable.OnDemand(region)
		if err != nil {
			panic(fmt.Sprintf("test/awsfake/catalogue: %v", err))
		}
		out[region] = table
	}
	return out
})

// Price returns the Linux on-demand price of a type in a region, in USD per hour,
// and whether the type has one there.
func Price(region, name string) (float64, bool) {
	price, ok := prices()[region][name]
	return price, ok
}

// SpotPrice returns the price of spot capacity of a type in a zone, in USD per
// hour, and whether the zone sells it.
//
// It is invented by design, because EC2's moves by the hour: between 30 and 49
// percent of the on-demand price, by a hash of zone and type, so that zones differ,
// the order of types by spot price is not that by on-demand price, and every run
// sees the same.
func SpotPrice(region, zone, name string) (float64, bool) {
	onDemand, ok := Price(region, name)
	if !ok || !Offered(region, zone, name) {
		return 0, false
	}
	h := fnv.New32a()
	h.Write([]byte(zone + "/" + name)) // a hash takes all it is given
	percent := 30 + h.Sum32()%20
	return onDemand * float64(percent) / 100, true
}
