package cloudprovider

import (
	"fmt"
	"testing"

	. "github.com/onsi/gomega"
	"github.com/samber/lo"
	corev1 "k8s.io/api/core/v1"
	"k8s.io/apimachinery/pkg/api/resource"
	karpv1 "sigs.k8s.io/karpenter/pkg/apis/v1"
	karpenter "sigs.k8s.io/karpenter/pkg/cloudprovider"
	"sigs.k8s.io/karpenter/pkg/scheduling"

	v1 "github.com/karpenter-kubeadm/karpenter-provider-aws/pkg/apis/v1"
)

const (
	zoneA    = "ap-northeast-2a"
	zoneC    = "ap-northeast-2c"
	onDemand = karpv1.CapacityTypeOnDemand
	spot     = karpv1.CapacityTypeSpot
)

// typeOf makes an instance type with cpu cores and twice as many GiB of memory.
func typeOf(name string, cpu int64, offerings ...*karpenter.Offering) *karpenter.InstanceType {
	return &karpenter.InstanceType{
		Name: name,
		Requirements: scheduling.NewRequirements(
			scheduling.NewRequirement(corev1.LabelInstanceTypeStable, corev1.NodeSelectorOpIn, name),
			scheduling.NewRequirement(corev1.LabelArchStable, corev1.NodeSelectorOpIn, "amd64"),
			scheduling.NewRequirement(corev1.LabelTopologyZone, corev1.NodeSelectorOpIn, zoneA, zoneC),
			scheduling.NewRequirement(karpv1.CapacityTypeLabelKey, corev1.NodeSelectorOpIn, onDemand, spot),
			scheduling.NewRequirement(v1.LabelInstanceSize, corev1.NodeSelectorOpIn, sizeOf(name)),
			scheduling.NewRequirement(v1.LabelInstanceFamily, corev1.NodeSelectorOpIn, name[:2]),
			scheduling.NewRequirement(v1.LabelInstanceTenancy, corev1.NodeSelectorOpIn, v1.TenancyDefault, v1.TenancyDedicated),
			scheduling.NewRequirement(v1.LabelCapacityReservationID, corev1.NodeSelectorOpDoesNotExist),
		),
		Offerings: offerings,
		Capacity: corev1.ResourceList{
			corev1.ResourceCPU:    *resource.NewQuantity(cpu, resource.DecimalSI),
			corev1.ResourceMemory: *resource.NewQuantity(cpu*2<<30, resource.BinarySI),
			corev1.ResourcePods:   resource.MustParse("110"),
		},
		Overhead: &karpenter.InstanceTypeOverhead{},
	}
}

func sizeOf(name string) string { return name[len(name)-len("large"):] }

func offer(zone, capacityType string, price float64) *karpenter.Offering {
	return &karpenter.Offering{
		Requirements: scheduling.NewRequirements(
			scheduling.NewRequirement(corev1.LabelTopologyZone, corev1.NodeSelectorOpIn, zone),
			scheduling.NewRequirement(karpv1.CapacityTypeLabelKey, corev1.NodeSelectorOpIn, capacityType),
		),
		Price: price, Available: true,
	}
}

func refused(o *karpenter.Offering) *karpenter.Offering {
	o.Available = false
	return o
}

// claimOf makes a NodeClaim that asks for a core and these requirements.
func claimOf(reqs ...karpv1.NodeSelectorRequirementWithMinValues) *karpv1.NodeClaim {
	claim := &karpv1.NodeClaim{}
	claim.UID, claim.Name = "uid", "claim"
	claim.Labels = map[string]string{karpv1.NodePoolLabelKey: "workers"}
	claim.Spec.NodeClassRef = &karpv1.NodeClassReference{Group: "karpenter.k8s.aws", Kind: "EC2NodeClass", Name: "default"}
	claim.Spec.Requirements = reqs
	claim.Spec.Resources.Requests = corev1.ResourceList{corev1.ResourceCPU: resource.MustParse("1")}
	return claim
}

func in(key string, values ...string) karpv1.NodeSelectorRequirementWithMinValues {
	return karpv1.NodeSelectorRequirementWithMinValues{Key: key, Operator: corev1.NodeSelectorOpIn, Values: values}
}

// pools is what a choice offers, as "type zone" in order of price.
func (c choice) pools() []string {
	var out []string
	for _, candidate := range c.candidates {
		for _, o := range candidate.offerings {
			out = append(out, candidate.it.Name+" "+o.Zone())
		}
	}
	return out
}

