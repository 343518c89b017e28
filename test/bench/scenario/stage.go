package scenario

import (
	"context"
	"fmt"
	"io"
	"net/http"
	"os"
	"path/filepath"
	"strings"
	"sync"
	"time"

	"github.com/karpenter-kubeadm/karpenter-provider-aws/test/bench/arena"
	"github.com/karpenter-kubeadm/karpenter-provider-aws/test/bench/measure"
	"github.com/karpenter-kubeadm/karpenter-provider-aws/test/bench/result"
	"github.com/karpenter-kubeadm/karpenter-provider-aws/test/env"
)

const (
	// glance is how often the cluster is looked at, tell how often progress is told.
	glance = 250 * time.Millisecond
	tell   = 5 * time.Second
	// settle is how long the controller is left alone at the end, before its memory is called
	// settled. What it does meanwhile counts.
	settle = 15 * time.Second
	// profileTime is how much of a scenario a CPU profile covers.
	profileTime = 60 * time.Second
)

// stage is one performance of a scenario.
type stage struct {
	*arena.Arena
	n       int
	options Options
	row     result.Row
	began   time.Time
	last    string // progress, for the reason when time is up

	// What the pods want and what could be bought for them, for the bound on the cost.
	shapes []measure.Shape
	offers []measure.Offer
}

// until waits for done, which also says how far things are.
func (s *stage) until(ctx context.Context, done func() (bool, string)) error {
	tick := time.NewTicker(glance)
	defer tick.Stop()
	var told time.Time
	for {
		reached, progress := done()
		s.last = progress
		if reached {
			return nil
		}
		if time.Since(told) > tell {
			told = time.Now()
			s.options.Progress(progress)
		}
		select {
		case <-ctx.Done():
			return ctx.Err()
		case <-s.Controller().Done():
			return fmt.Errorf("the controller ended: %s", lastLine(s.Controller().Tail()))
		case <-tick.C:
		}
	}
}

func lastLine(text string) string {
	lines := strings.Split(strings.TrimSpace(text), "\n")
	return fmt.Sprintf("%.300s", lines[len(lines)-1])
}

// rest leaves the controller alone for a while.
func (s *stage) rest(ctx context.Context) {
	s.options.Progress("settling")
	select {
	case <-ctx.Done():
	case <-time.After(settle):
	}
}

func (s *stage) nodes() int {
	n := 0
	for _, node := range s.Observer.Nodes() {
		if !node.Deleted {
			n++
		}
	}
	return n
}

func (s *stage) claims() int {
	n := 0
	for _, claim := range s.Observer.Claims() {
		if !claim.Deleted {
			n++
		}
	}
	return n
}

// running waits until that many pods run and each claim has an initialised node, no more and no fewer.
func (s *stage) running(ctx context.Context, pods int) error {
	return s.until(ctx, func() (bool, string) {
		run, pending := s.pods()
		claims, nodes, ready := s.claims(), s.nodes(), s.initialized()
		return run == pods && pending == 0 && ready == claims && claims == nodes,
			fmt.Sprintf("%d of %d pods run, %d claims, %d nodes, %d initialised", run, pods, claims, nodes, ready)
	})
}

func (s *stage) pods() (running, pending int) {
	for _, p := range s.Observer.Pods() {
		switch {
		case p.Gone:
		case p.Running.IsZero():
			pending++
		default:
			running++
		}
	}
	return running, pending
}

func (s *stage) initialized() int {
	n := 0
	for _, c := range s.Observer.Claims() {
		if !c.Deleted && !c.Initialized.IsZero() {
			n++
		}
	}
	return n
}

// deploy creates a workload and remembers what it wants.
func (s *stage) deploy(ctx context.Context, w env.Workload, shape measure.Shape) error {
	shape.Count = int(w.Replicas)
	s.shapes = append(s.shapes, shape)
	if err := s.Admin.Create(ctx, w.Deployment()); err != nil {
		return fmt.Errorf("creating workload %s: %w", w.Name, err)
	}
	return nil
}

// profile takes profiles of the controller while the scenario runs. What it returns takes the last one.
func (s *stage) profile(ctx context.Context, name string) func() {
	if s.options.Profiles == "" {
		return func() {}
	}
	base := strings.TrimSuffix(s.Controller().MetricsURL(), "/metrics") + "/debug/pprof/"
	file := func(kind string) string {
		return filepath.Join(s.options.Profiles, fmt.Sprintf("%s-%s-%d.%s.pprof", s.Subject.Name, name, s.n, kind))
	}
	var group sync.WaitGroup
	group.Go(func() {
		if err := fetch(ctx, fmt.Sprintf("%sprofile?seconds=%.0f", base, profileTime.Seconds()), file("cpu")); err != nil {
			s.options.Progress("taking a profile: " + err.Error())
		}
	})
	return func() {
		group.Wait()
		base := strings.TrimSuffix(s.Controller().MetricsURL(), "/metrics") + "/debug/pprof/"
		if err := fetch(context.WithoutCancel(ctx), base+"heap", file("heap")); err != nil {
			s.options.Progress("taking a profile: " + err.Error())
		}
	}
}

func fetch(ctx context.Context, url, file string) error {
	request, err := http.NewRequestWithContext(ctx, http.MethodGet, url, http.NoBody)
	if err != nil {
		return err
	}
	response, err := http.DefaultClient.Do(request)
	if err != nil {
		return err
	}
	defer func() { _ = response.Body.Close() }()
	content, err := io.ReadAll(response.Body)
	if err != nil {
		return err
	}
	if response.StatusCode != http.StatusOK {
		return fmt.Errorf("%s: %s", url, response.Status)
	}
	return os.WriteFile(file, content, 0o600)
}
