package batch_test

import (
	"context"
	"errors"
	"fmt"
	"sync"
	"sync/atomic"
	"testing"
	"testing/synctest"
	"time"

	. "github.com/onsi/gomega"
	"k8s.io/utils/clock"
	clocktesting "k8s.io/utils/clock/testing"

	"github.com/karpenter-kubeadm/karpenter-provider-aws/pkg/batch"
)

var options = batch.Options{Idle: 10 * time.Millisecond, Max: 50 * time.Millisecond, Items: 20, Timeout: time.Minute}

// call is one run as the caller's function saw it.
type call struct {
	in      []int
	release chan struct{}
}

// gate is a run function whose calls wait until the test releases them; each request n is
// answered with 10n.
type gate struct{ calls chan call }

func newGate() *gate { return &gate{calls: make(chan call, 100)} }

func (g *gate) run(_ context.Context, _ string, in []int) []batch.Result[int] {
	c := call{in: in, release: make(chan struct{})}
	g.calls <- c
	<-c.release
	out := make([]batch.Result[int], len(in))
	for i, n := range in {
		out[i] = batch.Result[int]{Value: 10 * n}
	}
	return out
}

func TestALoneRequestRunsAtOnce(t *testing.T) {
	g := NewWithT(t)
	clk := clocktesting.NewFakeClock(time.Now()) // never stepped: nothing may wait for it
	b := batch.New(clk, options, func(_ context.Context, _ string, in []int) []batch.Result[int] {
		return []batch.Result[int]{{Value: in[0] + 1}}
	})
	got, err := b.Do(t.Context(), "k", 1)
	g.Expect(err).NotTo(HaveOccurred())
	g.Expect(got).To(Equal(2))
	g.Expect(clk.HasWaiters()).To(BeFalse())
}

func TestRunsAreKeptApart(t *testing.T) {
	synctest.Test(t, func(t *testing.T) {
		g := NewWithT(t)
		apart := options
		apart.Every = time.Second
		began := time.Now()
		var mu sync.Mutex
		runs := map[time.Duration]int{}
		b := batch.New(clock.RealClock{}, apart, func(_ context.Context, _ string, in []int) []batch.Result[int] {
			mu.Lock()
			defer mu.Unlock()
			runs[time.Since(began)] = len(in)
			return make([]batch.Result[int], len(in))
		})
		ask := func(n int) {
			for range n {
				go func() { _, _ = b.Do(t.Context(), "k", 1) }()
			}
			synctest.Wait()
		}
		ask(1)
		time.Sleep(100 * time.Millisecond)
		ask(1) // too soon: gathers, with all that follow
		time.Sleep(500 * time.Millisecond)
		ask(2)
		time.Sleep(600 * time.Millisecond) // 1.2 s
		ask(20)                            // full: goes although it is too soon
		time.Sleep(5 * time.Second)
		ask(1) // long after: at once
		g.Expect(runs).To(Equal(map[time.Duration]int{0: 1, time.Second: 3, 1200 * time.Millisecond: 20, 6200 * time.Millisecond: 1}))
	})
}

func TestRequestsUnderPressureGatherBesideTheRunningOne(t *testing.T) {
	synctest.Test(t, func(t *testing.T) {
		g, gated := NewWithT(t), newGate()
		b := batch.New(clock.RealClock{}, options, gated.run)
		answers := ask(t, b, 1)
		first := <-gated.calls
		more := ask(t, b, 2, 3)
		synctest.Wait()
		g.Expect(gated.calls).To(BeEmpty(), "the window is open")

		time.Sleep(options.Idle) // synctest's clock: no real time passes
		synctest.Wait()
		second := <-gated.calls
		g.Expect(second.in).To(ConsistOf(2, 3))
		close(second.release)
		g.Expect([]int{<-more, <-more}).To(ConsistOf(20, 30), "they do not wait for the first")
		close(first.release)
		g.Expect(<-answers).To(Equal(10))
	})
}

func TestABatchClosesAtMaxThoughRequestsKeepComing(t *testing.T) {
	synctest.Test(t, func(t *testing.T) {
		g, gated := NewWithT(t), newGate()
		b := batch.New(clock.RealClock{}, options, gated.run)
		ask(t, b, 0)
		first := <-gated.calls
		for n := 1; n <= 10; n++ {
			ask(t, b, n)
			time.Sleep(options.Idle - time.Millisecond)
			synctest.Wait()
		}
		second := <-gated.calls
		g.Expect(len(second.in)).To(BeNumerically("<", 10))
		g.Expect(len(second.in)).To(BeNumerically(">=", 5))
		close(first.release)
		close(second.release)
		synctest.Wait()
		close((<-gated.calls).release)
	})
}

func TestABatchClosesWhenFullOrWhenTheKeyFallsIdle(t *testing.T) {
	synctest.Test(t, func(t *testing.T) {
		g, gated := NewWithT(t), newGate()
		full := options
		full.Items = 2
		b := batch.New(clock.RealClock{}, full, gated.run)
		ask(t, b, 0)
		first := <-gated.calls
		ask(t, b, 1, 2)
		second := <-gated.calls // full: without any time passing
		g.Expect(second.in).To(ConsistOf(1, 2))
		ask(t, b, 3)
		synctest.Wait()
		close(first.release)
		close(second.release)
		synctest.Wait()
		third := <-gated.calls // idle: likewise
		g.Expect(third.in).To(ConsistOf(3))
		close(third.release)
	})
}

