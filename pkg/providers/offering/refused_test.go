package offering_test

import (
	"testing"
	"time"

	. "github.com/onsi/gomega"
	karpv1 "sigs.k8s.io/karpenter/pkg/apis/v1"

	"github.com/karpenter-kubeadm/karpenter-provider-aws/pkg/pool"
	"github.com/karpenter-kubeadm/karpenter-provider-aws/pkg/providers/offering"
)

func all() []string {
	return []string{
		"m5.large/us-east-1a/on-demand", "m5.large/us-east-1a/spot", "m5.large/us-east-1b/on-demand", "m5.large/us-east-1b/spot",
		"t3.medium/us-east-1a/on-demand", "t3.medium/us-east-1a/spot", "t3.medium/us-east-1b/on-demand", "t3.medium/us-east-1b/spot",
	}
}

func without(out ...int) []string {
	var kept []string
	for i, name := range all() {
		gone := false
		for _, j := range out {
			gone = gone || i == j
		}
		if !gone {
			kept = append(kept, name)
		}
	}
	return kept
}

func TestRefusals(t *testing.T) {
	for name, tc := range map[string]struct {
		refuse func(*world)
		want   []string
	}{
		"nothing":         {refuse: func(*world) {}, want: all()},
		"no pools at all": {refuse: func(w *world) { w.Refuse(nil, "none") }, want: all()},
		"one pool":        {refuse: func(w *world) { w.Refuse([]pool.Pool{od("m5.large", zoneA)}, "none") }, want: without(0)},
		"several pools": {
			refuse: func(w *world) { w.Refuse([]pool.Pool{od("m5.large", zoneA), od("t3.medium", zoneB)}, "none") },
			want:   without(0, 6),
		},
		"spot, for lack of its role":               {refuse: func(w *world) { w.RefuseCapacityType(karpv1.CapacityTypeSpot, "role") }, want: without(1, 3, 5, 7)},
		"one of two subnets leaves its zone":       {refuse: func(w *world) { w.RefuseSubnet("subnet-a1", "full") }, want: all()},
		"all subnets of a zone":                    {refuse: func(w *world) { w.RefuseSubnet("subnet-a1", "full"); w.RefuseSubnet("subnet-a2", "full") }, want: without(0, 1, 4, 5)},
		"another class's subnet concerns it alone": {refuse: func(w *world) { w.RefuseSubnet("subnet-zz", "full") }, want: all()},
	} {
		t.Run(name, func(t *testing.T) {
			g, w, class := NewWithT(t), newWorld(t), newClass()
			g.Expect(w.available(t, class)).To(Equal(all()))
			tc.refuse(w)
			g.Expect(w.available(t, class)).To(Equal(tc.want))

			// Until three minutes have passed, and not longer.
			w.clock.Step(3*time.Minute - time.Nanosecond)
			g.Expect(w.available(t, class)).To(Equal(tc.want))
			w.clock.Step(time.Nanosecond)
			g.Expect(w.available(t, class)).To(Equal(all()))
			g.Expect(w.Refusals()).To(BeEmpty())
		})
	}
}

func TestARefusalCountsFromTheLatest(t *testing.T) {
	g, w, class := NewWithT(t), newWorld(t), newClass()
	refused := []pool.Pool{od("m5.large", zoneA)}
	w.Refuse(refused, "none")
	w.clock.Step(2 * time.Minute)
	before := w.ask(t, class)
	w.Refuse(refused, "still none")
	g.Expect(w.ask(t, class)["m5.large"]).To(BeIdenticalTo(before["m5.large"]), "prolonging changes no offering")

	w.clock.Step(2 * time.Minute)
	g.Expect(w.available(t, class)).To(Equal(without(0)))
	g.Expect(w.Refusals()).To(ConsistOf(offering.Refusal{Pool: refused[0], Why: "still none", Until: w.clock.Now().Add(time.Minute)}))
	w.clock.Step(time.Minute)
	g.Expect(w.available(t, class)).To(Equal(all()))
}

func TestRefusalsEndOneByOne(t *testing.T) {
	g, w, class := NewWithT(t), newWorld(t), newClass()
	w.Refuse([]pool.Pool{od("m5.large", zoneA)}, "none")
	w.clock.Step(time.Minute)
	w.Refuse([]pool.Pool{od("t3.medium", zoneB)}, "none")
	g.Expect(w.available(t, class)).To(Equal(without(0, 6)))
	w.clock.Step(2 * time.Minute)
	g.Expect(w.available(t, class)).To(Equal(without(6)))
	w.clock.Step(time.Minute)
	g.Expect(w.available(t, class)).To(Equal(all()))
}
