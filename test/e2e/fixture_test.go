package e2e_test

import (
	"context"
	"fmt"
	"math/rand/v2"
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
	"github.com/karpenter-kubeadm/karpenter-provider-aws/test/env"
)

// fixture is what one spec makes: a NodeClass, a NodePool, and workloads that run on its nodes only.
type fixture struct {
	Class *v1.EC2NodeClass
	Pool  *karpv1.NodePool

	workloads []env.Workload
}

// newFixture returns objects with a name of their own that are not created yet, and are
// deleted after the spec, with everything that came of them.
func newFixture() *fixture {
	name := fmt.Sprintf("spec-%08x", rand.Uint32())
	f := &fixture{Class: nodeClass(name), Pool: nodePool(name)}
	if image := world().Image; image != "" {
		f.Class.Spec.AMISelectorTerms = []v1.AMISelectorTerm{{ID: image}}
		// Emulators forget a fleet's security groups, which is drift and would replace every node.
		f.Pool.Spec.Disruption.Budgets = append(f.Pool.Spec.Disruption.Budgets,
			karpv1.Budget{Nodes: "0", Reasons: []karpv1.DisruptionReason{karpv1.DisruptionReasonDrifted}})
	}
	DeferCleanup(f.cleanUp, NodeTimeout(4*time.Minute))
	return f
}

func nodeClass(name string) *v1.EC2NodeClass {
	tags := map[string]string{"karpenter.sh/discovery": "true"}
	return &v1.EC2NodeClass{
		ObjectMeta: metav1.ObjectMeta{Name: name},
		Spec: v1.EC2NodeClassSpec{
			AMIFamily:                  lo.ToPtr("Ubuntu"),
			InstanceProfile:            lo.ToPtr("karpenter-node-profile"),
			SubnetSelectorTerms:        []v1.SubnetSelectorTerm{{Tags: tags}},
			SecurityGroupSelectorTerms: []v1.SecurityGroupSelectorTerm{{Tags: tags}},
		},
	}
}

func nodePool(name string) *karpv1.NodePool {
	return &karpv1.NodePool{
		ObjectMeta: metav1.ObjectMeta{Name: name},
		Spec: karpv1.NodePoolSpec{
			Template: karpv1.NodeClaimTemplate{Spec: karpv1.NodeClaimTemplateSpec{
				NodeClassRef: &karpv1.NodeClassReference{Group: "karpenter.k8s.aws", Kind: "EC2NodeClass", Name: name},
				ExpireAfter:  karpv1.MustParseNillableDuration("Never"),
				Requirements: []karpv1.NodeSelectorRequirementWithMinValues{
					in(corev1.LabelInstanceTypeStable, "t3.medium", "t3.large", "t3.xlarge"),
					in(karpv1.CapacityTypeLabelKey, karpv1.CapacityTypeOnDemand),
				},
			}},
			Disruption: karpv1.Disruption{
				ConsolidationPolicy: karpv1.ConsolidationPolicyWhenEmpty,
				ConsolidateAfter:    karpv1.MustParseNillableDuration("Never"),
				Budgets:             []karpv1.Budget{{Nodes: "100%"}},
			},
		},
	}
}

func in(key string, values ...string) karpv1.NodeSelectorRequirementWithMinValues {
	return karpv1.NodeSelectorRequirementWithMinValues{Key: key, Operator: corev1.NodeSelectorOpIn, Values: values}
}

// Create makes NodeClass and NodePool.
func (f *fixture) Create(ctx context.Context) {
	GinkgoHelper()
	Expect(world().Admin.Create(ctx, f.Class)).To(Succeed())
	Expect(world().Admin.Create(ctx, f.Pool)).To(Succeed())
}

// Workload makes a Deployment whose pods run on the fixture's nodes only.
func (f *fixture) Workload(ctx context.Context, replicas int32, cpu, memory string) env.Workload {
	GinkgoHelper()
	w := env.Workload{
		Name: fmt.Sprintf("%s-%d", f.Pool.Name, len(f.workloads)), Replicas: replicas, CPU: cpu, Memory: memory,
		NodeSelector: map[string]string{karpv1.NodePoolLabelKey: f.Pool.Name},
		Tolerations: lo.Map(f.Pool.Spec.Template.Spec.Taints, func(t corev1.Taint, _ int) corev1.Toleration {
			return corev1.Toleration{Key: t.Key, Operator: corev1.TolerationOpExists}
		}),
	}
	f.workloads = append(f.workloads, w)
	Expect(world().Admin.Create(ctx, w.Deployment())).To(Succeed())
	return w
}

