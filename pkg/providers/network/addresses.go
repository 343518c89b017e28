package network

import (
	"sync"
	"time"

	"k8s.io/utils/clock"

	v1 "github.com/karpenter-kubeadm/karpenter-provider-aws/pkg/apis/v1"
	"github.com/karpenter-kubeadm/karpenter-provider-aws/pkg/cache"
)

// settle is how long EC2's count of free addresses may lag a launch. Counting an address
// twice for that long costs nothing but a worse choice between two subnets; at half of it,
// a burst that follows a count at once would fill one subnet.
const settle = 30 * time.Second

// addresses knows how many addresses subnets have left: what EC2 counted, less what
// launches took since.
type addresses struct {
	clock clock.PassiveClock

	mu    sync.Mutex
	free  map[string]int // by subnet id, as EC2 last counted
	taken map[string][]lease
}

// lease is addresses that a launch took, oldest first in a subnet's list.
type lease struct {
	count int
	since time.Time
}

func newAddresses(clk clock.PassiveClock) *addresses {
	return &addresses{clock: clk, free: map[string]int{}, taken: map[string][]lease{}}
}

// counted records that EC2, asked at the given time, had free addresses in subnet.
func (a *addresses) counted(subnet string, free int, asked time.Time) {
	a.mu.Lock()
	defer a.mu.Unlock()
	a.free[subnet] = free
	a.drop(subnet, asked.Add(-settle))
}

func (a *addresses) reserve(subnets []v1.Subnet, count int) map[string]string {
	a.mu.Lock()
	defer a.mu.Unlock()
	now := a.clock.Now()
	best := map[string]string{}
	for _, subnet := range subnets {
		a.drop(subnet.ID, now.Add(-cache.SubnetFreeAddresses))
		if chosen, ok := best[subnet.Zone]; !ok || a.left(subnet.ID) > a.left(chosen) {
			best[subnet.Zone] = subnet.ID
		}
	}
	for _, subnet := range best {
		a.taken[subnet] = append(a.taken[subnet], lease{count: count, since: now})
	}
	return best
}

func (a *addresses) release(subnet string, count int) {
	a.mu.Lock()
	defer a.mu.Unlock()
	leases := a.taken[subnet]
	for i := len(leases) - 1; i >= 0 && count > 0; i-- {
		back := min(count, leases[i].count)
		leases[i].count -= back
		count -= back
	}
	a.keep(subnet, leases, func(l lease) bool { return l.count > 0 })
}

// left is what a subnet has left; what was never counted has nothing.
func (a *addresses) left(subnet string) int {
	left := a.free[subnet]
	for _, l := range a.taken[subnet] {
		left -= l.count
	}
	return left
}

// drop forgets leases from before the given time: EC2's count includes them by now.
func (a *addresses) drop(subnet string, before time.Time) {
	a.keep(subnet, a.taken[subnet], func(l lease) bool { return l.since.After(before) })
}

func (a *addresses) keep(subnet string, leases []lease, wanted func(lease) bool) {
	var kept []lease
	for _, l := range leases {
		if wanted(l) {
			kept = append(kept, l)
		}
	}
	if len(kept) == 0 {
		delete(a.taken, subnet)
		return
	}
	a.taken[subnet] = kept
}
