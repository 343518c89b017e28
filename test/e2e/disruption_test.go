package e2e_test

import (
	"context"
	"fmt"
	"time"

	. "github.com/onsi/ginkgo/v2"
	. "github.com/onsi/gomega"
	"github.com/samber/lo"
	metav1 "k8s.io/apimachinery/pkg/apis/meta/v1"
	karpv1 "sigs.k8s.io/karpenter/pkg/apis/v1"
)

var _ = Describe("Consolidation", func() {
	It("takes an empty node away after consolidateAfter and not before", Portable, func(ctx SpecContext) {
		f := newFixture()
		f.Pool.Spec.Disruption.ConsolidateAfter = karpv1.MustParseNillableDuration("30s")
		f.Create(ctx)
		pods := f.Workload(ctx, 1, "1", "1Gi")
		expectRunning(ctx, pods, 1)

		emptied := time.Now()
		Expect(pods.Scale(ctx, world().Admin, 0)).To(Succeed())
		Eventually(func() []karpv1.NodeClaim { return f.claims(ctx) }).WithContext(ctx).Should(BeEmpty())
		Expect(time.Since(emptied)).To(BeNumerically(">", 30*time.Second))
		Expect(f.instances(ctx)).To(BeEmpty())
	}, SpecTimeout(4*time.Minute))

	It("repacks pods of underused nodes onto cheaper ones", func(ctx SpecContext) {
		f := newFixture()
		f.Pool.Spec.Disruption.ConsolidationPolicy = karpv1.ConsolidationPolicyWhenEmptyOrUnderutilized
		f.Pool.Spec.Disruption.ConsolidateAfter = karpv1.MustParseNillableDuration("1s")
		f.Create(ctx)
		pods := f.Workload(ctx, 6, "1", "1Gi")
		expectRunning(ctx, pods, 6)
		before := cost(f.claims(ctx))

		Expect(pods.Scale(ctx, world().Admin, 1)).To(Succeed())
		Eventually(func(g Gomega) {
			g.Expect(cost(f.claims(ctx))).To(BeNumerically("~", price("t3.medium"), 1e-9))
			g.Expect(pods.Running(ctx, world().Admin)).To(Equal(1))
			g.Expect(f.instances(ctx)).To(HaveLen(1))
		}).WithContext(ctx).WithTimeout(4 * time.Minute).Should(Succeed())
		Expect(before).To(BeNumerically(">", price("t3.medium")))
	}, SpecTimeout(6*time.Minute))

	DescribeTable("obeys a budget that is on a schedule",
		func(ctx SpecContext, hour func(now time.Time) int, blocked bool) {
			f := newFixture()
			f.Pool.Spec.Disruption.ConsolidateAfter = karpv1.MustParseNillableDuration("1s")
			f.Pool.Spec.Disruption.Budgets = []karpv1.Budget{{Nodes: "100%"}, {
				Nodes:    "0",
				Schedule: lo.ToPtr(fmt.Sprintf("0 %d * * *", hour(time.Now().UTC()))),
				Duration: &metav1.Duration{Duration: 3 * time.Hour},
			}}
			f.Create(ctx)
			pods := f.Workload(ctx, 1, "1", "1Gi")
			expectRunning(ctx, pods, 1)
			Expect(pods.Scale(ctx, world().Admin, 0)).To(Succeed())

			if !blocked {
				Eventually(func() []karpv1.NodeClaim { return f.claims(ctx) }).WithContext(ctx).Should(BeEmpty())
				return
			}
			Eventually(func() []string { return events(ctx, "NodePool", f.Pool.Name) }).WithContext(ctx).
				Should(ContainElement(ContainSubstring("DisruptionBlocked")))
			Expect(f.claims(ctx)).To(HaveLen(1))
		},
		Entry("and active: the node stays", SpecTimeout(4*time.Minute), func(now time.Time) int { return (now.Hour() + 23) % 24 }, true),
		Entry("and hours away: the node goes", SpecTimeout(4*time.Minute), func(now time.Time) int { return (now.Hour() + 6) % 24 }, false),
	)
})

var _ = Describe("A NodePool's limits", func() {
	It("hold while pods wait, and say so", func(ctx SpecContext) {
		f := newFixture()
		f.Pool.Spec.Limits = karpv1.Limits{"cpu": quantity("4")}
		f.Create(ctx)
		pods := f.Workload(ctx, 12, "900m", "512Mi")
		Eventually(func() ([]string, error) { return unschedulable(ctx, pods) }).WithContext(ctx).
			Should(ContainElement(ContainSubstring("limits")))
		Consistently(func(g Gomega) {
			cpu := total(f.claims(ctx), "cpu")
			g.Expect(cpu.Cmp(quantity("4"))).To(BeNumerically("<=", 0))
		}).WithContext(ctx).WithTimeout(8 * time.Second).Should(Succeed())
		Expect(pods.Running(ctx, world().Admin)).To(BeNumerically(">", 0))
	}, SpecTimeout(3*time.Minute))
})

var _ = Describe("What is deleted by hand", Portable, Slow, func() {
	launched := func(ctx context.Context) (*fixture, func(context.Context)) {
		f := newFixture()
		f.Create(ctx)
		pods := f.Workload(ctx, 1, "1", "1Gi")
		expectRunning(ctx, pods, 1)
		first := f.claims(ctx)[0].Name
		return f, func(ctx context.Context) {
			GinkgoHelper()
			Eventually(func(g Gomega) {
				claims := f.claims(ctx)
				g.Expect(claims).To(HaveLen(1))
				g.Expect(claims[0].Name).NotTo(Equal(first))
				g.Expect(f.instances(ctx)).To(HaveLen(1))
				g.Expect(f.nodes(ctx)).To(HaveLen(1))
				g.Expect(pods.Running(ctx, world().Admin)).To(Equal(1))
			}).WithContext(ctx).WithTimeout(5 * time.Minute).Should(Succeed())
		}
	}

	It("as a NodeClaim: its node is drained, its instance ends, its pod runs on another", func(ctx SpecContext) {
		f, expectReplaced := launched(ctx)
		Expect(world().Admin.Delete(ctx, lo.ToPtr(f.claims(ctx)[0]))).To(Succeed())
		expectReplaced(ctx)
	}, SpecTimeout(6*time.Minute))

	It("as a Node: its claim and instance go with it", func(ctx SpecContext) {
		f, expectReplaced := launched(ctx)
		Expect(world().Admin.Delete(ctx, lo.ToPtr(f.nodes(ctx)[0]))).To(Succeed())
		expectReplaced(ctx)
	}, SpecTimeout(6*time.Minute))

	It("as an instance: node and claim go, and the pod runs on another", func(ctx SpecContext) {
		f, expectReplaced := launched(ctx)
		Expect(world().Terminate(ctx, f.instances(ctx)[0].ID)).To(Succeed())
		expectReplaced(ctx)
	}, SpecTimeout(7*time.Minute))
})
