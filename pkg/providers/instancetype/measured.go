package instancetype

import (
	"cmp"
	"maps"
	"slices"
	"time"

	v1 "github.com/karpenter-kubeadm/karpenter-provider-aws/pkg/apis/v1"
	"github.com/karpenter-kubeadm/karpenter-provider-aws/pkg/cache"
)

// Measurement is the least memory that a node was seen to have, of those of one type that run
// one image: the kernel decides how much it keeps, so the image counts.
type Measurement struct {
	Type  string    `json:"type"`
	Image string    `json:"image"`
	Bytes int64     `json:"bytes"`
	Seen  time.Time `json:"seen"` // when such a node was last looked at
}

// machine is what memory is a fact of.
type machine struct{ name, image string }

// measurements are all there are. They are immutable.
type measurements struct {
	version uint64
	of      map[machine]Measurement
}

// Learn takes in measurements, and returns whether that changed what nodes are expected to
// have. The least of two counts: who plans with more than a node has starts a node too few,
// while with less there is only some memory spare. What no machine of the type can have is
// not believed.
func (p *Provider) Learn(seen ...Measurement) bool {
	p.learning.Lock()
	defer p.learning.Unlock()
	before := p.learned()
	next := measurements{version: before.version, of: maps.Clone(before.of)}
	for _, m := range seen {
		if !p.plausible(m) {
			continue
		}
		key := machine{m.Type, m.Image}
		old, known := next.of[key]
		if !known || m.Bytes < old.Bytes {
			next.version++
		}
		if known {
			m.Bytes = min(m.Bytes, old.Bytes)
			if old.Seen.After(m.Seen) {
				m.Seen = old.Seen
			}
		}
		next.of[key] = m
	}
	p.measured.Store(&next)
	return next.version != before.version
}

// Measurements returns what was learned, without what nobody has seen since
// cache.DiscoveredMemory before the given time: its image is out of use.
func (p *Provider) Measurements(at time.Time) []Measurement {
	var all []Measurement
	for _, m := range p.learned().of {
		if at.Sub(m.Seen) < cache.DiscoveredMemory {
			all = append(all, m)
		}
	}
	slices.SortFunc(all, func(a, b Measurement) int { return cmp.Or(cmp.Compare(a.Type, b.Type), cmp.Compare(a.Image, b.Image)) })
	return all
}

func (p *Provider) learned() measurements {
	if m := p.measured.Load(); m != nil {
		return *m
	}
	return measurements{of: map[machine]Measurement{}}
}

// plausible refuses what is more than the machine has, or less than half of it: someone took
// memory away on purpose (mem= of the kernel, huge pages do not count), or it is none of EC2's.
// Types that are not known yet are believed, since they were measured before a restart.
func (p *Provider) plausible(m Measurement) bool {
	if m.Type == "" || m.Image == "" || m.Bytes <= 0 {
		return false
	}
	i, found := slices.BinarySearchFunc(p.Facts(), m.Type, func(t Type, name string) int { return cmp.Compare(t.Name, name) })
	if !found {
		return true
	}
	has := p.Facts()[i].MemoryMiB * mebi
	return m.Bytes <= has && m.Bytes >= has/2
}

// measuredMemory is the least that nodes of t had with any of the images that class may start
// it with, in bytes; false when none was seen.
func (p *Provider) measuredMemory(t Type, class *v1.EC2NodeClass) (int64, bool) {
	learned := p.learned().of
	least, found := int64(0), false
	for _, image := range class.Status.AMIs {
		if m, ok := learned[machine{t.Name, image.ID}]; ok && (!found || m.Bytes < least) {
			least, found = m.Bytes, true
		}
	}
	return least, found
}
