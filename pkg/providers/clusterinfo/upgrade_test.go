package clusterinfo

import (
	"testing"
	"time"

	. "github.com/onsi/gomega"
	clocktesting "k8s.io/utils/clock/testing"

	"github.com/karpenter-kubeadm/karpenter-provider-aws/pkg/cluster"
)

// An upgrade from 1.35 to 1.36 as nodes see it: the servers change one after the other, and
// kubeadm-config names the new version last.
func TestNodesFollowAnUpgradeOnceItIsDone(t *testing.T) {
	g := NewWithT(t)
	start := time.Unix(1_800_000_000, 0)
	clock := clocktesting.NewFakeClock(start)
	old, next := cluster.Version{Major: 1, Minor: 35, Patch: 9}, cluster.Version{Major: 1, Minor: 36, Patch: 3}
	p, err := New(balanced(t, "v1.35.9"), Options{}, clock)
	g.Expect(err).NotTo(HaveOccurred())
	ceiling := old
	seen := func(versions ...string) cluster.Cluster {
		other, err := New(balanced(t, versions...), Options{}, clock)
		g.Expect(err).NotTo(HaveOccurred())
		p.config, p.fresh = other.config, other.fresh
		for range versions {
			g.Expect(p.poll(t.Context())).To(Succeed())
		}
		c, err := p.resolve(facts{version: ceiling})
		g.Expect(err).NotTo(HaveOccurred())
		return c
	}
	first := seen("v1.35.9")
	g.Expect(first.Version).To(Equal(old))
	g.Expect(first.Settled).To(Equal(start))

	for range 10 { // one server is upgraded: the endpoint alternates
		clock.Step(time.Minute)
		g.Expect(seen("v1.36.3", "v1.35.9").Version).To(Equal(old), "a kubelet of 1.36 could meet a server of 1.35")
	}
	clock.Step(time.Minute)
	g.Expect(seen("v1.36.3", "v1.36.3").Version).To(Equal(old), "the old server was there a minute ago")
	clock.Step(cluster.FloorWindow)
	g.Expect(seen("v1.36.3", "v1.36.3").Version).To(Equal(old), "kubeadm-config has not moved: the upgrade is not done")
	ceiling = next
	done := seen("v1.36.3", "v1.36.3")
	g.Expect(done.Version).To(Equal(next))
	g.Expect(done.Settled).To(Equal(clock.Now()))

	clock.Step(20 * time.Minute)
	g.Expect(seen("v1.36.4", "v1.36.4").Settled).To(Equal(done.Settled), "a patch is no upgrade to follow")
	clock.Step(time.Minute)
	g.Expect(seen("v1.35.9").Settled).To(Equal(clock.Now()), "a server was rolled back: it begins anew")
}
