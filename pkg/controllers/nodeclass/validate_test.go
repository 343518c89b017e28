package nodeclass_test

import (
	"errors"
	"fmt"
	"os"
	"strings"
	"testing"
	"time"

	. "github.com/onsi/gomega"
	"github.com/samber/lo"
	metav1 "k8s.io/apimachinery/pkg/apis/meta/v1"

	v1 "github.com/karpenter-kubeadm/karpenter-provider-aws/pkg/apis/v1"
	"github.com/karpenter-kubeadm/karpenter-provider-aws/pkg/cache"
	"github.com/karpenter-kubeadm/karpenter-provider-aws/pkg/controllers/nodeclass"
)

func testValidate(t *testing.T, a *api) {
	t.Helper()
	var many []string
	for i := range 41 {
		many = append(many, fmt.Sprintf("k%d: v", i))
	}
	noise := strings.Repeat("x", 17000)
	for name, tc := range map[string]struct{ spec, reason, message string }{
		"a kubelet field that none has":      {`{kubelet: {maxPodz: 1}}`, "InvalidKubeletConfiguration", `spec.kubelet.maxPodz: unknown field "maxPodz" in kubelet.config.k8s.io/v1beta1`},
		"two faults in kubelet":              {`{kubelet: {maxPods: -1, podsPerCore: -1}}`, "InvalidKubeletConfiguration", `spec.kubelet.maxPods: -1 must not be negative; spec.kubelet.podsPerCore: -1 must not be negative`},
		"an expression in kubelet":           {`{kubelet: {maxPods: "vcpus * 10"}}`, "KubeletExpressionsDisabled", `spec.kubelet.maxPods: expressions are not supported, got "vcpus * 10"; set a whole number`},
		"a tag that says who launched":       {`{tags: {karpenter.k8s.aws/cluster-uid: x}}`, "TagValidationFailed", `spec.tags[karpenter.k8s.aws/cluster-uid]: this tag is set by Karpenter; remove it`},
		"a tag that AWS reserves":            {`{tags: {"AWS:x": "1"}}`, "TagValidationFailed", `spec.tags[AWS:x]: keys that begin with aws: are reserved by AWS; rename it`},
		"a key that is too long":             {`{tags: {` + strings.Repeat("k", 129) + `: x}}`, "TagValidationFailed", `keys have at most 128 characters; shorten it`},
		"a value that is too long":           {`{tags: {k: ` + strings.Repeat("v", 257) + `}}`, "TagValidationFailed", `spec.tags[k]: values have at most 256 characters; shorten it`},
		"more tags than fit":                 {`{tags: {` + strings.Join(many, ", ") + `}}`, "TagValidationFailed", `spec.tags has 41 entries and at most 40 fit beside Karpenter's own; remove some`},
		"user data that are too long":        {`{amiFamily: Custom, amiSelectorTerms: [{alias: ubuntu@24.04}], userData: "` + noise + `"}`, "UserDataSizeLimitExceeded", "user data would be 17000 bytes and EC2 takes 16384"},
		"a family that is not rendered":      {`{amiFamily: AL2, amiSelectorTerms: [{name: "ubuntu*", owner: "099720109477"}]}`, "InvalidSpec", `spec.amiFamily: "AL2" is not rendered for kubeadm clusters`},
		"settings that are no TOML":          {`{amiFamily: Bottlerocket, amiSelectorTerms: [{name: "ubuntu*", owner: "099720109477"}], userData: "echo hi"}`, "InvalidSpec", `spec.userData: is not TOML`},
		"Ignition that is none":              {`{amiFamily: Flatcar, amiSelectorTerms: [{alias: flatcar@stable}], userData: "#!/bin/sh"}`, "InvalidSpec", `spec.userData: is not Ignition as Flatcar takes it`},
		"what is not known for Bottlerocket": {`{amiFamily: Bottlerocket, amiSelectorTerms: [{name: "ubuntu*", owner: "099720109477"}]}`, "InvalidSpec", `does not say in its name that it is a Bottlerocket`},
		"the spec is judged before AWS is":   {`{kubelet: {maxPods: -1}, instanceProfile: nobodys}`, "InvalidKubeletConfiguration", `maxPods`},
	} {
		t.Run(name, func(t *testing.T) {
			g, w := NewWithT(t), newWorld(t, a)
			class := w.create(tc.spec)
			w.settle(class)
			g.Expect(condition(class, v1.ConditionTypeValidationSucceeded)).To(And(
				HaveField("Status", metav1.ConditionFalse), HaveField("Reason", tc.reason), HaveField("Message", ContainSubstring(tc.message))))
			g.Expect(ready(class)).To(BeFalse())
			g.Expect(w.dryRun.asked).To(BeZero())
		})
	}
	for _, alias := range []string{"ubuntu@24.04", "debian@12", "al2023@latest"} {
		t.Run(alias, func(t *testing.T) {
			g, w := NewWithT(t), newWorld(t, a)
			class := w.create(`{amiFamily: null, amiSelectorTerms: [{alias: ` + alias + `}]}`)
			w.settle(class)
			g.Expect(ready(class)).To(BeTrue())
			g.Expect(class.Status.AMIs).To(HaveLen(2), "one for each architecture")
		})
	}
	t.Run("the seed's script is well", func(t *testing.T) {
		g, w := NewWithT(t), newWorld(t, a)
		class := w.create(`{userData: "#!/bin/bash\nkubeadm join ${CLUSTER_ENDPOINT}:6443 --token ${BOOTSTRAP_TOKEN} --discovery-token-ca-cert-hash sha256:${CA_CERT_HASH}\n"}`)
		w.settle(class)
		g.Expect(condition(class, v1.ConditionTypeValidationSucceeded).IsTrue()).To(BeTrue())
	})
}

