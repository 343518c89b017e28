package cache_test

import (
	"context"
	"errors"
	"strconv"
	"sync/atomic"
	"testing"
	"time"

	. "github.com/onsi/gomega"
	clocktesting "k8s.io/utils/clock/testing"

	"github.com/karpenter-kubeadm/karpenter-provider-aws/pkg/cache"
)

var errDown = errors.New("down")

func answer(value int) func(context.Context) (int, error) {
	return func(context.Context) (int, error) { return value, nil }
}

func fail(context.Context) (int, error) { return 0, errDown }

func TestGetOrLoadKeepsAValueForItsTimeToLive(t *testing.T) {
	g := NewWithT(t)
	clk := clocktesting.NewFakeClock(time.Unix(0, 0))
	c := cache.New[int](time.Minute, cache.WithClock(clk))

	g.Expect(c.GetOrLoad(t.Context(), "k", answer(1))).To(Equal(1))
	clk.Step(time.Minute - time.Nanosecond)
	g.Expect(c.GetOrLoad(t.Context(), "k", answer(2))).To(Equal(1))
	clk.Step(time.Nanosecond)
	_, ok := c.Get("k")
	g.Expect(ok).To(BeFalse())
	g.Expect(c.GetOrLoad(t.Context(), "k", answer(3))).To(Equal(3))
}

func TestSetForOverridesTheTimeToLive(t *testing.T) {
	g := NewWithT(t)
	clk := clocktesting.NewFakeClock(time.Unix(0, 0))
	c := cache.New[int](time.Hour, cache.WithClock(clk))

	c.SetFor("k", 1, time.Minute)
	clk.Step(time.Minute)
	_, ok := c.Get("k")
	g.Expect(ok).To(BeFalse())
}

func TestErrorsAreNotKept(t *testing.T) {
	g := NewWithT(t)
	c := cache.New[int](time.Minute)

	_, err := c.GetOrLoad(t.Context(), "k", fail)
	g.Expect(err).To(MatchError(errDown))
	g.Expect(c.GetOrLoad(t.Context(), "k", answer(1))).To(Equal(1))
}

func TestKeepStale(t *testing.T) {
	for name, tc := range map[string]struct {
		age  time.Duration
		want int
		err  OmegaMatcher
	}{
		"a value just past its time to live is served":        {age: time.Minute, want: 1, err: BeNil()},
		"a value near the end of its stale time is served":    {age: 11*time.Minute - time.Second, want: 1, err: BeNil()},
		"a value past its stale time is not, the error shows": {age: 11 * time.Minute, err: MatchError(errDown)},
	} {
		t.Run(name, func(t *testing.T) {
			g := NewWithT(t)
			clk := clocktesting.NewFakeClock(time.Unix(0, 0))
			c := cache.New[int](time.Minute, cache.WithClock(clk), cache.KeepStale(10*time.Minute, nil))

			c.Set("k", 1)
			clk.Step(tc.age)
			got, err := c.GetOrLoad(t.Context(), "k", fail)
			g.Expect(err).To(tc.err)
			g.Expect(got).To(Equal(tc.want))
		})
	}
}

func TestAFailedRefreshIsReportedAndRetriedAfterAPause(t *testing.T) {
	g := NewWithT(t)
	clk := clocktesting.NewFakeClock(time.Unix(0, 0))
	ages := make(chan time.Duration, 9)
	c := cache.New[int](time.Minute, cache.WithClock(clk),
		cache.KeepStale(time.Hour, func(_ string, age time.Duration, _ error) { ages <- age }))
	c.Set("k", 1)
	clk.Step(2 * time.Minute)

	g.Expect(c.GetOrLoad(t.Context(), "k", fail)).To(Equal(1))
	g.Eventually(ages).Should(Receive(Equal(2 * time.Minute)))
	g.Expect(c.GetOrLoad(t.Context(), "k", answer(2))).To(Equal(1), "no second attempt within the pause")
	clk.Step(10 * time.Second)
	g.Expect(c.GetOrLoad(t.Context(), "k", answer(2))).To(Equal(2))
}

func TestConcurrentMissesShareOneLoad(t *testing.T) {
	g := NewWithT(t)
	c := cache.New[int](time.Minute)
	loads, gate := atomic.Int32{}, make(chan struct{})
	load := func(context.Context) (int, error) {
		<-gate
		return int(loads.Add(1)), nil
	}

	const callers = 20
	got := make(chan int, callers)
	for range callers {
		go func() {
			value, err := c.GetOrLoad(t.Context(), "k", load)
			if err != nil {
				value = -1
			}
			got <- value
		}()
	}
	close(gate)
	for range callers {
		g.Expect(<-got).To(Equal(1))
	}
	g.Expect(loads.Load()).To(Equal(int32(1)))
}

func TestACallerMayLeaveWithoutEndingTheLoadForOthers(t *testing.T) {
	g := NewWithT(t)
	c := cache.New[int](time.Minute)
	started, gate := make(chan struct{}), make(chan struct{})
	impatient, leave := context.WithCancel(t.Context())
	load := func(ctx context.Context) (int, error) {
		close(started)
		<-gate
		return 7, ctx.Err()
	}

	left, got := make(chan error), make(chan int)
	go func() {
		_, err := c.GetOrLoad(impatient, "k", load)
		left <- err
	}()
	<-started
	go func() {
		value, _ := c.GetOrLoad(t.Context(), "k", fail) // joins, so its own loader must not run
		got <- value
	}()
	g.Eventually(func() int { return c.Waiting("k") }).Should(Equal(2))
	leave()
	g.Expect(<-left).To(MatchError(context.Canceled))
	close(gate)
	g.Expect(<-got).To(Equal(7))
}

func TestALoadEverybodyLeftIsCancelledAndNotKept(t *testing.T) {
	g := NewWithT(t)
	c := cache.New[int](time.Minute)
	ctx, leave := context.WithCancel(t.Context())
	started, cancelled := make(chan struct{}), make(chan struct{})

	left := make(chan error)
	go func() {
		_, err := c.GetOrLoad(ctx, "k", func(ctx context.Context) (int, error) {
			close(started)
			<-ctx.Done()
			close(cancelled)
			return 1, nil
		})
		left <- err
	}()
	<-started
	leave()
	g.Expect(<-left).To(MatchError(context.Canceled))
	g.Eventually(cancelled).Should(BeClosed())
	g.Expect(c.GetOrLoad(t.Context(), "k", answer(2))).To(Equal(2))
}

func TestAValueLoadedBeforeADeletionIsNotKept(t *testing.T) {
	g := NewWithT(t)
	c := cache.New[int](time.Minute)

	got, err := c.GetOrLoad(t.Context(), "k", func(context.Context) (int, error) {
		c.Delete("k")
		return 1, nil
	})
	g.Expect(got, err).To(Equal(1))
	g.Expect(c.GetOrLoad(t.Context(), "k", answer(2))).To(Equal(2))

	c.Flush()
	g.Expect(c.GetOrLoad(t.Context(), "k", answer(3))).To(Equal(3))
}

// BenchmarkGetOrLoadWarm is what a provider pays per call in the steady state; the
// budget is 500 ns and no allocation.
func BenchmarkGetOrLoadWarm(b *testing.B) {
	c := cache.New[int](time.Hour)
	for i := range 1000 {
		c.Set(strconv.Itoa(i), i)
	}
	b.ReportAllocs()
	for b.Loop() {
		if got, err := c.GetOrLoad(b.Context(), "500", fail); err != nil || got != 500 {
			b.Fatal(got, err)
		}
	}
}
