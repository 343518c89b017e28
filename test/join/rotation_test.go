package join_test

import (
	"context"
	"encoding/json"
	"fmt"
	"maps"
	"os"
	"slices"
	"sync"
	"testing"
	"time"

	. "github.com/onsi/gomega"
	certificatesv1 "k8s.io/api/certificates/v1"
	corev1 "k8s.io/api/core/v1"
	"sigs.k8s.io/controller-runtime/pkg/client"

	"github.com/karpenter-kubeadm/karpenter-provider-aws/pkg/providers/token"
)

const (
	// thousand asks for the long version, whose numbers are measured and asserted.
	thousand = "KARPENTER_THOUSAND_JOINS"

	// nodePatience is how long one node may take while the machine boots hundreds.
	nodePatience = 10 * time.Minute
	// joiningAtOnce bounds how many nodes join side by side, so that a join ends before the
	// one that was asked for with it.
	joiningAtOnce = 40
)

// pace is how many nodes join, and how.
type pace struct {
	nodes  int
	every  time.Duration // a node
	rotate time.Duration // between two tokens
}

// TestJoinsUnderRotation has nodes join while tokens are rotated far more often than in life.
// None fails, and there is one launch template for each token at most.
//
// What it measures says nothing on a machine that other tests share, so that only the long
// version, which runs alone (KARPENTER_THOUSAND_JOINS=1), holds it to a limit: a thousand nodes, and a new
// token every minute.
func TestJoinsUnderRotation(t *testing.T) {
	p := pace{nodes: 100, every: 200 * time.Millisecond, rotate: 2 * time.Second}
	long := os.Getenv(thousand) != ""
	if long {
		p = pace{nodes: 1000, every: 330 * time.Millisecond, rotate: time.Minute}
	}
	f := newFleet(t)
	g := NewWithT(t)
	watch := f.watchApprovals(t)
	ctx, cancel := context.WithCancel(t.Context())
	rotations := make(chan int, 1)
	go func() { rotations <- f.rotate(ctx, p.rotate) }()

	start := time.Now()
	g.Expect(f.joinAll(t.Context(), p)).To(BeEmpty())
	took := time.Since(start)
	cancel()
	rotated := <-rotations
	g.Expect(rotated).To(BeNumerically(">=", 5), "tokens were rotated meanwhile")

	epochs, err := f.providers.Tokens.Epochs(t.Context())
	g.Expect(err).NotTo(HaveOccurred())
	g.Expect(len(epochs)).To(BeNumerically(">=", rotated+1))
	count := f.templates(t)
	g.Expect(len(count)).To(BeNumerically(">=", 5), "nodes were launched with tokens of many epochs")
	g.Expect(count).To(HaveEach(1), "one launch template for a token")

	waits := watch.stop()
	g.Expect(waits).To(HaveLen(p.nodes), "one approval for each")
	t.Logf("%d nodes joined in %s, %d tokens, %d launch templates; from request to approval: p50 %s, p99 %s, at most %s",
		p.nodes, took.Round(time.Second), rotated+1, len(count), percentile(waits, 50), percentile(waits, 99), percentile(waits, 100))
	if long {
		g.Expect(percentile(waits, 99)).To(BeNumerically("<=", time.Second))
	}
}

func percentile(sorted []time.Duration, p int) time.Duration {
	return sorted[(len(sorted)-1)*p/100].Round(time.Millisecond)
}

// joinAll has all nodes join and returns why those failed that did.
func (f *fleet) joinAll(ctx context.Context, p pace) []error {
	var mu sync.Mutex
	var failed []error
	var wg sync.WaitGroup
	slots := make(chan struct{}, joiningAtOnce)
	for n := range p.nodes {
		slots <- struct{}{}
		wg.Go(func() {
			defer func() { <-slots }()
			if err := f.join(ctx, n); err != nil {
				mu.Lock()
				defer mu.Unlock()
				failed = append(failed, err)
			}
		})
		<-time.After(p.every) // it is the load that is tested
	}
	wg.Wait()
	return failed
}

// rotate rotates tokens until ctx ends, and returns how often it did. The clocks of nodes,
// API server and approver are right, so it is the token that is made old: by its own record
// it has reached the age at which the controller makes the next. Then the controller looks.
func (f *fleet) rotate(ctx context.Context, every time.Duration) int {
	done := 0
	for {
		select {
		case <-ctx.Done():
			return done
		case <-time.After(every):
		}
		if err := f.age(ctx); err != nil {
			continue // the controller wrote it at the same time
		}
		if f.providers.Tokens.Maintain(ctx) == nil {
			done++
		}
	}
}

// age makes the current token as old as one is that is replaced.
func (f *fleet) age(ctx context.Context) error {
	state := &corev1.Secret{}
	if err := f.admin.Get(ctx, client.ObjectKey{Namespace: home, Name: token.StateSecret}, state); err != nil {
		return err
	}
	const key = "epochs.json"
	var epochs []map[string]any
	if err := json.Unmarshal(state.Data[key], &epochs); err != nil || len(epochs) == 0 {
		return fmt.Errorf("reading %d epochs: %w", len(epochs), err)
	}
	epochs[len(epochs)-1]["Created"] = time.Now().Add(-token.DefaultTTL / 2).UTC().Format(time.RFC3339)
	var err error
	if state.Data[key], err = json.Marshal(epochs); err != nil {
		return err
	}
	return f.admin.Update(ctx, state)
}

// approvals measures how long requests for client certificates wait.
type approvals struct {
	cancel context.CancelFunc
	done   chan []time.Duration
}

// watchApprovals sees requests and their approval by a watch. Objects tell times in seconds.
func (f *fleet) watchApprovals(t *testing.T) *approvals {
	t.Helper()
	kube, err := client.NewWithWatch(f.config, client.Options{Scheme: f.admin.Scheme()})
	NewWithT(t).Expect(err).NotTo(HaveOccurred())
	ctx, cancel := context.WithCancel(t.Context())
	watch, err := kube.Watch(ctx, &certificatesv1.CertificateSigningRequestList{})
	NewWithT(t).Expect(err).NotTo(HaveOccurred())
	a := &approvals{cancel: cancel, done: make(chan []time.Duration, 1)}
	go func() {
		defer watch.Stop()
		seen := sightings{asked: map[string]time.Time{}, waited: map[string]time.Duration{}}
		for {
			select {
			case <-ctx.Done():
				a.done <- slices.Sorted(maps.Values(seen.waited))
				return
			case event := <-watch.ResultChan():
				if request, ok := event.Object.(*certificatesv1.CertificateSigningRequest); ok {
					seen.add(request)
				}
			}
		}
	}()
	return a
}

// sightings are when requests were first seen, and how long after that as approved, by name.
type sightings struct {
	asked  map[string]time.Time
	waited map[string]time.Duration
}

func (s sightings) add(request *certificatesv1.CertificateSigningRequest) {
	if request.Spec.SignerName != certificatesv1.KubeAPIServerClientKubeletSignerName {
		return
	}
	if _, known := s.asked[request.Name]; !known {
		s.asked[request.Name] = time.Now()
	}
	if _, known := s.waited[request.Name]; !known && len(approved([]certificatesv1.CertificateSigningRequest{*request})) > 0 {
		s.waited[request.Name] = time.Since(s.asked[request.Name])
	}
}

// stop returns how long those that were approved waited, sorted.
func (a *approvals) stop() []time.Duration {
	a.cancel()
	return <-a.done
}
