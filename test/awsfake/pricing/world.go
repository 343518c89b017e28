package pricing

import (
	"maps"
	"slices"
	"sync"

	"github.com/karpenter-kubeadm/karpenter-provider-aws/test/awsfake/catalogue"
	"github.com/karpenter-kubeadm/karpenter-provider-aws/test/awsfake/wire"
)

// World is the price list that one account sees.
type World struct {
	env *wire.Env

	mu  sync.Mutex
	set map[string]map[string]float64 // by region and type
}

// New returns the price list of the catalogue.
func New(env *wire.Env) *World {
	return &World{env: env, set: map[string]map[string]float64{}}
}

// SetPrice changes what a type costs on demand in a region, in USD per hour. Zero takes
// its products off the list.
func (w *World) SetPrice(region, name string, price float64) {
	w.mu.Lock()
	defer w.mu.Unlock()
	if w.set[region] == nil {
		w.set[region] = map[string]float64{}
	}
	w.set[region][name] = price
}

// prices returns what each type of a region costs.
func (w *World) prices(region string) map[string]float64 {
	out := map[string]float64{}
	for _, t := range catalogue.Types() {
		if price, ok := catalogue.Price(region, t.Name); ok {
			out[t.Name] = price
		}
	}
	w.mu.Lock()
	defer w.mu.Unlock()
	maps.Copy(out, w.set[region])
	maps.DeleteFunc(out, func(_ string, price float64) bool { return price <= 0 })
	return out
}

// regions with products, in order.
func (w *World) regions() []string {
	w.mu.Lock()
	defer w.mu.Unlock()
	all := append(catalogue.Regions(), slices.Collect(maps.Keys(w.set))...)
	slices.Sort(all)
	return slices.Compact(all)
}

// Service returns the calls that are modelled.
func (w *World) Service() wire.Service {
	return wire.Service{
		Name: "pricing", Protocol: wire.JSON11, Namespace: "com.amazonaws.pricing",
		Actions: map[string]wire.Action{"GetProducts": wire.Do(w.getProducts)},
	}
}
