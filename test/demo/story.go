package main

import (
	"context"
	"errors"
	"fmt"
	"maps"
	"path/filepath"
	"slices"
	"strings"
	"sync"
	"time"

	corev1 "k8s.io/api/core/v1"
	"k8s.io/apimachinery/pkg/api/resource"
	karpv1 "sigs.k8s.io/karpenter/pkg/apis/v1"

	"github.com/karpenter-kubeadm/karpenter-provider-aws/test/env"
)

const (
	pods        = 10
	glance      = 100 * time.Millisecond
	upPatience  = 2 * time.Minute
	offPatience = 5 * time.Minute
)

// story is the demo from pending pods to nothing left, with what it found on the way.
type story struct {
	world    *env.Env
	out      screen
	workload env.Workload

	mu    sync.Mutex // guards timer, which the watch writes
	timer *timer
	told  map[string]bool // what was said already

	pending, running, scaled, gone time.Time
	peak                           view
}

func newStory(world *env.Env, out screen) *story {
	return &story{
		world: world, out: out, timer: newTimer(), told: map[string]bool{},
		workload: env.Workload{
			Name: "demo", Replicas: pods, CPU: "900m", Memory: "2Gi",
			Tolerations: []corev1.Toleration{{Key: "workload", Value: "ai", Effect: corev1.TaintEffectNoSchedule}},
		},
	}
}

// tellAll is the whole story; with keep it stops in the middle and stays.
func (s *story) tellAll(ctx context.Context, seed string, keep bool) error {
	if err := s.scaleUp(ctx, seed); err != nil {
		return err
	}
	if keep {
		return stay(ctx, s.world, s.out)
	}
	if err := s.scaleDown(ctx); err != nil {
		return err
	}
	s.out.Close()
	s.summary()
	return nil
}

// scaleUp creates the seed manifests and ten pods, and waits until all of them run.
func (s *story) scaleUp(ctx context.Context, seed string) error {
	watching, stop := context.WithCancel(ctx)
	defer stop()
	if err := s.world.WatchClaims(watching, func(c *karpv1.NodeClaim) {
		s.mu.Lock()
		defer s.mu.Unlock()
		s.timer.see(c)
	}); err != nil {
		return err
	}
	if err := s.ask(ctx, seed, fault{}); err != nil {
		return err
	}
	err := s.until(ctx, upPatience, func(v view) bool { return v.pods[corev1.PodRunning] == pods })
	if err != nil {
		return fmt.Errorf("waiting for %d pods to run: %w", pods, err)
	}
	s.running = time.Now()
	s.out.Line(fmt.Sprintf("all %d pods run, %.1f s after they were pending", pods, s.running.Sub(s.pending).Seconds()))
	return s.checkUp()
}

// ask creates the seed manifests, with a mistake where there is one, and ten pods.
func (s *story) ask(ctx context.Context, seed string, mistake fault) error {
	if err := env.ApplyFile(ctx, s.world.Admin, filepath.Join(seed, "ec2nodeclass.yaml")); err != nil {
		return err
	}
	if err := mistake.edit(ctx, s.world.Admin); err != nil {
		return err
	}
	if err := env.ApplyFile(ctx, s.world.Admin, filepath.Join(seed, "nodepool.yaml")); err != nil {
		return err
	}
	s.out.Line("seed manifests applied: NodePool worker-scalable, EC2NodeClass default")
	if err := s.world.Admin.Create(ctx, s.workload.Deployment()); err != nil {
		return fmt.Errorf("creating the pods: %w", err)
	}
	s.pending = time.Now()
	s.out.Line(fmt.Sprintf("%d pods of 900m CPU and 2Gi created; no node has room for them", pods))
	return nil
}

// breakDown shows how a mistake is explained on the NodeClaims that it keeps from joining.
func (s *story) breakDown(ctx context.Context, seed string, mistake fault) error {
	s.out.Line("the mistake: " + mistake.what)
	if err := s.ask(ctx, seed, mistake); err != nil {
		return err
	}
	if err := mistake.await(ctx, s.world, s.out); err != nil {
		return fmt.Errorf("waiting for the reason on the NodeClaims: %w", err)
	}
	s.out.Line("every NodeClaim says why")
	return nil
}

