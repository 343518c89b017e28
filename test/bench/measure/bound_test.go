package measure

import (
	"testing"
	"time"

	. "github.com/onsi/gomega"

	"github.com/karpenter-kubeadm/karpenter-provider-aws/test/bench/result"
)

func TestBound(t *testing.T) {
	offers := []Offer{{CPU: 2, Memory: 4, Price: 1}, {CPU: 2, Memory: 16, Price: 2}, {CPU: 4, Memory: 8, Price: 2.2}}
	for name, tc := range map[string]struct {
		shapes []Shape
		want   float64
	}{
		"three pods on a large node are cheapest":  {[]Shape{{CPU: 1.1, Memory: 1, Count: 10}}, 22.0 / 3},
		"two pods on each node":                    {[]Shape{{CPU: 1, Memory: 1, Count: 10}}, 5},
		"pods that only the large type holds":      {[]Shape{{CPU: 3, Memory: 1, Count: 10}}, 22},
		"memory decides":                           {[]Shape{{CPU: 0.1, Memory: 15, Count: 3}}, 6},
		"unlike pods are worth their fraction":     {[]Shape{{CPU: 1, Memory: 2, Count: 2}, {CPU: 1, Memory: 2, Count: 2}}, 2},
		"cores and memory that one price suits":    {[]Shape{{CPU: 2, Memory: 4, Count: 1}, {CPU: 2, Memory: 16, Count: 1}}, 3},
		"no pods cost nothing":                     {nil, 0},
		"pods that fit nowhere bound by the share": {[]Shape{{CPU: 8, Memory: 1, Count: 1}}, 4},
	} {
		t.Run(name, func(t *testing.T) {
			NewWithT(t).Expect(Bound(tc.shapes, offers)).To(BeNumerically("~", tc.want, 1e-9))
		})
	}
}

func TestNewPhase(t *testing.T) {
	g := NewWithT(t)
	var all []time.Duration
	for i := 100; i >= 1; i-- {
		all = append(all, time.Duration(i)*time.Second)
	}
	g.Expect(NewPhase("x", all)).To(Equal(result.Phase{
		Name: "x", Count: 100, P50: 50 * time.Second, P95: 95 * time.Second, P99: 99 * time.Second, Last: 100 * time.Second,
	}))
	g.Expect(NewPhase("x", all[99:])).To(Equal(result.Phase{Name: "x", Count: 1, P50: time.Second, P95: time.Second, P99: time.Second, Last: time.Second}))
	g.Expect(NewPhase("x", nil)).To(Equal(result.Phase{Name: "x"}))
}
