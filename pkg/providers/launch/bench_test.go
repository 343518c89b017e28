package launch_test

import (
	"fmt"
	"slices"
	"sync"
	"testing"
	"time"

	"k8s.io/apimachinery/pkg/types"
)

// BenchmarkLaunch100 launches a hundred claims that arrive at once, against an EC2 that
// answers at once. One claim's budget is 200 ms at the median: what is measured here is our
// part of it, EC2's own second comes on top. p50-ms and calls are for one hundred.
func BenchmarkLaunch100(b *testing.B) {
	a := newAccount(b)
	var took []time.Duration
	for n := 0; b.Loop(); n++ {
		took = append(took, a.hundred(b, n)...)
	}
	slices.Sort(took)
	b.ReportMetric(float64(took[len(took)/2].Milliseconds()), "p50-ms")
	b.ReportMetric(float64(took[len(took)*99/100].Milliseconds()), "p99-ms")
	b.ReportMetric(float64(100*a.Calls("CreateFleet"))/float64(len(took)), "calls")
	if alive := len(a.alive()); alive != len(took) {
		b.Fatalf("%d claims have %d instances", len(took), alive)
	}
}

// BenchmarkLaunchOne launches one claim at a time, which must not wait for others to join.
func BenchmarkLaunchOne(b *testing.B) {
	a := newAccount(b)
	for n := 0; b.Loop(); n++ {
		if _, err := a.launcher.Launch(b.Context(), a.request(types.UID(fmt.Sprint(n)))); err != nil {
			b.Fatal(err)
		}
	}
}

func (a *account) hundred(b *testing.B, round int) []time.Duration {
	b.Helper()
	took := make([]time.Duration, 100)
	var all sync.WaitGroup
	for n := range took {
		all.Go(func() {
			began := time.Now()
			if _, err := a.launcher.Launch(b.Context(), a.request(types.UID(fmt.Sprintf("%d-%d", round, n)))); err != nil {
				b.Error(err)
			}
			took[n] = time.Since(began)
		})
	}
	all.Wait()
	return took
}
