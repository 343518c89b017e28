package e2e_test

import (
	"context"
	"time"

	. "github.com/onsi/ginkgo/v2"
	. "github.com/onsi/gomega"
	"github.com/samber/lo"
	karpv1 "sigs.k8s.io/karpenter/pkg/apis/v1"

	v1 "github.com/karpenter-kubeadm/karpenter-provider-aws/pkg/apis/v1"
	"github.com/karpenter-kubeadm/karpenter-provider-aws/test/env"
)

var _ = Describe("A NodeClass that cannot work", func() {
	DescribeTable("says so in a condition, and nothing is launched from it",
		func(ctx SpecContext, spoil func(*v1.EC2NodeClassSpec), condition string, words ...string) {
			f := newFixture()
			spoil(&f.Class.Spec)
			f.Create(ctx)
			f.Workload(ctx, 1, "1", "1Gi")
			Eventually(func(g Gomega) {
				f.classReady(ctx)
				c := f.Class.StatusConditions().Get(condition)
				g.Expect(c).NotTo(BeNil())
				g.Expect(c.IsFalse()).To(BeTrue(), c.Message)
				for _, word := range words {
					g.Expect(c.Message).To(ContainSubstring(word))
				}
				g.Expect(f.Class.StatusConditions().IsTrue("Ready")).To(BeFalse())
			}).WithContext(ctx).Should(Succeed())
			expectNothingLaunched(ctx, f)
		},
		Entry("when its instance profile does not exist", SpecTimeout(2*time.Minute), func(s *v1.EC2NodeClassSpec) {
			s.InstanceProfile = lo.ToPtr("nobody-made-this")
		}, "InstanceProfileReady", "spec.instanceProfile", "nobody-made-this"),
		Entry("when no subnet matches", SpecTimeout(2*time.Minute), func(s *v1.EC2NodeClassSpec) {
			s.SubnetSelectorTerms = []v1.SubnetSelectorTerm{{Tags: map[string]string{"no": "such"}}}
		}, "SubnetsReady", "spec.subnetSelectorTerms", "such"),
		Entry("when no security group matches", SpecTimeout(2*time.Minute), func(s *v1.EC2NodeClassSpec) {
			s.SecurityGroupSelectorTerms = []v1.SecurityGroupSelectorTerm{{Tags: map[string]string{"no": "such"}}}
		}, "SecurityGroupsReady", "spec.securityGroupSelectorTerms", "such"),
		Entry("when there is no such image", SpecTimeout(2*time.Minute), func(s *v1.EC2NodeClassSpec) {
			s.AMISelectorTerms = []v1.AMISelectorTerm{{ID: "ami-0123456789abcdef0"}}
		}, "AMIsReady", "spec.amiSelectorTerms", "ami-0123456789abcdef0"),
	)
})

var _ = Describe("Pods that no node can be made for", func() {
	It("hear which requirement nothing satisfies", func(ctx SpecContext) {
		f := newFixture()
		f.Pool.Spec.Template.Spec.Requirements = append(f.Pool.Spec.Template.Spec.Requirements, in("topology.kubernetes.io/zone", "eu-nowhere-1a"))
		f.Create(ctx)
		f.Workload(ctx, 1, "1", "1Gi")
		Eventually(func() []string { return events(ctx, "NodePool", f.Pool.Name) }).WithContext(ctx).
			Should(ContainElement(And(ContainSubstring("topology.kubernetes.io/zone In [eu-nowhere-1a]"), ContainSubstring("ap-northeast-2a"))))
		expectNothingLaunched(ctx, f)
	}, SpecTimeout(2*time.Minute))

	It("run as soon as EC2, which refused every pool, has capacity again", func(ctx SpecContext) {
		f := newFixture()
		f.Pool.Spec.Template.Spec.Requirements[0] = in("node.kubernetes.io/instance-type", "c6i.large")
		world().SetCapacity("c6i.large", 0)
		DeferCleanup(func() { world().SetCapacity("c6i.large", -1) })
		f.Create(ctx)
		pods := f.Workload(ctx, 1, "1", "1Gi")
		Eventually(func(g Gomega) {
			g.Expect(world().EventsContaining(ctx, "InsufficientCapacityError")).NotTo(BeEmpty())
		}).WithContext(ctx).Should(Succeed())
		expectNothingLaunched(ctx, f)

		world().SetCapacity("c6i.large", -1)
		// Refused pools are remembered for three minutes.
		Eventually(func() (int, error) { return pods.Running(ctx, world().Admin) }).
			WithContext(ctx).WithTimeout(5 * time.Minute).Should(Equal(1))
	}, SpecTimeout(8*time.Minute))
})

var _ = Describe("A controller that cannot work", func() {
	DescribeTable("ends at start, saying what to do",
		func(ctx SpecContext, change map[string]string, words ...string) {
			c, err := world().RunController(change)
			Expect(err).NotTo(HaveOccurred())
			DeferCleanup(c.Kill)
			code, err := c.ExitCode(ctx)
			Expect(err).NotTo(HaveOccurred())
			Expect(code).NotTo(BeZero())
			for _, word := range words {
				Expect(c.Output()).To(ContainSubstring(word))
			}
			Expect(c.Output()).NotTo(ContainSubstring("goroutine "), "a message, not a stack")
		},
		Entry("without credentials", SpecTimeout(time.Minute),
			map[string]string{"AWS_ACCESS_KEY_ID": "", "AWS_SECRET_ACCESS_KEY": "", "AWS_EC2_METADATA_DISABLED": "true"}, "credentials"),
		Entry("in a region that does not exist", SpecTimeout(time.Minute),
			map[string]string{"AWS_REGION": "ap-nowhere-9"}, "ap-nowhere-9"),
		Entry("when EC2 cannot be reached", SpecTimeout(2*time.Minute),
			map[string]string{"AWS_ENDPOINT_URL": "http://127.0.0.1:9"}, "127.0.0.1:9"),
		Entry("without a cluster name", SpecTimeout(time.Minute),
			map[string]string{"CLUSTER_NAME": ""}, "cluster-name"),
	)
})

var _ = Describe("Two controllers with one cluster name", func() {
	It("leave each other's instances alone, and say that the name is taken", func(ctx SpecContext) {
		f := newFixture()
		f.Create(ctx)
		stranger, err := world().RunStranger(ctx, f.Pool.Name, f.Class.Name)
		Expect(err).NotTo(HaveOccurred())
		DeferCleanup(func(ctx SpecContext) { Expect(world().Terminate(ctx, stranger)).To(Succeed()) })

		Eventually(func() []string { return events(ctx, "EC2NodeClass", f.Class.Name) }).WithContext(ctx).WithTimeout(4 * time.Minute).
			Should(ContainElement(And(ContainSubstring("cluster"), ContainSubstring("seed"))))
		// Collection looks every two minutes at most; what belongs to another cluster outlives its turn.
		Expect(lo.Map(f.instances(ctx), func(i env.Instance, _ int) string { return i.ID })).To(ContainElement(stranger))
	}, SpecTimeout(6*time.Minute))
})

// expectNothingLaunched checks that the pool has no instance, now and after its next turns.
func expectNothingLaunched(ctx context.Context, f *fixture) {
	GinkgoHelper()
	Consistently(func() []env.Instance { return f.instances(ctx) }).WithContext(ctx).WithTimeout(3 * time.Second).Should(BeEmpty())
	for _, claim := range f.claims(ctx) {
		Expect(claim.Status.ProviderID).To(BeEmpty())
		Expect(claim.StatusConditions().IsTrue(karpv1.ConditionTypeLaunched)).To(BeFalse())
	}
}
