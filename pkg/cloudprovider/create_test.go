package cloudprovider

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
	"sigs.k8s.io/controller-runtime/pkg/client/interceptor"
	karpapis "sigs.k8s.io/karpenter/pkg/apis"
	karpv1 "sigs.k8s.io/karpenter/pkg/apis/v1"

	v1 "github.com/karpenter-kubeadm/karpenter-provider-aws/pkg/apis/v1"
	"github.com/karpenter-kubeadm/karpenter-provider-aws/pkg/cluster"
	"github.com/karpenter-kubeadm/karpenter-provider-aws/pkg/instance"
	"github.com/karpenter-kubeadm/karpenter-provider-aws/pkg/providers/inventory"
	"github.com/karpenter-kubeadm/karpenter-provider-aws/pkg/providers/launch"
	"github.com/karpenter-kubeadm/karpenter-provider-aws/test/env/apiserver"
)

func newKube(t *testing.T) client.WithWatch {
	t.Helper()
	g := NewWithT(t)
	scheme := runtime.NewScheme()
	g.Expect(v1.AddToScheme(scheme)).To(Succeed())
	gv := schema.GroupVersion{Group: karpapis.Group, Version: "v1"}
	scheme.AddKnownTypes(gv, &karpv1.NodePool{}, &karpv1.NodePoolList{}, &karpv1.NodeClaim{}, &karpv1.NodeClaimList{})
	metav1.AddToGroupVersion(scheme, gv)
	kube, err := client.NewWithWatch(apiserver.Start(t), client.Options{Scheme: scheme})
	g.Expect(err).NotTo(HaveOccurred())
	return kube
}

// put stores a class with its status.
func put(t *testing.T, kube client.Client, class *v1.EC2NodeClass) {
	t.Helper()
	g := NewWithT(t)
	status := class.Status
	g.Expect(kube.Create(t.Context(), class)).To(Succeed())
	class.Status = status
	g.Expect(kube.Status().Update(t.Context(), class)).To(Succeed())
}

func TestCreate(t *testing.T) {
	kube := newKube(t)
	good := ubuntu("default")
	ready(good)
	put(t, kube, good)
	notReady := ubuntu("not-ready")
	ready(notReady)
	notReady.StatusConditions().SetFalse(v1.ConditionTypeSubnetsReady, "SubnetsNotFound", "no subnet matches")
	put(t, kube, notReady)
	put(t, kube, ubuntu("unchecked"))
	stale := ubuntu("stale")
	ready(stale)
	put(t, kube, stale)
	stale.Spec.Tags = map[string]string{"newer": "spec"}
	NewWithT(t).Expect(kube.Update(t.Context(), stale)).To(Succeed())
	going := ubuntu("going")
	going.Finalizers = []string{v1.TerminationFinalizer}
	ready(going)
	put(t, kube, going)
	NewWithT(t).Expect(kube.Delete(t.Context(), going)).To(Succeed())

	t.Run("returns the instance with all that core copies", func(t *testing.T) {
		g, p := NewWithT(t), newParts(t)
		got, err := p.on(kube).Create(t.Context(), claimFor("default"))
		g.Expect(err).NotTo(HaveOccurred())
		g.Expect(got.Status.ProviderID).To(Equal("aws:///" + zoneA + "/i-0abc"))
		g.Expect(got.Status.Capacity).NotTo(BeEmpty())
		g.Expect(got.Annotations).To(HaveKeyWithValue(v1.AnnotationEC2NodeClassHash, good.Hash(p.cluster.CA)))
		g.Expect(p.requests).To(HaveLen(1))
		g.Expect(p.requests[0].Groups[0].Offers).To(HaveLen(2))
		g.Expect(p.requests[0].Groups[0].Template.SecurityGroupIDs).To(Equal([]string{"sg-1"}))
	})
	for name, tc := range map[string]struct {
		class  string
		change func(*parts)
		fate   string
		event  string
	}{
		"no such class":                      {class: "absent", fate: "the claim is deleted: no capacity", event: "NodeClassNotFound"},
		"a class that is being deleted":      {class: "going", fate: "the claim is deleted: no capacity", event: "NodeClassNotFound"},
		"a class that is not ready":          {class: "not-ready", fate: "the claim is deleted: class"},
		"a class that is not checked yet":    {class: "unchecked", fate: "retried: NodeClassReadinessUnknown"},
		"a class whose status is of old":     {class: "stale", fate: "the claim is deleted: class"},
		"nothing fits":                       {class: "default", change: func(p *parts) { p.types = nil }, fate: "the claim is deleted: no capacity"},
		"eks mode":                           {class: "default", change: func(p *parts) { p.cluster.Mode = cluster.EKS }, fate: "the claim is deleted: class"},
		"EC2 has no room":                    {class: "default", change: func(p *parts) { p.launchErr = &launch.CapacityError{Err: errors.New("full")} }, fate: "the claim is deleted: no capacity"},
		"spot needs a person":                {class: "default", change: func(p *parts) { p.launchErr = &launch.CapacityError{NoSpotRole: true, Err: errors.New("role")} }, fate: "the claim is deleted: no capacity", event: "SpotServiceLinkedRoleMissing"},
		"trouble that nobody thought of":     {class: "default", change: func(p *parts) { p.launchErr = errors.New("odd") }, fate: "retried"},
		"an instance that may exist already": {class: "default", change: func(p *parts) { p.launchErr = &launch.UncertainError{} }, fate: "retried: LaunchOutcomeUnknown"},
	} {
		t.Run(name, func(t *testing.T) {
			g, p := NewWithT(t), newParts(t)
			if tc.change != nil {
				tc.change(p)
			}
			_, err := p.on(kube).Create(t.Context(), claimFor(tc.class))
			g.Expect(core(err)).To(Equal(tc.fate), "%v", err)
			if tc.event != "" {
				g.Expect(p.published).To(HaveLen(1))
				g.Expect(p.published[0].Reason).To(Equal(tc.event))
			}
		})
	}
	t.Run("an API server that does not answer is neither absent nor unready", func(t *testing.T) {
		g, p := NewWithT(t), newParts(t)
		troubled := interceptor.NewClient(kube, interceptor.Funcs{Get: func(context.Context, client.WithWatch, client.ObjectKey, client.Object, ...client.GetOption) error {
			return errors.New("connection refused")
		}})
		_, err := p.on(troubled).Create(t.Context(), claimFor("default"))
		g.Expect(core(err)).To(Equal("retried"))
	})
	t.Run("drift is judged by the pool's class", func(t *testing.T) { testIsDrifted(t, kube) })
}