func TestChoose(t *testing.T) {
	small := typeOf("t3.small", 2, offer(zoneA, onDemand, 0.02), offer(zoneC, onDemand, 0.02), offer(zoneA, spot, 0.006))
	large := typeOf("m5.large", 4, offer(zoneA, onDemand, 0.1), offer(zoneC, onDemand, 0.1), offer(zoneC, spot, 0.05))
	metal := typeOf("m5.metal", 96, offer(zoneA, onDemand, 0.01))
	gpu := typeOf("g5.large", 4, offer(zoneA, onDemand, 0.015))
	gpu.Capacity[v1.ResourceNVIDIAGPU] = resource.MustParse("1")
	dear := typeOf("c5.large", 4, offer(zoneA, spot, 0.3), offer(zoneA, onDemand, 0.2))

	for name, tc := range map[string]struct {
		claim        *karpv1.NodeClaim
		types        []*karpenter.InstanceType
		want         []string
		capacityType string
	}{
		"the cheapest comes first": {
			claim: claimOf(in(karpv1.CapacityTypeLabelKey, onDemand)), types: []*karpenter.InstanceType{large, small},
			want: []string{"t3.small " + zoneA, "t3.small " + zoneC, "m5.large " + zoneA, "m5.large " + zoneC}, capacityType: onDemand,
		},
		"spot is preferred where both are allowed, in its zones only": {
			claim: claimOf(in(karpv1.CapacityTypeLabelKey, onDemand, spot)), types: []*karpenter.InstanceType{large, small},
			want: []string{"t3.small " + zoneA}, capacityType: spot,
		},
		"spot that is dearer than the cheapest on-demand is not": {
			claim: claimOf(in(karpv1.CapacityTypeLabelKey, onDemand, spot)), types: []*karpenter.InstanceType{dear},
			want: []string{"c5.large " + zoneA}, capacityType: onDemand,
		},
		"dear spot is taken where only spot is allowed": {
			claim: claimOf(in(karpv1.CapacityTypeLabelKey, spot)), types: []*karpenter.InstanceType{dear},
			want: []string{"c5.large " + zoneA}, capacityType: spot,
		},
		"a zone that is not allowed is not offered": {
			claim: claimOf(in(corev1.LabelTopologyZone, zoneC), in(karpv1.CapacityTypeLabelKey, onDemand)), types: []*karpenter.InstanceType{large, small},
			want: []string{"t3.small " + zoneC, "m5.large " + zoneC}, capacityType: onDemand,
		},
		"what does not fit is not offered": {
			claim: func() *karpv1.NodeClaim {
				c := claimOf(in(karpv1.CapacityTypeLabelKey, onDemand))
				c.Spec.Resources.Requests[corev1.ResourceCPU] = resource.MustParse("3")
				return c
			}(), types: []*karpenter.InstanceType{large, small},
			want: []string{"m5.large " + zoneA, "m5.large " + zoneC}, capacityType: onDemand,
		},
		"bare metal and accelerators are not offered though they are cheap": {
			claim: claimOf(in(karpv1.CapacityTypeLabelKey, onDemand)), types: []*karpenter.InstanceType{metal, gpu, large},
			want: []string{"m5.large " + zoneA, "m5.large " + zoneC}, capacityType: onDemand,
		},
		"they are where there is nothing else": {
			claim: claimOf(in(karpv1.CapacityTypeLabelKey, onDemand)), types: []*karpenter.InstanceType{metal, gpu},
			want: []string{"m5.metal " + zoneA, "g5.large " + zoneA}, capacityType: onDemand,
		},
		"a pool that EC2 refused lately is not offered": {
			claim: claimOf(), types: []*karpenter.InstanceType{typeOf("t3.small", 2, refused(offer(zoneA, onDemand, 0.02)), offer(zoneC, onDemand, 0.02))},
			want: []string{"t3.small " + zoneC}, capacityType: onDemand,
		},
	} {
		t.Run(name, func(t *testing.T) {
			g := NewWithT(t)
			before := fmt.Sprint(lo.Map(tc.types, func(it *karpenter.InstanceType, _ int) string { return fmt.Sprint(it.Name, len(it.Offerings)) }))
			got, err := choose(tc.claim, tc.types, false)
			g.Expect(err).NotTo(HaveOccurred())
			g.Expect(got.pools()).To(Equal(tc.want))
			g.Expect(got.capacityType).To(Equal(tc.capacityType))
			after := fmt.Sprint(lo.Map(tc.types, func(it *karpenter.InstanceType, _ int) string { return fmt.Sprint(it.Name, len(it.Offerings)) }))
			g.Expect(after).To(Equal(before), "types are shared and stay as they are")
		})
	}
}

func TestChooseFailsWhenNothingFits(t *testing.T) {
	it := typeOf("t3.small", 2, offer(zoneA, onDemand, 0.02))
	for name, claim := range map[string]*karpv1.NodeClaim{
		"no type is of that architecture": claimOf(in(corev1.LabelArchStable, "arm64")),
		"no zone is allowed":              claimOf(in(corev1.LabelTopologyZone, "ap-northeast-2b")),
		"no capacity type is allowed":     claimOf(in(karpv1.CapacityTypeLabelKey, karpv1.CapacityTypeReserved)),
	} {
		t.Run(name, func(t *testing.T) {
			_, err := choose(claim, []*karpenter.InstanceType{it}, false)
			NewWithT(t).Expect(err).To(MatchError(errNothingFits))
		})
	}
}

func TestChooseOffersAtMostSixtyTypes(t *testing.T) {
	g := NewWithT(t)
	var types []*karpenter.InstanceType
	for n := range 100 {
		types = append(types, typeOf(fmt.Sprintf("m%d.large", n), 4, offer(zoneA, onDemand, float64(100-n))))
	}
	got, err := choose(claimOf(), types, false)
	g.Expect(err).NotTo(HaveOccurred())
	g.Expect(got.candidates).To(HaveLen(60))
	g.Expect(got.candidates[0].it.Name).To(Equal("m99.large"))
}

