package e2e_test

import (
	"time"

	. "github.com/onsi/ginkgo/v2"
	. "github.com/onsi/gomega"
	"github.com/samber/lo"
	corev1 "k8s.io/api/core/v1"
	"sigs.k8s.io/controller-runtime/pkg/client"
	karpv1 "sigs.k8s.io/karpenter/pkg/apis/v1"
)

var _ = Describe("A node with the startup taint of a CNI", func() {
	It("is Initialized, and takes pods, only when the CNI has taken the taint off, for good", Portable, func(ctx SpecContext) {
		// As Cilium's operator does it.
		taint := corev1.Taint{Key: "node.cilium.io/agent-not-ready", Value: "true", Effect: corev1.TaintEffectNoExecute}
		has := func(node corev1.Node) bool {
			return lo.ContainsBy(node.Spec.Taints, func(t corev1.Taint) bool { return t.MatchTaint(&taint) })
		}
		f := newFixture()
		f.Pool.Spec.Template.Spec.StartupTaints = []corev1.Taint{taint}
		f.Create(ctx)
		pods := f.Workload(ctx, 1, "1", "1Gi")

		Eventually(func(g Gomega) {
			claims := f.claims(ctx)
			g.Expect(claims).To(HaveLen(1))
			g.Expect(claims[0].StatusConditions().IsTrue(karpv1.ConditionTypeRegistered)).To(BeTrue())
			initialized := claims[0].StatusConditions().Get(karpv1.ConditionTypeInitialized)
			g.Expect(initialized.Reason).To(Equal("StartupTaintsExist"))
			g.Expect(initialized.Message).To(ContainSubstring(taint.Key))
		}).WithContext(ctx).Should(Succeed())
		Expect(f.nodes(ctx)).To(HaveLen(1))
		node := f.nodes(ctx)[0]
		Expect(has(node)).To(BeTrue())
		Consistently(func() (int, error) { return pods.Running(ctx, world().Admin) }).WithContext(ctx).WithTimeout(2 * time.Second).Should(BeZero())

		Eventually(func() error {
			fresh := node.DeepCopy()
			if err := world().Admin.Get(ctx, client.ObjectKeyFromObject(&node), fresh); err != nil {
				return err
			}
			fresh.Spec.Taints = lo.Reject(fresh.Spec.Taints, func(t corev1.Taint, _ int) bool { return t.MatchTaint(&taint) })
			return world().Admin.Update(ctx, fresh) // refused where somebody else changed the node meanwhile
		}).WithContext(ctx).Should(Succeed())

		expectRunning(ctx, pods, 1)
		Eventually(func() bool {
			return f.claims(ctx)[0].StatusConditions().IsTrue(karpv1.ConditionTypeInitialized)
		}).WithContext(ctx).Should(BeTrue())
		Consistently(func() bool { return has(f.nodes(ctx)[0]) }).WithContext(ctx).WithTimeout(2 * time.Second).Should(BeFalse())
	}, SpecTimeout(3*time.Minute))
})
