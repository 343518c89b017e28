package ec2

import (
	"cmp"
	"errors"
	"math"
	"net/http"
	"slices"
	"strconv"

	"github.com/karpenter-kubeadm/karpenter-provider-aws/test/awsfake/catalogue"
	"github.com/karpenter-kubeadm/karpenter-provider-aws/test/awsfake/wire"
)

// filling is a fleet on its way.
type filling struct {
	*region
	call   *wire.Call
	in     *fleetInput
	tags   map[string]map[string]string
	launch launch
	out    *fleetOutput
}

// fill launches a target: the places one after the other, as the strategy orders them, each
// as far as it goes, until there are enough.
func (f *filling) fill(t target, places []*place) {
	order, err := f.order(t, places)
	if err != nil {
		f.fail(places[0], t, err)
		return
	}
	missing := t.count
	for _, p := range order {
		if missing == 0 {
			return
		}
		missing -= f.fillFrom(p, t, missing)
	}
}

// fillFrom launches up to n instances at a place and returns how many it could.
func (f *filling) fillFrom(p *place, t target, n int) int {
	plan, err := f.prepare(p, t)
	if err != nil {
		f.fail(p, t, err)
		return 0
	}
	got := fleetInstance{
		Place: p.fleetPlace, Lifecycle: t.capacityType, InstanceType: plan.kind.Name,
		Zone: plan.zone.Name, ZoneID: plan.zone.ID, SubnetID: plan.subnet.ID,
	}
	for len(got.InstanceIDs) < n {
		i, err := f.start(plan, &f.launch)
		if err != nil {
			f.fail(p, t, err)
			break
		}
		got.InstanceIDs = append(got.InstanceIDs, i.ID)
	}
	if len(got.InstanceIDs) > 0 {
		f.out.Instances = append(f.out.Instances, got)
	}
	return len(got.InstanceIDs)
}

// prepare checks a place and the caller's permission to launch there.
func (f *filling) prepare(p *place, t target) (*plan, error) {
	tags := mergeTags(p.template.tags, f.tags)
	delete(tags, "fleet")
	if err := checkSpotTags(tags, t.capacityType); err != nil {
		return nil, err
	}
	plan, err := f.plan(p.data, p.where(t.capacityType), f.systemTags(tags, p.template, f.launch.fleetID))
	if err != nil {
		return nil, err
	}
	plan.template = p.template
	if err := f.checkPrice(p, t, plan); err != nil {
		return nil, err
	}
	if t.capacityType == capacityBlock && !plan.target {
		return nil, wire.Errorf("InvalidParameterValue", "A launch into a capacity block must name its capacity reservation")
	}
	return plan, f.permitLaunch(f.call, plan)
}

// checkPrice compares the price in force with the most that the override pays for spot.
func (f *filling) checkPrice(p *place, t target, plan *plan) error {
	if t.capacityType != Spot || p.Overrides.MaxPrice == "" {
		return nil
	}
	most, err := strconv.ParseFloat(p.Overrides.MaxPrice, 64)
	if err != nil {
		return wire.Errorf("InvalidParameterValue", "Value (%s) for parameter MaxPrice is invalid.", p.Overrides.MaxPrice)
	}
	if price, ok := f.spotPrice(plan.kind.Name, plan.zone.Name); ok && price > most {
		return wire.Errorf("SpotMaxPriceTooLow",
			"Your Spot request price of %s is lower than the minimum required Spot request fulfillment price of %g.", p.Overrides.MaxPrice, price)
	}
	return nil
}

// fail adds an error to the answer. What is no answer of AWS is one of the pretender's own.
func (f *filling) fail(p *place, t target, err error) {
	e, ok := errors.AsType[*wire.Error](err)
	if !ok {
		e = &wire.Error{Code: "InternalError", Message: err.Error(), Status: http.StatusInternalServerError}
	}
	f.out.Errors = append(f.out.Errors, fleetError{Place: p.fleetPlace, Lifecycle: t.capacityType, Code: e.Code, Message: e.Message})
}

// ranked is a place with what strategies look at.
type ranked struct {
	*place
	price    float64 // infinite when unknown
	priority float64 // infinite when not given
	left     int     // capacity, at most the target's
}

// order ranks the places as the target's allocation strategy does. Equal ones stay as the
// request lists them. EC2 does not publish how it weighs capacity against price: here, a strategy
// that looks at capacity first takes the pools that can serve the whole target, then those
// that can serve most of it.
func (f *filling) order(t target, places []*place) ([]*place, error) {
	less, err := f.strategy(t)
	if err != nil {
		return nil, err
	}
	all := make([]ranked, 0, len(places))
	for _, p := range places {
		left := f.left(Pool{Type: p.data.InstanceType, Zone: p.zone, CapacityType: t.capacityType})
		all = append(all, ranked{
			place: p, price: f.price(p, t.capacityType), priority: priority(p), left: min(left, t.count),
		})
	}
	slices.SortStableFunc(all, less)
	return each(all, func(r ranked) *place { return r.place }), nil
}

// strategy returns the order of a target's allocation strategy.
func (f *filling) strategy(t target) (func(a, b ranked) int, error) {
	byPrice := func(a, b ranked) int { return cmp.Compare(a.price, b.price) }
	byPriority := func(a, b ranked) int { return cmp.Compare(a.priority, b.priority) }
	byCapacity := func(a, b ranked) int { return cmp.Compare(b.left, a.left) }
	name := orElse(f.in.OnDemandOptions.AllocationStrategy, "lowest-price")
	known := map[string]func(a, b ranked) int{"lowest-price": byPrice, "prioritized": byPriority}
	if t.capacityType == Spot {
		name = orElse(f.in.SpotOptions.AllocationStrategy, "lowest-price")
		known = map[string]func(a, b ranked) int{
			"lowest-price":                   byPrice,
			"price-capacity-optimized":       then(byCapacity, byPrice),
			"capacity-optimized":             byCapacity,
			"capacity-optimized-prioritized": then(byCapacity, byPriority),
		}
	}
	less, ok := known[name]
	if !ok {
		return nil, wire.Errorf("InvalidParameterValue", "The allocation strategy '%s' is not modelled for %s", name, t.capacityType)
	}
	return less, nil
}

func then(first, second func(a, b ranked) int) func(a, b ranked) int {
	return func(a, b ranked) int { return cmp.Or(first(a, b), second(a, b)) }
}

func priority(p *place) float64 {
	if p.Overrides.Priority == nil {
		return math.Inf(1)
	}
	return *p.Overrides.Priority
}

func (f *filling) price(p *place, capacityType string) float64 {
	price, ok := catalogue.Price(f.name, p.data.InstanceType)
	if capacityType == Spot {
		price, ok = f.spotPrice(p.data.InstanceType, p.zone)
	}
	if !ok {
		return math.Inf(1)
	}
	return price
}
