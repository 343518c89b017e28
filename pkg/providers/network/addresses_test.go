package network

import (
	"testing"
	"time"

	. "github.com/onsi/gomega"
	clocktesting "k8s.io/utils/clock/testing"

	v1 "github.com/karpenter-kubeadm/karpenter-provider-aws/pkg/apis/v1"
	"github.com/karpenter-kubeadm/karpenter-provider-aws/pkg/cache"
)

// world is two subnets in zone a and one in b.
func world() (*addresses, *clocktesting.FakePassiveClock, []v1.Subnet) {
	clk := clocktesting.NewFakePassiveClock(time.Unix(1_700_000_000, 0))
	a := newAddresses(clk)
	for subnet, free := range map[string]int{"a1": 10, "a2": 8, "b1": 5} {
		a.counted(subnet, free, clk.Now())
	}
	return a, clk, []v1.Subnet{{ID: "a1", Zone: "a"}, {ID: "a2", Zone: "a"}, {ID: "b1", Zone: "b"}}
}

func step(clk *clocktesting.FakePassiveClock, d time.Duration) { clk.SetTime(clk.Now().Add(d)) }

func TestReserveTakesTheSubnetWithMostLeft(t *testing.T) {
	g := NewWithT(t)
	a, _, subnets := world()
	var chosen []string
	for range 4 {
		chosen = append(chosen, a.reserve(subnets, 1)["a"])
	}
	g.Expect(chosen).To(Equal([]string{"a1", "a1", "a1", "a2"}), "10, 9, 8 as many as the other which comes later, then 7 against 8")
	g.Expect(a.reserve(subnets, 1)).To(HaveLen(2), "one for each zone")
	g.Expect(a.reserve(nil, 1)).To(BeEmpty())
}

func TestReserveGoesOnWhenNothingIsLeft(t *testing.T) {
	g := NewWithT(t)
	a, _, subnets := world()
	for range 30 {
		a.reserve(subnets, 1)
	}
	g.Expect(a.reserve(subnets, 1)).To(HaveKey("a"), "EC2 decides whether a subnet is full")
	g.Expect(a.reserve([]v1.Subnet{{ID: "new", Zone: "a"}, {ID: "b1", Zone: "a"}}, 1)).To(HaveKeyWithValue("a", "new"), "one that was never counted has at least nothing")
}

func TestReleasePutsBack(t *testing.T) {
	g := NewWithT(t)
	a, _, subnets := world()
	a.reserve(subnets, 3)
	a.reserve(subnets, 2) // of a2: 8 against 7
	g.Expect(a.left("a1")).To(Equal(7))
	a.release("a1", 2)
	g.Expect(a.left("a1")).To(Equal(9))
	a.release("a1", 99)
	g.Expect(a.left("a1")).To(Equal(10), "no more than was taken")
	a.release("unknown", 1)
	g.Expect(a.left("unknown")).To(Equal(0))
}

func TestACountReplacesWhatItIncludes(t *testing.T) {
	g := NewWithT(t)
	a, clk, subnets := world()
	a.reserve(subnets[:1], 4)
	a.counted("a1", 10, clk.Now())
	g.Expect(a.left("a1")).To(Equal(6), "EC2's count lags what was just launched")
	step(clk, settle)
	a.reserve(subnets[:1], 1)
	a.counted("a1", 6, clk.Now())
	g.Expect(a.left("a1")).To(Equal(5), "the first launch is in the count now, the second is not")
}

func TestReservationsDoNotOutliveTheirUse(t *testing.T) {
	g := NewWithT(t)
	a, clk, subnets := world()
	a.reserve(subnets, 4)
	step(clk, cache.SubnetFreeAddresses)
	g.Expect(a.reserve(subnets, 1)).To(HaveKeyWithValue("a", "a1"))
	g.Expect(a.left("a1")).To(Equal(9))
}
