package scenario

import (
	"context"
	"errors"
	"fmt"
	"time"

	"github.com/karpenter-kubeadm/karpenter-provider-aws/test/bench/arena"
	"github.com/karpenter-kubeadm/karpenter-provider-aws/test/bench/measure"
	"github.com/karpenter-kubeadm/karpenter-provider-aws/test/bench/result"
)

// Scenario is one thing to do to a cluster.
type Scenario struct {
	Name string
	// What says for people what N counts and what happens.
	What string
	// N is the default, also where the run names a larger one, if Slow.
	N    int
	Slow bool
	// Continues: it begins with N nodes of one pod each, which it takes from the scenario before it.
	Continues bool
	// Environment is what the controller is told for it.
	Environment map[string]string

	limit   func(n int) time.Duration
	prepare func(context.Context, *stage) error
	run     func(context.Context, *stage) error
}

// Options of Perform.
type Options struct {
	N      int
	Steady time.Duration // how long the steady state is watched
	// Progress is told what is going on, often.
	Progress func(string)
	// Profiles is a folder for profiles of the controller, which must serve them; empty for none.
	Profiles string
}

// Perform does a scenario to an arena and returns its row. The error is one of the bench
// itself, with which the arena is of no more use.
func Perform(ctx context.Context, a *arena.Arena, s Scenario, o Options) (result.Row, error) {
	st := &stage{Arena: a, n: o.N, options: o, row: result.Row{
		Scenario: s.Name, Controller: a.Subject.Name, N: o.N, Notes: map[string]float64{},
	}}
	limit, cancel := context.WithTimeout(ctx, s.limit(o.N))
	defer cancel()
	err := s.prepare(limit, st)
	if err != nil {
		return st.row, st.unfinished(ctx, fmt.Errorf("preparing: %w", err))
	}
	meter, err := measure.Start(a.Sources())
	if err != nil {
		return st.row, st.unfinished(ctx, err)
	}
	profiles := st.profile(limit, s.Name)
	st.began = time.Now()
	err = s.run(limit, st)
	st.row.Took = time.Since(st.began)
	if err == nil {
		st.rest(ctx)
	}
	err = errors.Join(err, meter.Stop(ctx, &st.row))
	profiles()
	if err := st.unfinished(ctx, err); err != nil {
		return st.row, err
	}
	return st.row, st.count()
}

// unfinished keeps why a scenario did not end. It returns an error only when all of the bench is to end.
func (s *stage) unfinished(ctx context.Context, err error) error {
	if err == nil {
		return nil
	}
	if ctx.Err() != nil {
		return context.Cause(ctx)
	}
	s.row.Unfinished = err.Error()
	if errors.Is(err, context.DeadlineExceeded) {
		s.row.Unfinished = "time limit: " + s.last
	}
	return nil
}

// count fills in what there is at the end.
func (s *stage) count() error {
	fleet, err := s.Fleet()
	if err != nil {
		return err
	}
	s.row.Exact = result.Exact{Nodes: s.nodes(), Claims: s.claims(), Bound: measure.Bound(s.shapes, s.offers)}
	launched := map[string]time.Time{}
	for _, i := range fleet {
		launched[i.ProviderID] = i.Launched
		if i.Alive {
			s.row.Exact.Instances++
			s.row.Exact.Cost += i.Price
		}
		if i.Launched.After(s.began) {
			s.row.Exact.Launched++
		}
	}
	s.phases(launched)
	return nil
}

// phases says how long pods, nodes and claims since the beginning took.
func (s *stage) phases(launched map[string]time.Time) {
	found := durations{}
	s.ofPods(found, launched)
	for _, c := range s.Observer.Claims() {
		if c.Created.After(s.began) {
			found.add("claim to instance", c.Created, launched[c.ProviderID])
		}
	}
	for _, name := range []string{"launched", "registered", "running", "claim to instance"} {
		if len(found[name]) > 0 {
			s.row.Phases = append(s.row.Phases, measure.NewPhase(name, found[name]))
		}
	}
}

func (s *stage) ofPods(found durations, launched map[string]time.Time) {
	nodes := map[string]measure.Node{}
	for _, n := range s.Observer.Nodes() {
		nodes[n.Name] = n
	}
	for _, p := range s.Observer.Pods() {
		node, bound := nodes[p.Node]
		if p.Gone || p.Pending.Before(s.began) || !bound {
			continue
		}
		// A pod that went to a node of old waited for no launch.
		if at := launched[node.ProviderID]; at.After(s.began) {
			found.add("launched", p.Pending, at)
			found.add("registered", p.Pending, node.Registered)
		}
		found.add("running", p.Pending, p.Running)
	}
}

// durations are those of each phase.
type durations map[string][]time.Duration

// add counts what has come to its end. Clocks that differ by a watch's delay make no negative time.
func (d durations) add(name string, from, to time.Time) {
	if !to.IsZero() {
		d[name] = append(d[name], max(0, to.Sub(from)))
	}
}
