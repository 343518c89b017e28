package e2e_test

import (
	"context"
	"math"
	"slices"
	"strings"
	"time"

	. "github.com/onsi/ginkgo/v2"
	. "github.com/onsi/gomega"
	"github.com/samber/lo"
	corev1 "k8s.io/api/core/v1"
	"k8s.io/apimachinery/pkg/api/resource"
	metav1 "k8s.io/apimachinery/pkg/apis/meta/v1"
	"sigs.k8s.io/controller-runtime/pkg/client"
	karpv1 "sigs.k8s.io/karpenter/pkg/apis/v1"

	v1 "github.com/karpenter-kubeadm/karpenter-provider-aws/pkg/apis/v1"
	"github.com/karpenter-kubeadm/karpenter-provider-aws/test/awsfake/catalogue"
	"github.com/karpenter-kubeadm/karpenter-provider-aws/test/env"
)

// seedFixture is the seed manifests as users wrote them, created unmodified.
func seedFixture(ctx context.Context) *fixture {
	GinkgoHelper()
	f := &fixture{Class: &v1.EC2NodeClass{}, Pool: &karpv1.NodePool{}}
	f.Class.Name, f.Pool.Name = "default", "worker-scalable"
	DeferCleanup(f.cleanUp, NodeTimeout(4*time.Minute))
	Expect(env.ApplyFile(ctx, world().Admin, seed("nodepool.yaml"))).To(Succeed())
	Expect(env.ApplyFile(ctx, world().Admin, seed("ec2nodeclass.yaml"))).To(Succeed())
	Expect(world().Admin.Get(ctx, client.ObjectKeyFromObject(f.Pool), f.Pool)).To(Succeed())
	return f
}

var _ = Describe("The seed manifests", func() {
	It("turn ten pending pods into three Ready nodes within the limits, and take them away when empty", func(ctx SpecContext) {
		f := seedFixture(ctx)
		pods := f.Workload(ctx, 10, "900m", "2Gi")
		expectRunning(ctx, pods, 10)

		claims := f.readyClaims(ctx, 3)
		Expect(types(claims)).To(Equal(map[string]int{"t3.xlarge": 2, "t3.large": 1}))
		cpu, memory := total(claims, corev1.ResourceCPU), total(claims, corev1.ResourceMemory)
		Expect(cpu.Cmp(resource.MustParse("20"))).To(BeNumerically("<=", 0))
		Expect(memory.Cmp(resource.MustParse("40Gi"))).To(BeNumerically("<=", 0))
		for _, claim := range claims {
			expectJoined(ctx, claim)
		}
		Expect(f.instances(ctx)).To(HaveLen(3))

		Expect(pods.Scale(ctx, world().Admin, 0)).To(Succeed())
		Eventually(func(g Gomega) {
			g.Expect(f.claims(ctx)).To(BeEmpty())
			g.Expect(f.nodes(ctx)).To(BeEmpty())
			g.Expect(f.instances(ctx)).To(BeEmpty())
		}).WithContext(ctx).WithTimeout(4 * time.Minute).Should(Succeed())
	}, SpecTimeout(7*time.Minute))

	It("buy the cheapest nodes for five pods of 1 vCPU and 2 GB", func(ctx SpecContext) {
		forgetMemory(ctx)
		f := seedFixture(ctx)
		pods := f.Workload(ctx, 5, "1", "2G")
		expectRunning(ctx, pods, 5)
		Expect(cost(f.claims(ctx))).To(BeNumerically("~", optimum(5, 1000, 2e9, "t3.medium", "t3.large", "t3.xlarge"), 1e-9))
	}, SpecTimeout(3*time.Minute))
})

var _ = Describe("Pending pods", Portable, func() {
	It("get nodes that join as the instances they are, and nothing stays when they are gone", func(ctx SpecContext) {
		f := newFixture()
		f.Pool.Spec.Disruption.ConsolidateAfter = karpv1.MustParseNillableDuration("1s")
		f.Create(ctx)
		pods := f.Workload(ctx, 9, "1", "1Gi")
		expectRunning(ctx, pods, 9)

		instances := lo.KeyBy(f.instances(ctx), func(i env.Instance) string { return i.ProviderID })
		nodes := f.nodes(ctx)
		Expect(len(nodes)).To(BeNumerically(">", 1))
		Expect(instances).To(HaveLen(len(nodes)))
		for _, claim := range f.readyClaims(ctx, len(nodes)) {
			Expect(instances).To(HaveKey(claim.Status.ProviderID))
			Expect(instances[claim.Status.ProviderID].Type).To(Equal(claim.Labels[corev1.LabelInstanceTypeStable]))
			Expect(instances[claim.Status.ProviderID].Zone).To(Equal(claim.Labels[corev1.LabelTopologyZone]))
		}
		for _, node := range nodes {
			Expect(node.Name).To(HavePrefix("ip-" + strings.ReplaceAll(instances[node.Spec.ProviderID].PrivateIP, ".", "-") + "."))
		}

		Expect(pods.Scale(ctx, world().Admin, 0)).To(Succeed())
		Eventually(func(g Gomega) {
			g.Expect(f.claims(ctx)).To(BeEmpty())
			g.Expect(f.nodes(ctx)).To(BeEmpty())
			g.Expect(f.instances(ctx)).To(BeEmpty())
		}).WithContext(ctx).WithTimeout(3 * time.Minute).Should(Succeed())
	}, SpecTimeout(5*time.Minute))
})