func testReview(t *testing.T, a *api) {
	t.Helper()
	long, err := os.ReadFile("../../join/testdata/seed-long.sh")
	NewWithT(t).Expect(err).NotTo(HaveOccurred())
	t.Run("a warning does not hold up launches", func(t *testing.T) {
		g, w := NewWithT(t), newWorld(t, a)
		class := w.create(`{userData: "set -x\nkubeadm join ${CLUSTER_ENDPOINT}:6443 --token ${BOOTSTRAP_TOKEN}\n"}`)
		w.settle(class)
		w.settle(class)
		g.Expect(ready(class)).To(BeTrue())
		g.Expect(condition(class, v1.ConditionTypeUserDataSound)).To(And(
			HaveField("Status", metav1.ConditionFalse), HaveField("Reason", "TokenTraced"), HaveField("Message", ContainSubstring("set +x"))))
		g.Expect(w.events.published).To(ConsistOf(HaveField("Reason", "TokenTraced")), "once")
		w.update(class, func(c *v1.EC2NodeClass) { c.Spec.UserData = nil })
		w.settle(class)
		g.Expect(condition(class, v1.ConditionTypeUserDataSound).IsTrue()).To(BeTrue())
	})
	t.Run("a kubelet that the API server does not take is not launched", func(t *testing.T) {
		g, w := NewWithT(t), newWorld(t, a)
		class := w.create(`{}`)
		w.update(class, func(c *v1.EC2NodeClass) { c.Spec.UserData = lo.ToPtr(string(long)) })
		w.settle(class)
		g.Expect(ready(class)).To(BeFalse())
		g.Expect(condition(class, v1.ConditionTypeValidationSucceeded)).To(And(HaveField("Reason", "KubeletVersionSkew"),
			HaveField("Message", And(ContainSubstring("kubelet 1.28"), ContainSubstring("1.36")))))
		g.Expect(w.events.published).To(ContainElement(HaveField("Reason", "KubeletVersionSkew")))
		w.clusters.Version.Minor = 31
		w.settle(class)
		g.Expect(ready(class)).To(BeTrue())
	})
}

// refusal is what the launching side answers when EC2 says no.
type refusal struct{ reason, message string }

func (r refusal) Error() string               { return "launching: " + r.message }
func (r refusal) Condition() (string, string) { return r.reason, r.message }

func testDryRun(t *testing.T, a *api) {
	t.Helper()
	t.Run("a verdict stands for a while", func(t *testing.T) {
		g, w := NewWithT(t), newWorld(t, a)
		class := w.create(`{}`)
		w.settle(class)
		w.clock.Step(cache.Validation - time.Second)
		w.settle(class)
		g.Expect(w.dryRun.asked).To(Equal(1))
		w.clock.Step(time.Second)
		w.settle(class)
		g.Expect(w.dryRun.asked).To(Equal(2))
	})
	t.Run("another spec is asked for anew", func(t *testing.T) {
		g, w := NewWithT(t), newWorld(t, a)
		class := w.create(`{}`)
		w.settle(class)
		w.update(class, func(c *v1.EC2NodeClass) { c.Spec.Tags = map[string]string{"a": "b"} })
		w.settle(class)
		g.Expect(w.dryRun.asked).To(Equal(2))
	})
	t.Run("a refusal is said and asked about again", func(t *testing.T) {
		g, w := NewWithT(t), newWorld(t, a)
		w.dryRun.err = fmt.Errorf("trying: %w", refusal{nodeclass.ReasonCreateFleetDenied, "allow ec2:CreateFleet"})
		class := w.create(`{}`)
		again := w.settle(class)
		g.Expect(condition(class, v1.ConditionTypeValidationSucceeded)).To(And(
			HaveField("Status", metav1.ConditionFalse), HaveField("Reason", "CreateFleetAuthCheckFailed"), HaveField("Message", "allow ec2:CreateFleet")))
		w.settle(class)
		g.Expect(w.dryRun.asked).To(Equal(1))
		w.dryRun.err = nil
		w.clock.Step(again)
		w.settle(class)
		g.Expect(ready(class)).To(BeTrue())
	})
	t.Run("trouble is no verdict", func(t *testing.T) {
		g, w := NewWithT(t), newWorld(t, a)
		w.dryRun.err = errors.New("throttled")
		class := w.create(`{}`)
		_, err := w.reconcile(class)
		g.Expect(err).To(MatchError("throttled"))
		g.Expect(condition(class, v1.ConditionTypeValidationSucceeded)).To(And(HaveField("Status", metav1.ConditionUnknown), HaveField("Message", "throttled")))
		w.dryRun.err = nil
		w.settle(class)
		g.Expect(ready(class)).To(BeTrue())
	})
	t.Run("it can be turned off", func(t *testing.T) {
		g := NewWithT(t)
		w := newWorld(t, a, func(d *nodeclass.Deps, _ *nodeclass.Config) { d.DryRun = nil })
		class := w.create(`{}`)
		w.settle(class)
		g.Expect(ready(class)).To(BeTrue())
		g.Expect(w.dryRun.asked).To(BeZero())
	})
}
