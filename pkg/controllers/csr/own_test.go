package csr

import (
	"testing"

	. "github.com/onsi/gomega"
	"k8s.io/client-go/kubernetes/scheme"
	"sigs.k8s.io/controller-runtime/pkg/client/fake"
	karpv1 "sigs.k8s.io/karpenter/pkg/apis/v1"

	v1 "github.com/karpenter-kubeadm/karpenter-provider-aws/pkg/apis/v1"
	"github.com/karpenter-kubeadm/karpenter-provider-aws/pkg/instance"
	"github.com/karpenter-kubeadm/karpenter-provider-aws/pkg/providers/token"
)

// perInstance has claim's instance join with a token of its own.
func perInstance(claim *karpv1.NodeClaim) {
	claim.Annotations = map[string]string{v1.AnnotationTokenDelivery: v1.TokenDeliveryPerInstance}
}

func TestWhereEachInstanceHasATokenOfItsOwn(t *testing.T) {
	own := func(id instance.ID) func(*clientFacts) {
		return func(f *clientFacts) { f.epoch = token.Epoch{ID: "abcdef", Instance: id}; perInstance(f.claim) }
	}
	for name, tc := range map[string]struct {
		change   func(*clientFacts)
		decision decision
		reason   string
	}{
		"its own":                          {own("i-0abc"), approve, "InstanceOfNodeClaim"},
		"a sibling's":                      {own("i-0abd"), deny, "TokenOfAnother"},
		"one that many share":              {func(f *clientFacts) { perInstance(f.claim) }, deny, "TokenOfAnother"},
		"its own, for one that shares one": {func(f *clientFacts) { f.epoch = token.Epoch{ID: "abcdef", Instance: "i-0abd"} }, deny, "TokenOfAnother"},
		"its own, before EC2 shows it":     {func(f *clientFacts) { own("i-0abc")(f); f.instance = instance.Instance{} }, hold, "InstanceUnknown"},
		"its own, a second time": {
			func(f *clientFacts) { own("i-0abc")(f); f.claim.Annotations[AnnotationApproved] = "another" }, deny, "AlreadyApproved",
		},
	} {
		t.Run(name, func(t *testing.T) {
			g := NewWithT(t)
			got := judge(joining(tc.change), clientRules)
			g.Expect(got.decision).To(Equal(tc.decision), got.message)
			g.Expect(got.reason).To(Equal(tc.reason))
		})
	}
}

func TestWhoseTokenItIs(t *testing.T) {
	claims := fake.NewClientBuilder().WithScheme(scheme.Scheme).WithObjects(
		launched(perInstance),
		launched(func(claim *karpv1.NodeClaim) {
			claim.Name, claim.Status.ProviderID = "shares", "aws:///ap-northeast-2a/i-0abd"
		}),
		launched(func(claim *karpv1.NodeClaim) {
			perInstance(claim)
			claim.Name, claim.Status.ProviderID = "unlaunched", ""
		}),
	).Build()
	c := New(claims, unheard{}, Options{Tokens: tokens{"shared": {ID: "shared"}}})
	for id, want := range map[string]struct {
		owner instance.ID
		ours  bool
	}{
		"of0abc": {"i-0abc", true},
		"of0abd": {"", false}, // that instance has none
		"shared": {"", true},
		"nobody": {"", false},
	} {
		t.Run(id, func(t *testing.T) {
			g := NewWithT(t)
			epoch, ours, err := c.epoch(t.Context(), id)
			g.Expect(err).NotTo(HaveOccurred())
			g.Expect(ours).To(Equal(want.ours))
			g.Expect(epoch.Instance).To(Equal(want.owner))
		})
	}
}
