package hollow

import (
	"context"
	"fmt"
	"iter"
	"maps"
	"slices"
	"sync"
	"time"

	"github.com/karpenter-kubeadm/karpenter-provider-aws/test/hollow/inventory"
)

// sight is what a booter sees of EC2: all instances at each look or, where a hypervisor says
// what changed, those alone, so that a look costs the same however many there are.
type sight struct {
	facts      *inventory.Reader
	hypervisor Hypervisor // may be nil
	all        bool

	seen   map[string]inventory.Instance
	boots  map[string]time.Time // when they were last told to boot, as far as the hypervisor says
	moment uint64

	mu      sync.Mutex
	waiting map[string]bool // changed, and not looked at since, or not shown by EC2 yet
}

func newSight(facts *inventory.Reader, config Config) *sight {
	return &sight{
		facts: facts, hypervisor: config.Hypervisor, all: config.All,
		seen: map[string]inventory.Instance{}, boots: map[string]time.Time{}, waiting: map[string]bool{},
	}
}

// look brings seen up to date and returns the instances that may have changed, by id.
func (s *sight) look(ctx context.Context) ([]inventory.Instance, error) {
	if s.hypervisor == nil {
		seen, err := s.facts.Instances(ctx, s.all)
		if err != nil {
			return nil, err
		}
		s.seen = seen
		return s.some(maps.Keys(seen)), nil
	}
	changes, now, err := s.hypervisor.Changes(ctx, s.moment)
	if err != nil {
		return nil, fmt.Errorf("reading changes: %w", err)
	}
	s.moment = now
	found, err := s.facts.Some(ctx, s.all, s.wait(changes))
	if err != nil {
		return nil, err
	}
	s.mu.Lock()
	defer s.mu.Unlock()
	for id, i := range found {
		s.seen[id] = i
		delete(s.waiting, id)
	}
	return s.some(maps.Keys(found)), nil
}

// wait takes changes in and returns the ids of all that wait to be looked at.
func (s *sight) wait(changes []inventory.Change) []string {
	s.mu.Lock()
	defer s.mu.Unlock()
	for _, change := range changes {
		if change.Ended() {
			delete(s.seen, change.ID)
			delete(s.boots, change.ID)
			delete(s.waiting, change.ID)
			continue
		}
		s.boots[change.ID] = change.LastBoot
		s.waiting[change.ID] = true
	}
	return slices.Sorted(maps.Keys(s.waiting))
}

func (s *sight) some(ids iter.Seq[string]) []inventory.Instance {
	sorted := slices.Sorted(ids)
	out := make([]inventory.Instance, 0, len(sorted))
	for _, id := range sorted {
		out = append(out, s.seen[id])
	}
	return out
}

// again has an instance looked at once more.
func (s *sight) again(id string) {
	s.mu.Lock()
	defer s.mu.Unlock()
	s.waiting[id] = true
}
