package offering_test

import (
	"sync"
	"testing"
	"time"

	. "github.com/onsi/gomega"

	v1 "github.com/karpenter-kubeadm/karpenter-provider-aws/pkg/apis/v1"
	"github.com/karpenter-kubeadm/karpenter-provider-aws/pkg/pool"
)

// TestCallsDuringRefusalsSeeWholeSnapshots is for the race detector as much as for its own check.
func TestCallsDuringRefusalsSeeWholeSnapshots(t *testing.T) {
	g, w := NewWithT(t), newWorld(t)
	classes := []*v1.EC2NodeClass{newClass(), newClass(func(c *v1.EC2NodeClass) { c.UID = "uid-2" })}
	for _, class := range classes { // before, since the types of this test count without a lock
		w.ask(t, class)
	}
	const callers, calls = 4, 200
	offered := make(chan int, callers*calls)
	var running sync.WaitGroup
	for i := range callers {
		running.Go(func() {
			for range calls {
				types, err := w.InstanceTypes(t.Context(), classes[i%2])
				if err != nil || len(types) != 2 {
					offered <- -1
					continue
				}
				offered <- len(types[0].Offerings)
				_ = types[0].Allocatable() // core computes it lazily, on shared objects
			}
		})
	}
	running.Go(func() {
		for i := range calls {
			if i%40 == 0 { // often enough to end and come again, within the hour that snapshots are kept
				w.Refuse([]pool.Pool{od("m5.large", zoneA)}, "none")
			}
			w.clock.Step(10 * time.Second)
		}
	})
	running.Wait()
	close(offered)
	for n := range offered {
		g.Expect(n).To(Equal(4))
	}
	w.clock.Step(time.Hour)
	g.Expect(w.available(t, classes[0])).To(Equal(all()))
}
