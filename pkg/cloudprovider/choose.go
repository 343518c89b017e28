package cloudprovider

import (
	"cmp"
	"errors"
	"fmt"
	"maps"
	"math"
	"slices"
	"strings"

	"github.com/samber/lo"
	corev1 "k8s.io/api/core/v1"
	karpv1 "sigs.k8s.io/karpenter/pkg/apis/v1"
	karpenter "sigs.k8s.io/karpenter/pkg/cloudprovider"
	"sigs.k8s.io/karpenter/pkg/scheduling"
	"sigs.k8s.io/karpenter/pkg/utils/resources"

	v1 "github.com/karpenter-kubeadm/karpenter-provider-aws/pkg/apis/v1"
)

// maxTypes is how many instance types one launch offers to EC2. In six zones they make 360
// pools; more only make the call slower, as EC2 takes the cheapest that it can.
const maxTypes = 60

// candidate is a type, and those of its offerings that a claim may be launched in. The
// type and the offerings are shared and read-only.
type candidate struct {
	it        *karpenter.InstanceType
	offerings []*karpenter.Offering // never empty
}

// choice is what a launch offers to EC2: at most maxTypes types, cheapest first, with
// offerings of one capacity type.
type choice struct {
	candidates   []candidate
	capacityType string
	tenancy      string
}

var errNothingFits = errors.New("no instance type that fits the NodeClaim is available")

// choose returns the pools in which claim may be launched. It fails when there are none, or
// too few for minValues unless those are relaxed.
func choose(claim *karpv1.NodeClaim, types []*karpenter.InstanceType, relaxMinValues bool) (choice, error) {
	reqs := scheduling.NewNodeSelectorRequirementsWithMinValues(claim.Spec.Requirements...)
	candidates := launchable(types, reqs, claim.Spec.Resources.Requests)
	if !reqs.HasMinValues() {
		// What users asked to be flexible about is not narrowed for them.
		candidates = withoutExotic(candidates)
		candidates = withoutDearSpot(candidates, reqs)
	}
	if len(candidates) == 0 {
		return choice{}, errNothingFits
	}
	candidates = cheapest(candidates)
	if err := satisfies(candidates, reqs); err != nil && !relaxMinValues {
		return choice{}, err
	}
	capacityType := capacityTypeOf(candidates)
	return choice{
		candidates:   ofCapacityType(candidates, capacityType),
		capacityType: capacityType,
		tenancy:      tenancyOf(reqs),
	}, nil
}

// launchable returns the types that claim's requirements allow and that its requests fit,
// with the offerings that can be launched now. A type has several sizes where an overlay
// changes some of its offerings; those in whose size the requests do not fit are left out.
func launchable(types []*karpenter.InstanceType, reqs scheduling.Requirements, requests corev1.ResourceList) []candidate {
	var out []candidate
	for _, it := range types {
		if !names(reqs, it) || !reqs.IsCompatible(it.Requirements, scheduling.AllowUndefinedWellKnownLabels) {
			continue
		}
		c := candidate{it: it}
		for _, size := range it.AllocatableOfferingsList() {
			if resources.Fits(requests, size.Allocatable) {
				c.offerings = append(c.offerings, lo.Filter(size.Offerings, func(o *karpenter.Offering, _ int) bool {
					return o.Launchable() && reaches(reqs, o) && reqs.IsCompatible(o.Requirements, scheduling.AllowUndefinedWellKnownLabels) && isMarket(o)
				})...)
			}
		}
		if len(c.offerings) > 0 {
			out = append(out, c)
		}
	}
	return out
}

// names rules most types out by their name alone: core names those that it planned with.
func names(reqs scheduling.Requirements, it *karpenter.InstanceType) bool {
	asked := reqs[corev1.LabelInstanceTypeStable]
	return asked == nil || asked.Has(it.Name)
}

// reaches rules most offerings out by what tells them apart, which costs a hundredth of a
// full comparison.
func reaches(reqs scheduling.Requirements, o *karpenter.Offering) bool {
	for _, key := range []string{corev1.LabelTopologyZone, karpv1.CapacityTypeLabelKey} {
		if asked, has := reqs[key], o.Requirements[key]; asked != nil && has != nil && !asked.HasIntersection(has) {
			return false
		}
	}
	return true
}

// isMarket leaves out reserved offerings, which this provider does not launch yet.
func isMarket(o *karpenter.Offering) bool {
	return o.CapacityType() == karpv1.CapacityTypeSpot || o.CapacityType() == karpv1.CapacityTypeOnDemand
}