func TestChooseKeepsMinValues(t *testing.T) {
	families := []*karpenter.InstanceType{
		typeOf("m5.large", 4, offer(zoneA, onDemand, 0.1)), typeOf("m5.small", 2, offer(zoneA, onDemand, 0.05)),
		typeOf("m5.metal", 96, offer(zoneA, onDemand, 5)),
	}
	wanted := in(v1.LabelInstanceSize, "large", "small", "metal")
	wanted.MinValues = lo.ToPtr(3)
	for name, tc := range map[string]struct {
		types   []*karpenter.InstanceType
		relaxed bool
		count   int
		err     OmegaMatcher
	}{
		"nothing is narrowed that flexibility was asked for": {types: families, count: 3, err: BeNil()},
		"too few fail, with the key that lacks values":       {types: families[:2], err: MatchError(ContainSubstring(v1.LabelInstanceSize))},
		"too few do when minValues are relaxed":              {types: families[:2], relaxed: true, count: 2, err: BeNil()},
	} {
		t.Run(name, func(t *testing.T) {
			g := NewWithT(t)
			// sizeOf cuts "small" and "metal" as it does "large": all have five letters
			got, err := choose(claimOf(wanted), tc.types, tc.relaxed)
			g.Expect(err).To(tc.err)
			g.Expect(got.candidates).To(HaveLen(tc.count))
		})
	}
}

func TestTenancyIsDefaultUnlessOnlyDedicatedIsAllowed(t *testing.T) {
	it := typeOf("t3.small", 2, offer(zoneA, onDemand, 0.02))
	for want, claim := range map[string]*karpv1.NodeClaim{
		v1.TenancyDefault:   claimOf(in(v1.LabelInstanceTenancy, v1.TenancyDedicated, v1.TenancyDefault)),
		v1.TenancyDedicated: claimOf(in(v1.LabelInstanceTenancy, v1.TenancyDedicated)),
	} {
		t.Run(want, func(t *testing.T) {
			g := NewWithT(t)
			got, err := choose(claim, []*karpenter.InstanceType{it}, false)
			g.Expect(err).NotTo(HaveOccurred())
			g.Expect(got.tenancy).To(Equal(want))
		})
	}
}

func TestAnOfferingWithASizeOfItsOwnIsJudgedByThatSize(t *testing.T) {
	g := NewWithT(t)
	shrunk := offer(zoneA, onDemand, 0.01)
	shrunk.CapacityOverride = corev1.ResourceList{corev1.ResourceCPU: resource.MustParse("500m")}
	got, err := choose(claimOf(), []*karpenter.InstanceType{typeOf("t3.small", 2, shrunk, offer(zoneC, onDemand, 0.02))}, false)
	g.Expect(err).NotTo(HaveOccurred())
	g.Expect(got.pools()).To(Equal([]string{"t3.small " + zoneC}))
}

// region is a large one: 900 types in 6 zones, on demand and spot.
func region() []*karpenter.InstanceType {
	var types []*karpenter.InstanceType
	for n := range 900 {
		var offerings []*karpenter.Offering
		for _, zone := range []string{"a", "b", "c", "d", "e", "f"} {
			offerings = append(offerings, offer("ap-northeast-2"+zone, onDemand, float64(n+10)), offer("ap-northeast-2"+zone, spot, float64(n+10)/3))
		}
		types = append(types, typeOf(fmt.Sprintf("m%d.large", n), 4, offerings...))
	}
	return types
}

// BenchmarkChoose is one launch in a large region. A launch pays it once, so the budget is 20 ms.
func BenchmarkChoose(b *testing.B) {
	types := region()
	claim := claimOf(in(karpv1.CapacityTypeLabelKey, onDemand, spot), in(corev1.LabelTopologyZone, zoneA, zoneC))
	b.ReportAllocs()
	for b.Loop() {
		// 21 types have spot that costs no more than the cheapest on-demand, in two zones each.
		if got, err := choose(claim, types, false); err != nil || len(got.pools()) != 42 {
			b.Fatalf("chose %d pools, %v", len(got.pools()), err)
		}
	}
}

// BenchmarkChooseNamed is the same for a claim of core's, which names the 100 cheapest types
// that it planned with. A burst of a thousand claims pays it a thousand times: the budget is 1 ms.
func BenchmarkChooseNamed(b *testing.B) {
	types := region()
	var names []string
	for _, it := range types[:100] {
		names = append(names, it.Name)
	}
	claim := claimOf(in(corev1.LabelInstanceTypeStable, names...), in(karpv1.CapacityTypeLabelKey, onDemand), in(corev1.LabelTopologyZone, zoneA, zoneC))
	b.ReportAllocs()
	for b.Loop() {
		if got, err := choose(claim, types, false); err != nil || len(got.pools()) != 2*maxTypes {
			b.Fatalf("chose %d pools, %v", len(got.pools()), err)
		}
	}
}
