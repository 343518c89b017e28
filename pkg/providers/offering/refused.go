package offering

import (
	"maps"
	"slices"
	"sync"
	"sync/atomic"
	"time"

	"k8s.io/utils/clock"

	"github.com/karpenter-kubeadm/karpenter-provider-aws/pkg/cache"
	"github.com/karpenter-kubeadm/karpenter-provider-aws/pkg/pool"
)

// Refusal is one thing that EC2 would not give. One of Pool, Subnet and CapacityType is set.
type Refusal struct {
	Pool         pool.Pool
	Subnet       string // has no free address
	CapacityType string // cannot be had at all
	Why          string // in EC2's words
	Until        time.Time
}

// Refuse remembers that EC2 had no capacity in the pools. They are offered again after
// cache.Unavailable, counted from the latest refusal.
func (p *Provider) Refuse(pools []pool.Pool, why string) {
	subjects := make([]subject, len(pools))
	for i, of := range pools {
		subjects[i] = subject{pool: of}
	}
	p.refused.add(subjects, why)
}

// RefuseSubnet remembers that a subnet has no free addresses. A zone is out when all of a
// class's subnets there are.
func (p *Provider) RefuseSubnet(id, why string) { p.refused.add([]subject{{subnet: id}}, why) }

// RefuseCapacityType remembers that a capacity type cannot be had at all: spot, where the
// account lacks its service-linked role.
func (p *Provider) RefuseCapacityType(capacityType, why string) {
	p.refused.add([]subject{{capacityType: capacityType}}, why)
}

// Refusals returns what is refused now, in no order.
func (p *Provider) Refusals() []Refusal { return p.refused.list(p.sources.Clock.Now()) }

// subject of a refusal: a pool, a subnet or a capacity type, the others being zero.
type subject struct {
	pool         pool.Pool
	subnet       string
	capacityType string
}

type refusal struct {
	why   string
	until time.Time
}

// memory of refusals. Readers see views, which change when a refusal comes or ends.
type memory struct {
	clock   clock.PassiveClock
	mu      sync.Mutex
	entries map[subject]refusal
	latest  atomic.Pointer[view]
}

// view is what is refused at one time. It is immutable.
type view struct {
	generation uint64 // of the set of subjects
	entries    map[subject]refusal
	ends       time.Time // when the first refusal does; zero when there is none
}

func newMemory(c clock.PassiveClock) *memory {
	m := &memory{clock: c, entries: map[subject]refusal{}}
	m.latest.Store(&view{generation: 1})
	return m
}

// view returns what is refused at now.
func (m *memory) view(now time.Time) *view {
	v := m.latest.Load()
	if v.ends.IsZero() || now.Before(v.ends) {
		return v
	}
	m.mu.Lock()
	defer m.mu.Unlock()
	before := len(m.entries)
	maps.DeleteFunc(m.entries, func(_ subject, r refusal) bool { return !now.Before(r.until) })
	return m.publish(len(m.entries) != before)
}

func (m *memory) add(subjects []subject, why string) {
	if len(subjects) == 0 {
		return
	}
	until := m.clock.Now().Add(cache.Unavailable)
	m.mu.Lock()
	defer m.mu.Unlock()
	changed := false
	for _, s := range subjects {
		_, known := m.entries[s]
		changed = changed || !known
		m.entries[s] = refusal{why: why, until: until}
	}
	m.publish(changed)
}

// publish makes the entries visible. A refusal that is only prolonged leaves the generation
// alone, since it changes no offering. m.mu is held.
func (m *memory) publish(changed bool) *view {
	v := &view{generation: m.latest.Load().generation, entries: maps.Clone(m.entries)}
	if changed {
		v.generation++
	}
	for _, r := range m.entries {
		if v.ends.IsZero() || r.until.Before(v.ends) {
			v.ends = r.until
		}
	}
	m.latest.Store(v)
	return v
}

func (m *memory) list(now time.Time) []Refusal {
	entries := m.view(now).entries
	all := make([]Refusal, 0, len(entries))
	for s, r := range entries {
		all = append(all, Refusal{Pool: s.pool, Subnet: s.subnet, CapacityType: s.capacityType, Why: r.why, Until: r.until})
	}
	return all
}

// holds reports whether a launch into the pool is out, for a class with subnets in its zone.
func (v *view) holds(of pool.Pool, subnets []string) bool {
	if len(v.entries) == 0 {
		return false
	}
	if v.has(subject{pool: of}) || v.has(subject{capacityType: of.CapacityType}) {
		return true
	}
	full := func(id string) bool { return v.has(subject{subnet: id}) }
	return len(subnets) > 0 && !slices.ContainsFunc(subnets, func(id string) bool { return !full(id) })
}

func (v *view) has(s subject) bool {
	_, ok := v.entries[s]
	return ok
}
