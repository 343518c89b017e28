package join_test

import (
	"context"
	"testing"
	"time"

	"github.com/awslabs/operatorpkg/status"
	. "github.com/onsi/gomega"
	corev1 "k8s.io/api/core/v1"
	clocktesting "k8s.io/utils/clock/testing"
	"sigs.k8s.io/controller-runtime/pkg/client"
	karpv1 "sigs.k8s.io/karpenter/pkg/apis/v1"

	diagnosis "github.com/karpenter-kubeadm/karpenter-provider-aws/pkg/controllers/join"
	"github.com/karpenter-kubeadm/karpenter-provider-aws/pkg/instance"
	"github.com/karpenter-kubeadm/karpenter-provider-aws/pkg/join"
	"github.com/karpenter-kubeadm/karpenter-provider-aws/pkg/providers/clusterinfo"
	"github.com/karpenter-kubeadm/karpenter-provider-aws/test/hollow/machine"
)

// look is after its launch that the controller looks at a claim whose reason is tested. It
// looks every fifteen seconds and says nothing in the first minute, so that what it finds
// then is on the claim within ninety seconds.
const look = 75 * time.Second

// shown is what EC2 shows of one machine.
type shown struct {
	*inventory
	machine *machine.Machine
}

// Console is scrubbed, as that of the provider is.
func (s shown) Console(context.Context, instance.ID) (string, error) {
	return join.Scrub(s.machine.Console.Text()), nil
}

// expectReason waits until the controller, which finds the cluster as clusters has it, says
// on the claim of i, which m runs as, for what reason it has not joined, with the words, and
// tells an event of it.
func (w *world) expectReason(t *testing.T, i instance.Instance, m *machine.Machine, clusters *clusterinfo.Provider, reason string, words ...string) {
	t.Helper()
	g := NewWithT(t)
	claim := &karpv1.NodeClaim{}
	key := client.ObjectKey{Name: "claim-" + string(i.ID)}
	g.Expect(w.admin.Get(t.Context(), key, claim)).To(Succeed())
	launched := claim.StatusConditions(status.WithObservedOnly()).Get(karpv1.ConditionTypeLaunched).LastTransitionTime
	told := &journal{}
	controller := diagnosis.New(w.admin, told, diagnosis.Options{
		Inventory: shown{w.ec2, m}, Clusters: clusters, Held: w.held, Region: region, Clock: clocktesting.NewFakeClock(launched.Add(look)),
	})
	said := ContainSubstring(words[0])
	for _, word := range words[1:] {
		said = And(said, ContainSubstring(word))
	}
	g.Eventually(func(g Gomega) {
		g.Expect(w.admin.Get(t.Context(), key, claim)).To(Succeed())
		g.Expect(controller.Reconcile(t.Context(), claim)).Error().NotTo(HaveOccurred())
		g.Expect(w.admin.Get(t.Context(), key, claim)).To(Succeed())
		condition := claim.StatusConditions(status.WithObservedOnly()).Get(diagnosis.ConditionTypeJoined)
		g.Expect(condition).NotTo(BeNil())
		g.Expect(condition.Reason).To(Equal(reason), condition.Message)
		g.Expect(condition.Message).To(said)
		g.Expect(told.text()).To(And(ContainSubstring("Warning NodeJoinOverdue"), said), "the event")
	}, patience, 200*time.Millisecond).Should(Succeed(), func() string { return m.Console.Text() })
	g.Expect(w.admin.Get(t.Context(), client.ObjectKey{Name: nodeOf(i)}, &corev1.Node{})).NotTo(Succeed())
}

// expectReady waits for i's node.
func (w *world) expectReady(t *testing.T, m *machine.Machine, i instance.Instance) {
	t.Helper()
	NewWithT(t).Eventually(func(g Gomega) {
		var node corev1.Node
		g.Expect(w.admin.Get(t.Context(), client.ObjectKey{Name: nodeOf(i)}, &node)).To(Succeed())
		g.Expect(node.Spec.ProviderID).To(Equal(i.ProviderID()))
		g.Expect(node.Status.Conditions).To(ContainElement(And(HaveField("Type", corev1.NodeReady), HaveField("Status", corev1.ConditionTrue))))
	}, patience, 200*time.Millisecond).Should(Succeed(), func() string { return m.Console.Text() + m.Journal.Text() })
}
