package tagging_test

import (
	"context"
	"errors"
	"fmt"
	"testing"

	. "github.com/onsi/gomega"
	metav1 "k8s.io/apimachinery/pkg/apis/meta/v1"
	"k8s.io/apimachinery/pkg/runtime"
	"k8s.io/apimachinery/pkg/runtime/schema"
	"sigs.k8s.io/controller-runtime/pkg/client"
	"sigs.k8s.io/controller-runtime/pkg/reconcile"
	karpapis "sigs.k8s.io/karpenter/pkg/apis"
	karpv1 "sigs.k8s.io/karpenter/pkg/apis/v1"

	v1 "github.com/karpenter-kubeadm/karpenter-provider-aws/pkg/apis/v1"
	"github.com/karpenter-kubeadm/karpenter-provider-aws/pkg/controllers/tagging"
	"github.com/karpenter-kubeadm/karpenter-provider-aws/pkg/instance"
	"github.com/karpenter-kubeadm/karpenter-provider-aws/test/env/apiserver"
)

// stock is an inventory of one instance.
type stock struct {
	tags   map[string]string // that it has
	set    []map[string]string
	getErr error
	tagErr error
}

func (s *stock) Get(_ context.Context, id instance.ID) (instance.Instance, error) {
	return instance.Instance{ID: id, Tags: s.tags}, s.getErr
}

func (s *stock) Tag(_ context.Context, _ instance.ID, tags map[string]string) error {
	s.set = append(s.set, tags)
	return s.tagErr
}

func TestController(t *testing.T) {
	scheme := runtime.NewScheme()
	gv := schema.GroupVersion{Group: karpapis.Group, Version: "v1"}
	scheme.AddKnownTypes(gv, &karpv1.NodeClaim{}, &karpv1.NodeClaimList{})
	metav1.AddToGroupVersion(scheme, gv)
	kube, err := client.New(apiserver.Start(t), client.Options{Scheme: scheme})
	NewWithT(t).Expect(err).NotTo(HaveOccurred())

	all := map[string]string{"Name": "ip-10-0-0-1.ec2.internal", "karpenter.sh/nodeclaim": "claim", "eks:eks-cluster-name": "demo"}
	for name, tc := range map[string]struct {
		stock  stock
		change func(*karpv1.NodeClaim)
		set    []map[string]string
		tagged bool
		err    OmegaMatcher
	}{
		"an instance gets all tags": {set: []map[string]string{all}, tagged: true, err: BeNil()},
		"a Name of the user's stays, and what is there is not set again": {
			stock: stock{tags: map[string]string{"Name": "mine", "eks:eks-cluster-name": "demo"}},
			set:   []map[string]string{{"karpenter.sh/nodeclaim": "claim"}}, tagged: true, err: BeNil(),
		},
		"an instance that has all is only recorded": {stock: stock{tags: all}, tagged: true, err: BeNil()},
		"a claim without a node waits":              {change: func(c *karpv1.NodeClaim) { c.Status.NodeName = "" }, err: BeNil()},
		"a claim of another provider is not ours":   {change: func(c *karpv1.NodeClaim) { c.Spec.NodeClassRef.Group = "karpenter.example.com" }, err: BeNil()},
		"a provider id of another provider is left": {change: func(c *karpv1.NodeClaim) { c.Status.ProviderID = "gce:///zone/name" }, err: MatchError(reconcile.TerminalError(nil))},
		"an instance that ended is left":            {stock: stock{getErr: fmt.Errorf("i-1: %w", instance.ErrNotFound)}, err: BeNil()},
		"a refusal is tried again and not recorded": {stock: stock{tagErr: errors.New("denied")}, set: []map[string]string{all}, err: MatchError("denied")},
	} {
		t.Run(name, func(t *testing.T) {
			g := NewWithT(t)
			claim := &karpv1.NodeClaim{ObjectMeta: metav1.ObjectMeta{Name: "claim"}}
			claim.Spec.NodeClassRef = &karpv1.NodeClassReference{Group: "karpenter.k8s.aws", Kind: "EC2NodeClass", Name: "default"}
			claim.Spec.Requirements = []karpv1.NodeSelectorRequirementWithMinValues{}
			status := karpv1.NodeClaimStatus{NodeName: "ip-10-0-0-1.ec2.internal", ProviderID: "aws:///us-east-1a/i-0abc"}
			claim.Status = status
			if tc.change != nil {
				tc.change(claim)
			}
			status = claim.Status
			g.Expect(kube.Create(t.Context(), claim)).To(Succeed())
			t.Cleanup(func() { _ = kube.Delete(context.WithoutCancel(t.Context()), claim) })
			claim.Status = status

			_, err := tagging.New(kube, &tc.stock, "demo").Reconcile(t.Context(), claim)
			g.Expect(err).To(tc.err)
			g.Expect(tc.stock.set).To(Equal(tc.set))
			g.Expect(kube.Get(t.Context(), client.ObjectKeyFromObject(claim), claim)).To(Succeed())
			g.Expect(claim.Annotations[v1.AnnotationInstanceTagged] == "true").To(Equal(tc.tagged))
			g.Expect(claim.Annotations[v1.AnnotationClusterNameTagged] == "true").To(Equal(tc.tagged))
		})
	}
}
