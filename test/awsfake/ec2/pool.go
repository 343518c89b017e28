package ec2

import (
	"fmt"
	"maps"

	"github.com/karpenter-kubeadm/karpenter-provider-aws/test/awsfake/catalogue"
	"github.com/karpenter-kubeadm/karpenter-provider-aws/test/awsfake/wire"
)

// The capacity types that pools have.
const (
	OnDemand = "on-demand"
	Spot     = "spot"
)

// Pool is a place that instances come from. Empty fields, where a method takes a
// pattern, stand for every value.
type Pool struct {
	Type         string // instance type
	Zone         string // name
	CapacityType string // OnDemand or Spot
}

// poolState is what is known of one pool or of a pattern. Pools without one are bottomless.
type poolState struct {
	limited bool
	left    int // instances that can still start
	refusal *wire.Error
	derived bool // from a pattern, to count for one pool
}

// covers reports whether a pattern is about p.
func (p Pool) covers(other Pool) bool {
	return orElse(p.Type, other.Type) == other.Type && orElse(p.Zone, other.Zone) == other.Zone &&
		orElse(p.CapacityType, other.CapacityType) == other.CapacityType
}

// SetCapacity lets n more instances start in each pool that pattern covers on its own; an
// instance that ends gives its place back. The most precise pattern that covers a pool decides.
func (w *World) SetCapacity(regionName string, pattern Pool, n int) error {
	return w.setPool(regionName, pattern, &poolState{limited: true, left: n})
}

// SetRefusal lets launches in the pools that pattern covers fail with an error of the test's
// choice, for example UnfulfillableCapacity or SpotMaxPriceTooLow.
func (w *World) SetRefusal(regionName string, pattern Pool, code, message string) error {
	return w.setPool(regionName, pattern, &poolState{refusal: wire.Errorf(code, "%s", message)})
}

// ClearCapacity makes all pools of a region bottomless again.
func (w *World) ClearCapacity(regionName string) error {
	_, err := with(w, regionName, func(r *region) (struct{}, error) {
		clear(r.pools)
		return struct{}{}, nil
	})
	return err
}

func (w *World) setPool(regionName string, pattern Pool, state *poolState) error {
	_, err := with(w, regionName, func(r *region) (struct{}, error) {
		if _, ok := r.zone(pattern.Zone); pattern.Zone != "" && !ok {
			return struct{}{}, fmt.Errorf("setting capacity: %s is no zone of %s", pattern.Zone, r.name)
		}
		if _, ok := catalogue.Lookup(pattern.Type); pattern.Type != "" && !ok {
			return struct{}{}, fmt.Errorf("setting capacity: %s is no instance type", pattern.Type)
		}
		if pattern.CapacityType != "" && pattern.CapacityType != OnDemand && pattern.CapacityType != Spot {
			return struct{}{}, fmt.Errorf("setting capacity: %s is no capacity type", pattern.CapacityType)
		}
		maps.DeleteFunc(r.pools, func(p Pool, before *poolState) bool { return before.derived && pattern.covers(p) })
		r.pools[pattern] = state
		return struct{}{}, nil
	})
	return err
}

// SetVCPULimit bounds the vCPUs of all running instances of a capacity type in a region; more
// gets VcpuLimitExceeded (on-demand) or MaxSpotInstanceCountExceeded (spot). Negative is no limit.
func (w *World) SetVCPULimit(regionName, capacityType string, vcpus int) error {
	_, err := with(w, regionName, func(r *region) (struct{}, error) {
		if vcpus < 0 {
			delete(r.limits, capacityType)
		} else {
			r.limits[capacityType] = vcpus
		}
		return struct{}{}, nil
	})
	return err
}

// SetSpotPrice sets what spot capacity of a type costs in a zone, in USD per hour.
func (w *World) SetSpotPrice(regionName, zone, instanceType string, price float64) error {
	_, err := with(w, regionName, func(r *region) (struct{}, error) {
		r.spotPrices[Pool{Type: instanceType, Zone: zone, CapacityType: Spot}] = price
		return struct{}{}, nil
	})
	return err
}

// pool returns the state of the most precise pattern that covers p; nil when there is none.
func (r *region) pool(p Pool) *poolState {
	for _, pattern := range []Pool{
		p, {p.Type, p.Zone, ""}, {p.Type, "", p.CapacityType}, {"", p.Zone, p.CapacityType},
		{p.Type, "", ""}, {"", p.Zone, ""}, {"", "", p.CapacityType}, {},
	} {
		if state, ok := r.pools[pattern]; ok {
			return r.precise(p, pattern, state)
		}
	}
	return nil
}

// precise gives a limited pool a count of its own, so that a pattern limits each pool it covers.
func (r *region) precise(p, pattern Pool, state *poolState) *poolState {
	if p == pattern || !state.limited {
		return state
	}
	own := *state
	own.derived = true
	r.pools[p] = &own
	return &own
}

// left is how many instances a pool would still start; a large number when bottomless.
func (r *region) left(p Pool) int {
	state := r.pool(p)
	switch {
	case state == nil:
		return bottomless
	case state.refusal != nil:
		return 0
	default:
		return max(0, state.left)
	}
}

const bottomless = 1 << 30

// draw takes a place for one instance.
func (r *region) draw(p Pool, vcpus int) error {
	state := r.pool(p)
	if state != nil && state.refusal != nil {
		return state.refusal
	}
	if limit, ok := r.limits[p.CapacityType]; ok && r.used[p.CapacityType]+vcpus > limit {
		return overLimit(p.CapacityType, limit)
	}
	if state != nil {
		if state.left <= 0 {
			return noCapacity(p)
		}
		state.left--
	}
	r.used[p.CapacityType] += vcpus
	return nil
}

// giveBack returns the place of an instance that ended.
func (r *region) giveBack(p Pool, vcpus int) {
	if state, ok := r.pools[p]; ok && state.limited {
		state.left++
	}
	r.used[p.CapacityType] -= vcpus
}

func noCapacity(p Pool) error {
	if p.CapacityType == Spot {
		return wire.Errorf("InsufficientInstanceCapacity", "There is no Spot capacity available that matches your request.")
	}
	return wire.Errorf("InsufficientInstanceCapacity",
		"We currently do not have sufficient %s capacity in the Availability Zone you requested (%s). "+
			"Our system will be working on provisioning additional capacity.", p.Type, p.Zone)
}

func overLimit(capacityType string, limit int) error {
	if capacityType == Spot {
		return wire.Errorf("MaxSpotInstanceCountExceeded", "Max spot instance count exceeded")
	}
	return wire.Errorf("VcpuLimitExceeded",
		"You have requested more vCPU capacity than your current vCPU limit of %d allows for the instance bucket "+
			"that the specified instance type belongs to.", limit)
}