func TestKeysDoNotWaitForEachOther(t *testing.T) {
	synctest.Test(t, func(t *testing.T) {
		g, gated := NewWithT(t), newGate()
		b := batch.New(clock.RealClock{}, options, gated.run)
		go func() { _, _ = b.Do(t.Context(), "a", 1) }()
		a := <-gated.calls
		go func() { _, _ = b.Do(t.Context(), "b", 2) }()
		other := <-gated.calls
		g.Expect(other.in).To(Equal([]int{2}))
		close(a.release)
		close(other.release)
	})
}

func TestACallerMayLeave(t *testing.T) {
	synctest.Test(t, func(t *testing.T) {
		g, gated := NewWithT(t), newGate()
		b := batch.New(clock.RealClock{}, options, gated.run)
		running, leaveRunning := context.WithCancel(t.Context())
		errs := make(chan error, 2)
		go func() { _, err := b.Do(running, "k", 1); errs <- err }()
		first := <-gated.calls
		waiting, leaveWaiting := context.WithCancel(t.Context())
		go func() { _, err := b.Do(waiting, "k", 2); errs <- err }()
		stays := ask(t, b, 3)
		synctest.Wait()

		leaveRunning()
		leaveWaiting()
		g.Expect(<-errs).To(MatchError(context.Canceled))
		g.Expect(<-errs).To(MatchError(context.Canceled))
		close(first.release) // had it been cancelled with its caller, it would have answered already
		synctest.Wait()
		second := <-gated.calls
		g.Expect(second.in).To(Equal([]int{3}), "who left before the run is not in it")
		close(second.release)
		g.Expect(<-stays).To(Equal(30))
	})
}

func TestARunOutlivesItsCallersButNotItsTimeout(t *testing.T) {
	synctest.Test(t, func(t *testing.T) {
		g := NewWithT(t)
		ended := make(chan error, 1)
		b := batch.New(clock.RealClock{}, options, func(ctx context.Context, _ string, in []int) []batch.Result[int] {
			<-ctx.Done()
			ended <- ctx.Err()
			return make([]batch.Result[int], len(in))
		})
		ctx, leave := context.WithCancel(t.Context())
		go func() { _, _ = b.Do(ctx, "k", 1) }()
		synctest.Wait()
		leave()
		synctest.Wait()
		g.Expect(ended).To(BeEmpty())
		time.Sleep(options.Timeout)
		synctest.Wait()
		g.Expect(<-ended).To(MatchError(context.DeadlineExceeded))
	})
}

func TestEachRequestIsAnsweredExactlyOnce(t *testing.T) {
	for name, tc := range map[string]struct {
		results []batch.Result[int]
		want    OmegaMatcher
	}{
		"too few results are nobody's":  {results: nil, want: MatchError("batch of 1 requests got 0 results")},
		"too many results are nobody's": {results: make([]batch.Result[int], 2), want: MatchError("batch of 1 requests got 2 results")},
		"an error is its request's own": {results: []batch.Result[int]{{Err: errRefused}}, want: MatchError(errRefused)},
	} {
		t.Run(name, func(t *testing.T) {
			b := batch.New(clock.RealClock{}, options, func(context.Context, string, []int) []batch.Result[int] { return tc.results })
			_, err := b.Do(t.Context(), "k", 1)
			NewWithT(t).Expect(err).To(tc.want)
		})
	}
}

var errRefused = errors.New("refused")

func TestManyCallersGetTheirOwnAnswers(t *testing.T) {
	g := NewWithT(t)
	var served, calls atomic.Int64
	b := batch.New(clock.RealClock{}, options, func(_ context.Context, _ int, in []int) []batch.Result[string] {
		calls.Add(1)
		served.Add(int64(len(in)))
		time.Sleep(time.Millisecond) // a call takes some time, or nothing would ever gather
		out := make([]batch.Result[string], len(in))
		for i, n := range in {
			out[i].Value = fmt.Sprint(n)
		}
		return out
	})
	var wg sync.WaitGroup
	for n := range 1000 {
		wg.Go(func() {
			got, err := b.Do(t.Context(), n%3, n)
			if err != nil || got != fmt.Sprint(n) {
				t.Errorf("request %d got %q, %v", n, got, err)
			}
		})
	}
	wg.Wait()
	g.Expect(served.Load()).To(Equal(int64(1000)))
	g.Expect(calls.Load()).To(BeNumerically("<", 1000), "some were merged")
}

// ask sends each n to key "k" and returns where the answers arrive.
func ask(t *testing.T, b *batch.Batcher[string, int, int], ns ...int) chan int {
	t.Helper()
	out := make(chan int, len(ns))
	for _, n := range ns {
		go func() {
			if got, err := b.Do(t.Context(), "k", n); err == nil {
				out <- got
			}
		}()
	}
	return out
}

// BenchmarkDo is what merging costs a caller when the call itself is free.
func BenchmarkDo(b *testing.B) {
	batcher := batch.New(clock.RealClock{}, options, func(_ context.Context, _ string, in []int) []batch.Result[int] {
		return make([]batch.Result[int], len(in))
	})
	b.ReportAllocs()
	b.RunParallel(func(pb *testing.PB) {
		for pb.Next() {
			if _, err := batcher.Do(b.Context(), "k", 1); err != nil {
				b.Error(err)
			}
		}
	})
}
