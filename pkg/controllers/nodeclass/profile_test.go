package nodeclass_test

import (
	"testing"
	"time"

	. "github.com/onsi/gomega"
	metav1 "k8s.io/apimachinery/pkg/apis/meta/v1"

	v1 "github.com/karpenter-kubeadm/karpenter-provider-aws/pkg/apis/v1"
	"github.com/karpenter-kubeadm/karpenter-provider-aws/test/awsfake/wire"
)

const byRole = `{instanceProfile: null, role: karpenter-node-role}`

func testProfile(t *testing.T, a *api) {
	t.Helper()
	t.Run("a role gets a profile of its own, once", func(t *testing.T) {
		g, w := NewWithT(t), newWorld(t, a)
		class := w.create(byRole)
		w.settle(class)
		g.Expect(ready(class)).To(BeTrue())
		name := class.InstanceProfileName("prod", w.aws.Region())
		g.Expect(class.Status.InstanceProfile).To(Equal(name))
		_, _, role, ok := w.aws.IAM.InstanceProfile(name)
		g.Expect(ok).To(BeTrue())
		g.Expect(role).To(HaveSuffix("role/karpenter-node-role"))
		w.clock.Step(time.Hour)
		w.settle(class)
		g.Expect(w.aws.Calls("CreateInstanceProfile")).To(Equal(1))
	})
	t.Run("a profile whose name was never written down is found again", func(t *testing.T) {
		g, w := NewWithT(t), newWorld(t, a)
		class := w.create(byRole)
		lost := class.DeepCopy()
		w.settle(class)
		restarted := newWorld(t, a)
		restarted.aws = w.aws
		restarted.controller = newController(restarted)
		g.Expect(restarted.live.Get(t.Context(), keyOf(lost), lost)).To(Succeed())
		lost.Status.InstanceProfile = ""
		_, err := restarted.controller.Reconcile(t.Context(), lost)
		g.Expect(err).NotTo(HaveOccurred())
		g.Expect(w.aws.Calls("CreateInstanceProfile")).To(Equal(1))
	})
	t.Run("a profile that the AWS provider made is kept, for a role with a path as well", func(t *testing.T) {
		g, w := NewWithT(t), newWorld(t, a)
		class := w.create(`{instanceProfile: null, role: nodes/karpenter-node-role}`)
		w.aws.IAM.AddProfile("prod_4711", "karpenter-node-role")
		class.Status.InstanceProfile = "prod_4711"
		g.Expect(w.live.Status().Update(t.Context(), class)).To(Succeed())
		w.settle(class)
		g.Expect(class.Status.InstanceProfile).To(Equal("prod_4711"))
		g.Expect(w.aws.Calls("CreateInstanceProfile")).To(BeZero())
	})
	testRole(t, a)
}

// testRole shows what becomes of a role that changes or is not there.
func testRole(t *testing.T, a *api) {
	t.Helper()
	t.Run("another role gets another profile, and the old one stays for its nodes", func(t *testing.T) {
		g, w := NewWithT(t), newWorld(t, a)
		w.aws.IAM.AddRole("other")
		class := w.create(byRole)
		w.settle(class)
		old := class.Status.InstanceProfile
		w.update(class, func(c *v1.EC2NodeClass) { c.Spec.Role = "other" })
		w.settle(class)
		g.Expect(class.Status.InstanceProfile).NotTo(Equal(old))
		_, _, role, _ := w.aws.IAM.InstanceProfile(old)
		g.Expect(role).To(HaveSuffix("role/karpenter-node-role"))
	})
	t.Run("a role that does not exist", func(t *testing.T) {
		g, w := NewWithT(t), newWorld(t, a)
		class := w.create(`{instanceProfile: null, role: misspelt}`)
		again := w.settle(class)
		g.Expect(condition(class, v1.ConditionTypeInstanceProfileReady)).To(And(
			HaveField("Status", metav1.ConditionFalse), HaveField("Reason", "RoleNotFound"),
			HaveField("Message", `spec.role "misspelt" does not exist in IAM; create it or correct the name`)))
		w.aws.IAM.AddRole("misspelt")
		w.clock.Step(again)
		w.settle(class)
		g.Expect(ready(class)).To(BeTrue())
	})
	t.Run("a profile that may not be looked at is taken on trust", func(t *testing.T) {
		g, w := NewWithT(t), newWorld(t, a)
		w.aws.Inject(wire.Fault{Action: "GetInstanceProfile", Times: -1, Answer: &wire.Error{Code: "AccessDenied", Message: "no", Status: 403}})
		class := w.create(`{instanceProfile: mine}`)
		w.settle(class)
		g.Expect(ready(class)).To(BeTrue())
		g.Expect(class.Status.InstanceProfile).To(Equal("mine"))
	})
}
