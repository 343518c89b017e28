package measure

import (
	"math"
	"slices"
	"time"

	"github.com/karpenter-kubeadm/karpenter-provider-aws/test/bench/result"
)

// NewPhase summarises durations by nearest rank: the p-th percentile is the least of them that
// at least p percent do not exceed.
func NewPhase(name string, all []time.Duration) result.Phase {
	p := result.Phase{Name: name, Count: len(all)}
	if len(all) == 0 {
		return p
	}
	sorted := slices.Sorted(slices.Values(all))
	rank := func(share float64) time.Duration {
		return sorted[max(0, int(math.Ceil(share*float64(len(sorted))))-1)]
	}
	p.P50, p.P95, p.P99, p.Last = rank(0.50), rank(0.95), rank(0.99), sorted[len(sorted)-1]
	return p
}
