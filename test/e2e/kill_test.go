package e2e_test

import (
	"context"
	"fmt"
	"time"

	. "github.com/onsi/ginkgo/v2"
	. "github.com/onsi/gomega"
	"github.com/samber/lo"
	karpv1 "sigs.k8s.io/karpenter/pkg/apis/v1"

	"github.com/karpenter-kubeadm/karpenter-provider-aws/test/env"
	"github.com/karpenter-kubeadm/karpenter-provider-aws/test/env/proxy"
)

// A moment is a place in the life of a claim at which the controller can be killed:
// trap arms it and returns what waits until the controller stands there.
type moment struct {
	name string
	trap func(proxy.Moment) func(context.Context) error
}

// onAWS stops the controller at a call to AWS; where several is set, at one for more than one claim.
func onAWS(action string, several bool) moment {
	return moment{name: action, trap: func(when proxy.Moment) func(context.Context) error {
		reached := world().HoldAWS(action, when == proxy.After, several)
		return func(ctx context.Context) error {
			select {
			case <-reached:
				return nil
			case <-ctx.Done():
				return fmt.Errorf("waiting for %s to stop: %w", action, ctx.Err())
			}
		}
	}}
}

// onKubernetes stops the controller at a request to the API server.
func onKubernetes(name string, match func(proxy.Request) bool) moment {
	return moment{name: name, trap: func(when proxy.Moment) func(context.Context) error {
		hold := world().Proxy.Hold(when, match)
		return func(ctx context.Context) error {
			_, err := hold.Reached(ctx)
			return err
		}
	}}
}

var _ = Describe("A controller killed in the middle", func() {
	launching := func(nodes int) []moment {
		return []moment{
			onAWS("CreateLaunchTemplate", false),
			onAWS("CreateFleet", nodes > 1),
			onKubernetes("status write", func(r proxy.Request) bool {
				return r.Verb == "patch" && r.Resource == "nodeclaims" && r.Subresource == "status"
			}),
			onKubernetes("registration", func(r proxy.Request) bool { return r.Is("patch", "nodes") || r.Is("update", "nodes") }),
		}
	}
	for kind, nodes := range map[string]int{"a lone launch": 1, "a merged launch": 4} {
		for _, m := range launching(nodes) {
			for _, when := range []proxy.Moment{proxy.Before, proxy.After} {
				It(fmt.Sprintf("%s the %s of %s loses nothing and launches nothing twice", when, m.name, kind), func(ctx SpecContext) {
					killAt(ctx, m, when, nodes)
				}, SpecTimeout(5*time.Minute))
			}
		}
	}

	deleting := onAWS("TerminateInstances", false)
	for _, when := range []proxy.Moment{proxy.Before, proxy.After} {
		It(fmt.Sprintf("%s the deletion of an instance ends it exactly", when), func(ctx SpecContext) {
			f := newFixture()
			f.Create(ctx)
			pods := f.Workload(ctx, 1, "3", "1Gi")
			expectRunning(ctx, pods, 1)
			Expect(pods.Scale(ctx, world().Admin, 0)).To(Succeed())
			Eventually(func() (int, error) { return pods.Running(ctx, world().Admin) }).WithContext(ctx).Should(BeZero())

			reached := deleting.trap(when)
			Expect(world().Admin.Delete(ctx, lo.ToPtr(f.claims(ctx)[0]))).To(Succeed())
			Expect(reached(ctx)).To(Succeed())
			Expect(world().KillController(ctx)).To(Succeed())
			Eventually(func(g Gomega) {
				g.Expect(f.claims(ctx)).To(BeEmpty())
				g.Expect(f.nodes(ctx)).To(BeEmpty())
				g.Expect(f.instances(ctx)).To(BeEmpty())
			}).WithContext(ctx).Should(Succeed())
		}, SpecTimeout(4*time.Minute))
	}
})

// killAt launches one node for each pod, kills the controller at the moment and starts
// it again, with new instances invisible to Describe for five seconds.
func killAt(ctx context.Context, m moment, when proxy.Moment, nodes int) {
	GinkgoHelper()
	world().SetVisibleAfter(5 * time.Second)
	DeferCleanup(func() {
		world().AWS.ClearFaults()
		world().SetVisibleAfter(0)
	})
	f := newFixture()
	// A tag of its own makes a launch template of its own, which has to be created.
	f.Class.Spec.Tags = map[string]string{"spec": f.Class.Name}
	f.Create(ctx)
	Eventually(func() bool { return f.classReady(ctx) }).WithContext(ctx).Should(BeTrue())

	reached := m.trap(when)
	// Whether launches come close enough together to be merged is up to the scheduler, so there may be several rounds.
	Eventually(func(g Gomega) {
		if nodes > 1 {
			// The first launch is under way for long enough that those behind it can share a call.
			world().DelayAWS("CreateFleet", time.Second)
		}
		f.Workload(ctx, int32(nodes), "3", "1Gi")
		round, cancel := context.WithTimeout(ctx, 20*time.Second)
		defer cancel()
		g.Expect(reached(round)).To(Succeed())
	}).WithContext(ctx).WithTimeout(2 * time.Minute).Should(Succeed())
	Expect(world().KillController(ctx)).To(Succeed())

	for _, pods := range f.workloads {
		expectRunning(ctx, pods, nodes)
	}
	nodes *= len(f.workloads)
	expectExact(ctx, f, nodes)
	// Garbage collection has had its turn, and eventual consistency is over: still exact.
	Consistently(func(g Gomega) {
		g.Expect(f.instances(ctx)).To(HaveLen(nodes))
		g.Expect(f.claims(ctx)).To(HaveLen(nodes))
	}).WithContext(ctx).WithTimeout(7 * time.Second).Should(Succeed())
	Expect(world().EverLaunched(ctx, f.Pool.Name)).To(Equal(nodes), "no instance was launched only to be collected")
}

// expectExact waits until claims and instances are one to one, and checks that they are n.
func expectExact(ctx context.Context, f *fixture, n int) {
	GinkgoHelper()
	Eventually(func(g Gomega) {
		claimed := lo.Map(f.claims(ctx), func(c karpv1.NodeClaim, _ int) string { return c.Status.ProviderID })
		running := lo.Map(f.instances(ctx), func(i env.Instance, _ int) string { return i.ProviderID })
		g.Expect(claimed).To(HaveLen(n))
		g.Expect(claimed).To(ConsistOf(running))
	}).WithContext(ctx).Should(Succeed())
}