// scaleDown removes the pods and waits until nothing that costs money is left.
func (s *story) scaleDown(ctx context.Context) error {
	if err := s.workload.Scale(ctx, s.world.Admin, 0); err != nil {
		return fmt.Errorf("scaling to zero: %w", err)
	}
	s.scaled = time.Now()
	s.out.Line("scaled to 0; empty nodes go after consolidateAfter (30 s), one at a time by the strictest budget")
	err := s.until(ctx, offPatience, func(v view) bool {
		return len(v.claims) == 0 && len(v.instances) == 0 && len(v.nodes) == 0
	})
	if err != nil {
		return fmt.Errorf("waiting for nodes, claims and instances to go: %w", err)
	}
	s.gone = time.Now()
	return nil
}

// until looks at the world, tells what is new in it, and returns when done says so.
func (s *story) until(ctx context.Context, patience time.Duration, done func(view) bool) error {
	ctx, cancel := context.WithTimeoutCause(ctx, patience, fmt.Errorf("it did not happen in %s", patience))
	defer cancel()
	ticker := time.NewTicker(glance)
	defer ticker.Stop()
	for {
		v, err := look(ctx, s.world, s.workload)
		if err != nil && ctx.Err() == nil {
			return err
		}
		s.tell(v)
		if err == nil && done(v) {
			return nil
		}
		select {
		case <-ctx.Done():
			return context.Cause(ctx)
		case <-ticker.C:
		}
	}
}

// tell says what happened since the last look.
func (s *story) tell(v view) {
	s.out.Table(v.table())
	if len(v.instances) >= len(s.peak.instances) {
		s.peak = v
	}
	for i := range v.claims {
		c := &v.claims[i]
		switch state(c) {
		case "Created":
			s.once(c.Name+" created", fmt.Sprintf("NodeClaim %s created", c.Name))
		case karpv1.ConditionTypeLaunched:
			s.once(c.Name+" launched", fmt.Sprintf("NodeClaim %s: instance %s, %s in %s", c.Name, instanceID(c),
				c.Labels[corev1.LabelInstanceTypeStable], c.Labels[corev1.LabelTopologyZone]))
		case karpv1.ConditionTypeRegistered:
			s.once(c.Name+" registered", fmt.Sprintf("NodeClaim %s: node %s joined", c.Name, c.Status.NodeName))
		case karpv1.ConditionTypeInitialized:
			s.once(c.Name+" initialized", fmt.Sprintf("NodeClaim %s: node %s is Ready", c.Name, c.Status.NodeName))
		case "Terminating":
			s.once(c.Name+" terminating", fmt.Sprintf("NodeClaim %s: node %s is drained and its instance ended", c.Name, c.Status.NodeName))
		}
	}
}

func (s *story) once(key, line string) {
	if !s.told[key] {
		s.told[key] = true
		s.out.Line(line)
	}
}

// checkUp compares what was launched with what the limits and prices ask for.
func (s *story) checkUp() error {
	var faults []error
	got := s.peak.types()
	if want := "t3.large=1 t3.xlarge=2"; got != want {
		faults = append(faults, fmt.Errorf("launched %s, expected %s", got, want))
	}
	var memory resource.Quantity
	for i := range s.peak.claims {
		memory.Add(s.peak.claims[i].Status.Capacity[corev1.ResourceMemory])
	}
	if limit := resource.MustParse("40Gi"); memory.Cmp(limit) > 0 {
		faults = append(faults, fmt.Errorf("launched %s of memory, over the limit of %s", memory.String(), limit.String()))
	}
	return errors.Join(faults...)
}

// types is "type=count" of the instances, sorted.
func (v view) types() string {
	count := map[string]int{}
	for _, instance := range v.instances {
		count[instance.Type]++
	}
	parts := make([]string, 0, len(count))
	for _, name := range slices.Sorted(maps.Keys(count)) {
		parts = append(parts, fmt.Sprintf("%s=%d", name, count[name]))
	}
	return strings.Join(parts, " ")
}

// summary prints what happened; it is only called when all of it did.
func (s *story) summary() {
	s.mu.Lock()
	defer s.mu.Unlock()
	fmt.Printf(`
What happened
  pods pending to all running    %6.1f s
  NodeClaim to instance, median  %6.0f ms
  scaled to 0 to nothing left    %6.1f s
  launched                       %s, at $%.3f per hour
  left behind                    no NodeClaim, no Node, no instance
`, s.running.Sub(s.pending).Seconds(), float64(s.timer.median().Microseconds())/1000, s.gone.Sub(s.scaled).Seconds(), s.peak.types(), s.peak.price())
}