// cleanUp removes all that the spec made and proves that nothing is left of it.
func (f *fixture) cleanUp(ctx SpecContext) {
	admin := world().Admin
	for _, w := range f.workloads {
		Expect(client.IgnoreNotFound(admin.Delete(ctx, w.Deployment()))).To(Succeed())
	}
	Expect(client.IgnoreNotFound(admin.Delete(ctx, f.Pool))).To(Succeed())
	Eventually(func(g Gomega) {
		g.Expect(f.claims(ctx)).To(BeEmpty())
		g.Expect(f.instances(ctx)).To(BeEmpty())
	}).WithContext(ctx).WithTimeout(3 * time.Minute).Should(Succeed())
	Expect(client.IgnoreNotFound(admin.Delete(ctx, f.Class))).To(Succeed())
	Eventually(func() error {
		return admin.Get(ctx, client.ObjectKeyFromObject(f.Class), &v1.EC2NodeClass{})
	}).WithContext(ctx).Should(MatchError(ContainSubstring("not found")))
}

// claims are the pool's NodeClaims.
func (f *fixture) claims(ctx context.Context) []karpv1.NodeClaim {
	GinkgoHelper()
	var list karpv1.NodeClaimList
	Expect(world().Admin.List(ctx, &list, client.MatchingLabels{karpv1.NodePoolLabelKey: f.Pool.Name})).To(Succeed())
	return list.Items
}

// readyClaims waits until n claims are Ready and returns them: a pod may run before the
// claim of its node says so.
func (f *fixture) readyClaims(ctx context.Context, n int) []karpv1.NodeClaim {
	GinkgoHelper()
	var claims []karpv1.NodeClaim
	Eventually(func(g Gomega) {
		claims = f.claims(ctx)
		g.Expect(claims).To(HaveLen(n))
		for i := range claims {
			g.Expect(claims[i].StatusConditions().IsTrue("Ready")).To(BeTrue(), claims[i].Name)
		}
	}).WithContext(ctx).Should(Succeed())
	return claims
}

// nodes are the pool's Nodes.
func (f *fixture) nodes(ctx context.Context) []corev1.Node {
	GinkgoHelper()
	var list corev1.NodeList
	Expect(world().Admin.List(ctx, &list, client.MatchingLabels{karpv1.NodePoolLabelKey: f.Pool.Name})).To(Succeed())
	return list.Items
}

// instances are the pool's instances that EC2 does not call shutting-down or terminated.
func (f *fixture) instances(ctx context.Context) []env.Instance {
	GinkgoHelper()
	all, err := world().Instances(ctx, map[string]string{"karpenter.sh/nodepool": f.Pool.Name})
	Expect(err).NotTo(HaveOccurred())
	return lo.Filter(all, func(i env.Instance, _ int) bool { return i.Alive() })
}

// expectRunning waits until n of the workload's pods run.
func expectRunning(ctx context.Context, w env.Workload, n int) {
	GinkgoHelper()
	Eventually(func() (int, error) { return w.Running(ctx, world().Admin) }).WithContext(ctx).Should(Equal(n))
}

// types counts instance types, as in {"t3.large": 2}.
func types(claims []karpv1.NodeClaim) map[string]int {
	return lo.CountValuesBy(claims, func(c karpv1.NodeClaim) string { return c.Labels[corev1.LabelInstanceTypeStable] })
}

// total adds up one resource of all claims' capacity.
func total(claims []karpv1.NodeClaim, name corev1.ResourceName) resource.Quantity {
	var sum resource.Quantity
	for _, c := range claims {
		sum.Add(c.Status.Capacity[name])
	}
	return sum
}

// events returns the messages of events on an object, newest last.
func events(ctx context.Context, kind, name string) []string {
	GinkgoHelper()
	var list corev1.EventList
	Expect(world().Admin.List(ctx, &list)).To(Succeed())
	return lo.FilterMap(list.Items, func(e corev1.Event, _ int) (string, bool) {
		return e.Reason + ": " + e.Message, e.InvolvedObject.Kind == kind && e.InvolvedObject.Name == name
	})
}

func quantity(text string) resource.Quantity { return resource.MustParse(text) }

// unschedulable returns what events say of the workload's pods that found no node.
func unschedulable(ctx context.Context, w env.Workload) ([]string, error) {
	pods, err := w.Pods(ctx, world().Admin)
	var messages []string
	for i := range pods {
		messages = append(messages, events(ctx, "Pod", pods[i].Name)...)
	}
	return messages, err
}

// classReady reports whether the NodeClass may be launched from.
func (f *fixture) classReady(ctx context.Context) bool {
	GinkgoHelper()
	Expect(world().Admin.Get(ctx, client.ObjectKeyFromObject(f.Class), f.Class)).To(Succeed())
	return f.Class.StatusConditions().IsTrue("Ready")
}