// expectJoined checks what a user sees of a claim whose node is up.
func expectJoined(ctx context.Context, claim karpv1.NodeClaim) {
	GinkgoHelper()
	Expect(claim.Status.ProviderID).To(MatchRegexp(`^aws:///ap-northeast-2[ac]/i-[0-9a-f]{17}$`))
	Expect(claim.Status.NodeName).To(MatchRegexp(`^ip-\d+-\d+-\d+-\d+\.ap-northeast-2\.compute\.internal$`))
	for _, condition := range []string{"Launched", "Registered", "Initialized", "Ready"} {
		Expect(claim.StatusConditions().Get(condition).IsTrue()).To(BeTrue(), condition)
	}
	Expect(claim.Status.Capacity.Cpu().IsZero()).To(BeFalse())

	node := &corev1.Node{}
	Expect(world().Admin.Get(ctx, client.ObjectKey{Name: claim.Status.NodeName}, node)).To(Succeed())
	Expect(node.Spec.ProviderID).To(Equal(claim.Status.ProviderID))
	Expect(node.Labels).To(HaveKeyWithValue("role", "worker"))
	Expect(node.Labels).To(HaveKeyWithValue("managed-by", "karpenter"))
	Expect(node.Labels).To(HaveKeyWithValue(corev1.LabelInstanceTypeStable, claim.Labels[corev1.LabelInstanceTypeStable]))
	Expect(node.Labels).To(HaveKeyWithValue(corev1.LabelTopologyZone, claim.Labels[corev1.LabelTopologyZone]))
	Expect(node.Spec.Taints).To(ConsistOf(corev1.Taint{Key: "workload", Value: "ai", Effect: corev1.TaintEffectNoSchedule}))
	Expect(node.Status.Allocatable.Cpu().Cmp(*claim.Status.Allocatable.Cpu())).To(BeNumerically(">=", 0), "the node has what was planned")
	Expect(node.Status.Allocatable.Memory().Cmp(*claim.Status.Allocatable.Memory())).To(BeNumerically(">=", 0), "the node has what was planned")
	Expect(node.Status.Allocatable.Pods().Value()).To(Equal(claim.Status.Allocatable.Pods().Value()))

	instances, err := world().Instances(ctx, nil)
	Expect(err).NotTo(HaveOccurred())
	instance, found := lo.Find(instances, func(i env.Instance) bool { return i.ProviderID == claim.Status.ProviderID })
	Expect(found).To(BeTrue())
	Expect(instance.Tags).To(HaveKeyWithValue("kubernetes.io/cluster/seed", "owned"))
	Expect(instance.Tags).To(HaveKeyWithValue("karpenter.sh/nodepool", "worker-scalable"))
	Expect(instance.Tags).To(HaveKeyWithValue("Environment", "dev"))
}

// cost is the claims' price per hour by the catalogue.
func cost(claims []karpv1.NodeClaim) float64 {
	GinkgoHelper()
	return lo.SumBy(claims, func(c karpv1.NodeClaim) float64 { return price(c.Labels[corev1.LabelInstanceTypeStable]) })
}

func price(instanceType string) float64 {
	GinkgoHelper()
	p, ok := catalogue.Price("ap-northeast-2", instanceType)
	Expect(ok).To(BeTrue(), instanceType)
	return p
}

// optimum tries every combination of types and returns the lowest price at which pods of
// the given size (millicores, bytes) fit. It knows a node's room from the catalogue: all
// cores, and the memory that is left when 7.5 % never arrive and 100 MiB are the eviction threshold.
func optimum(pods int, millicores, bytes float64, names ...string) float64 {
	GinkgoHelper()
	best := slices.Repeat([]float64{math.Inf(1)}, pods+1)
	best[0] = 0
	for n := 1; n <= pods; n++ {
		for _, name := range names {
			t, ok := catalogue.Lookup(name)
			Expect(ok).To(BeTrue(), name)
			room := (float64(t.MemoryMiB)*(1-0.075) - 100) * (1 << 20)
			fits := int(min(float64(t.VCPUs)*1000/millicores, room/bytes))
			if fits > 0 {
				best[n] = min(best[n], best[max(0, n-fits)]+price(name))
			}
		}
	}
	return best[pods]
}

// forgetMemory takes away what was learned from the nodes of earlier specs, so that types
// are planned with as on the first day.
func forgetMemory(ctx context.Context) {
	GinkgoHelper()
	learned := &corev1.ConfigMap{ObjectMeta: metav1.ObjectMeta{Namespace: "karpenter", Name: "karpenter-measured-memory"}}
	Expect(client.IgnoreNotFound(world().Admin.Delete(ctx, learned))).To(Succeed())
	Expect(world().KillController(ctx)).To(Succeed())
}