// withoutExotic drops bare metal and types with accelerators where there are others: who
// needs them asks for them.
func withoutExotic(candidates []candidate) []candidate {
	if plain := lo.Reject(candidates, func(c candidate, _ int) bool { return isExotic(c.it) }); len(plain) > 0 {
		return plain
	}
	return candidates
}

func isExotic(it *karpenter.InstanceType) bool {
	if slices.ContainsFunc(it.Requirements.Get(v1.LabelInstanceSize).Values(), func(size string) bool { return strings.Contains(size, "metal") }) {
		return true
	}
	return slices.ContainsFunc([]corev1.ResourceName{
		v1.ResourceAWSNeuron, v1.ResourceAWSNeuronCore, v1.ResourceAMDGPU, v1.ResourceNVIDIAGPU, v1.ResourceHabanaGaudi,
	}, func(name corev1.ResourceName) bool { return !resources.IsZero(it.Capacity[name]) })
}

// withoutDearSpot drops spot that costs more than the cheapest on-demand, where the claim
// allows both.
func withoutDearSpot(candidates []candidate, reqs scheduling.Requirements) []candidate {
	allowed := reqs.Get(karpv1.CapacityTypeLabelKey)
	if !allowed.Has(karpv1.CapacityTypeOnDemand) || !allowed.Has(karpv1.CapacityTypeSpot) {
		return candidates
	}
	limit := math.MaxFloat64
	for _, c := range candidates {
		for _, o := range c.offerings {
			if o.CapacityType() == karpv1.CapacityTypeOnDemand {
				limit = min(limit, o.Price)
			}
		}
	}
	return keep(candidates, func(o *karpenter.Offering, _ int) bool {
		return o.CapacityType() != karpv1.CapacityTypeSpot || o.Price <= limit
	})
}

// keep returns candidates with the offerings that wanted wants, without those that have none.
func keep(candidates []candidate, wanted func(*karpenter.Offering, int) bool) []candidate {
	var out []candidate
	for _, c := range candidates {
		if offerings := lo.Filter(c.offerings, wanted); len(offerings) > 0 {
			out = append(out, candidate{it: c.it, offerings: offerings})
		}
	}
	return out
}

// cheapest returns the maxTypes cheapest, in order; of equal prices the first by name, so
// that equal claims make equal requests.
func cheapest(candidates []candidate) []candidate {
	prices := make(map[string]float64, len(candidates))
	for _, c := range candidates {
		prices[c.it.Name] = karpenter.Offerings(c.offerings).Cheapest().Price
	}
	sorted := slices.SortedFunc(slices.Values(candidates), func(a, b candidate) int {
		return cmp.Or(cmp.Compare(prices[a.it.Name], prices[b.it.Name]), cmp.Compare(a.it.Name, b.it.Name))
	})
	return sorted[:min(len(sorted), maxTypes)]
}

// satisfies fails when candidates are too few for minValues.
func satisfies(candidates []candidate, reqs scheduling.Requirements) error {
	types := lo.Map(candidates, func(c candidate, _ int) *karpenter.InstanceType { return c.it })
	if _, short, err := karpenter.InstanceTypes(types).SatisfiesMinValues(reqs); err != nil {
		return fmt.Errorf("of the %d cheapest types that fit, too few differ in %s for its minValues: %w",
			len(candidates), strings.Join(slices.Sorted(maps.Keys(short)), ", "), err)
	}
	return nil
}

// capacityTypeOf prefers spot, since withoutDearSpot left only what is cheaper.
func capacityTypeOf(candidates []candidate) string {
	if len(ofCapacityType(candidates, karpv1.CapacityTypeSpot)) > 0 {
		return karpv1.CapacityTypeSpot
	}
	return karpv1.CapacityTypeOnDemand
}

func ofCapacityType(candidates []candidate, capacityType string) []candidate {
	return keep(candidates, func(o *karpenter.Offering, _ int) bool { return o.CapacityType() == capacityType })
}

// tenancyOf is default unless only dedicated is allowed.
func tenancyOf(reqs scheduling.Requirements) string {
	if allowed := reqs.Get(v1.LabelInstanceTenancy); !allowed.Has(v1.TenancyDefault) && allowed.Has(v1.TenancyDedicated) {
		return v1.TenancyDedicated
	}
	return v1.TenancyDefault
}

func findType(types []*karpenter.InstanceType, name string) *karpenter.InstanceType {
	it, _ := lo.Find(types, func(it *karpenter.InstanceType) bool { return it.Name == name })
	return it
}