func testIsDrifted(t *testing.T, kube client.WithWatch) {
	t.Helper()
	g, p := NewWithT(t), newParts(t)
	pool := &karpv1.NodePool{ObjectMeta: metav1.ObjectMeta{Name: "workers"}}
	pool.Spec.Template.Spec.NodeClassRef = &karpv1.NodeClassReference{Group: "karpenter.k8s.aws", Kind: "EC2NodeClass", Name: "default"}
	pool.Spec.Template.Spec.Requirements = []karpv1.NodeSelectorRequirementWithMinValues{}
	g.Expect(kube.Create(t.Context(), pool)).To(Succeed())
	p.instance = instance.Instance{SubnetID: "subnet-1", SecurityGroupIDs: []string{"sg-1"}}

	claim := claimFor("default")
	claim.Labels["node.kubernetes.io/instance-type"] = "t3.small"
	claim.Status.ProviderID, claim.Status.ImageID = "aws:///"+zoneA+"/i-0abc", "ami-1"
	g.Expect(p.on(kube).IsDrifted(t.Context(), claim)).To(Equal(notDrifted))
	claim.Status.ImageID = "ami-0"
	g.Expect(p.on(kube).IsDrifted(t.Context(), claim)).To(Equal(AMIDrift))
	claim.Status.ImageID, p.instance.SubnetID = "ami-1", "subnet-9"
	g.Expect(p.on(kube).IsDrifted(t.Context(), claim)).To(Equal(SubnetDrift))
	claim.Labels[karpv1.NodePoolLabelKey] = "gone"
	g.Expect(p.on(kube).IsDrifted(t.Context(), claim)).To(Equal(notDrifted))

	types, err := p.on(kube).GetInstanceTypes(t.Context(), pool)
	g.Expect(err).NotTo(HaveOccurred())
	g.Expect(types).To(HaveLen(1))
	pool.Spec.Template.Spec.NodeClassRef.Name = "absent"
	types, err = p.on(kube).GetInstanceTypes(t.Context(), pool)
	g.Expect(err).NotTo(HaveOccurred())
	g.Expect(types).To(BeEmpty())
	g.Expect(p.published).To(HaveLen(1))
}

// on is the provider with an API server.
func (p *parts) on(kube client.Client) *CloudProvider {
	c := p.provider()
	c.Kube = kube
	return c
}

func claimFor(class string) *karpv1.NodeClaim {
	claim := claimOf()
	claim.Spec.NodeClassRef.Name = class
	return claim
}

func TestDelete(t *testing.T) {
	absent := fmt.Errorf("i-0abc: %w", instance.ErrNotFound)
	launchedAgo := func(seconds int64) func(*karpv1.NodeClaim) {
		return func(c *karpv1.NodeClaim) {
			c.StatusConditions().SetTrue(karpv1.ConditionTypeLaunched)
			for n := range c.Status.Conditions {
				c.Status.Conditions[n].LastTransitionTime = metav1.Unix(now.Unix()-seconds, 0)
			}
		}
	}
	for name, tc := range map[string]struct {
		err    error
		change func(*karpv1.NodeClaim)
		fate   string
		event  int
	}{
		"it was told to end":                       {fate: "accepted"},
		"there is none":                            {err: absent, change: launchedAgo(60), fate: "the finalizer is dropped"},
		"EC2 may not show it yet":                  {err: absent, change: launchedAgo(5), fate: "accepted"},
		"it is another cluster's":                  {err: &inventory.ForeignError{ID: "i-0abc", UID: "other"}, fate: "the finalizer is dropped", event: 1},
		"EC2 does not answer":                      {err: errors.New("no answer"), fate: "retried"},
		"the provider id is none of this provider": {change: func(c *karpv1.NodeClaim) { c.Status.ProviderID = "kwok://x" }, fate: "retried"},
	} {
		t.Run(name, func(t *testing.T) {
			g, p := NewWithT(t), newParts(t)
			claim := claimOf()
			claim.Status.ProviderID = "aws:///" + zoneA + "/i-0abc"
			if tc.change != nil {
				tc.change(claim)
			}
			p.endErr = tc.err
			fate := "accepted"
			if err := p.provider().Delete(t.Context(), claim); err != nil {
				fate = core(err)
			}
			g.Expect(fate).To(Equal(tc.fate))
			g.Expect(p.published).To(HaveLen(tc.event))
		})
	}
}
