package capacity

import (
	"testing"
	"time"

	"github.com/awslabs/operatorpkg/status"
	. "github.com/onsi/gomega"
	corev1 "k8s.io/api/core/v1"
	"k8s.io/apimachinery/pkg/api/resource"
	metav1 "k8s.io/apimachinery/pkg/apis/meta/v1"
	"k8s.io/client-go/kubernetes/scheme"
	clocktesting "k8s.io/utils/clock/testing"
	"sigs.k8s.io/controller-runtime/pkg/client"
	crmetrics "sigs.k8s.io/controller-runtime/pkg/metrics"
	karpv1 "sigs.k8s.io/karpenter/pkg/apis/v1"

	"github.com/karpenter-kubeadm/karpenter-provider-aws/pkg/providers/instancetype"
	"github.com/karpenter-kubeadm/karpenter-provider-aws/test/env/apiserver"
)

const home = "default"

var noon = time.Date(2026, 11, 24, 12, 0, 0, 0, time.UTC)

// part is one replica of the controller.
type part struct {
	*Controller
	types *instancetype.Provider
}

func newPart(kube client.Client, clock *clocktesting.FakePassiveClock) part {
	types := instancetype.New(nil, instancetype.Config{})
	return part{New(kube, types, NewStore(kube, kube, home, clock), clock), types}
}

// initialized is a claim, and its node that has the given memory, in MiB.
func initialized(t *testing.T, kube client.Client, name, image, has string) *karpv1.NodeClaim {
	t.Helper()
	g := NewWithT(t)
	memory := corev1.ResourceList{corev1.ResourceMemory: resource.MustParse(has)}
	node := &corev1.Node{ObjectMeta: metav1.ObjectMeta{Name: name}, Status: corev1.NodeStatus{Capacity: memory, Allocatable: memory}}
	g.Expect(kube.Create(t.Context(), node)).To(Succeed())
	node.Status = corev1.NodeStatus{Capacity: memory, Allocatable: memory}
	g.Expect(kube.Status().Update(t.Context(), node)).To(Succeed())
	claim := &karpv1.NodeClaim{ObjectMeta: metav1.ObjectMeta{Name: name, Labels: map[string]string{corev1.LabelInstanceTypeStable: "t3.large"}}}
	claim.Spec.NodeClassRef = &karpv1.NodeClassReference{Group: "karpenter.k8s.aws", Kind: "EC2NodeClass", Name: "default"}
	claim.Status.NodeName, claim.Status.ImageID = name, image
	claim.Status.Capacity = corev1.ResourceList{corev1.ResourceMemory: resource.MustParse("8000Mi"), "nvidia.com/gpu": resource.MustParse("1")}
	claim.Status.Conditions = []status.Condition{{Type: karpv1.ConditionTypeInitialized, Status: metav1.ConditionTrue}}
	return claim
}

func TestController(t *testing.T) {
	g, ctx := NewWithT(t), t.Context()
	kube, err := client.New(apiserver.Start(t), client.Options{Scheme: scheme.Scheme})
	g.Expect(err).NotTo(HaveOccurred())
	clock := clocktesting.NewFakePassiveClock(noon)
	p := newPart(kube, clock)
	stored := func() (object corev1.ConfigMap) {
		g.Expect(kube.Get(ctx, client.ObjectKey{Namespace: home, Name: ConfigMap}, &object)).To(Succeed())
		return object
	}

	_, err = p.Reconcile(ctx, initialized(t, kube, "one", "ami-1", "7800Mi"))
	g.Expect(err).NotTo(HaveOccurred())
	least := instancetype.Measurement{Type: "t3.large", Image: "ami-1", Bytes: 7800 << 20, Seen: noon}
	g.Expect(p.types.Measurements(noon)).To(ConsistOf(least))
	families, err := crmetrics.Registry.Gather()
	g.Expect(err).NotTo(HaveOccurred())
	g.Expect(families).To(ContainElement(And(HaveField("GetName()", "karpenter_cloudprovider_node_promise_kept_ratio"),
		HaveField("GetMetric()", ConsistOf(HaveField("GetGauge().GetValue()", BeNumerically("~", 0.975)))))), "memory alone: no device plugin runs")

	first := stored()
	_, err = p.Reconcile(ctx, initialized(t, kube, "two", "ami-1", "7900Mi"))
	g.Expect(err).NotTo(HaveOccurred())
	g.Expect(p.types.Measurements(noon)).To(ConsistOf(least), "the least counts")
	g.Expect(stored().ResourceVersion).To(Equal(first.ResourceVersion), "nothing new, nothing written")

	// Another replica, or the same after a restart.
	next := newPart(kube, clock)
	g.Expect(next.store.Load(ctx, next.types)).To(Succeed())
	g.Expect(next.types.Measurements(noon)).To(ConsistOf(least))

	clock.SetTime(noon.Add(seenEvery))
	_, err = next.Reconcile(ctx, initialized(t, kube, "three", "ami-1", "7850Mi"))
	g.Expect(err).NotTo(HaveOccurred())
	g.Expect(stored().Data[key]).To(ContainSubstring("2026-11-25T12:00:00Z"), "it is still in use")
	g.Expect(stored().Data[key]).To(ContainSubstring("8178892800"), "and as it was")

	foreign := stored()
	foreign.Data = map[string]string{key: "not ours"}
	g.Expect(kube.Update(ctx, &foreign)).To(Succeed())
	_, err = next.Reconcile(ctx, initialized(t, kube, "four", "ami-2", "7700Mi"))
	g.Expect(err).NotTo(HaveOccurred())
	g.Expect(stored().Data[key]).To(And(ContainSubstring("ami-1"), ContainSubstring("ami-2")))
}

func TestWhatIsNotMeasured(t *testing.T) {
	ours := func() *karpv1.NodeClaim {
		claim := &karpv1.NodeClaim{}
		claim.Spec.NodeClassRef = &karpv1.NodeClassReference{Group: "karpenter.k8s.aws"}
		claim.Status.NodeName, claim.Status.ImageID = "n", "ami-1"
		claim.Status.Conditions = []status.Condition{{Type: karpv1.ConditionTypeInitialized, Status: metav1.ConditionTrue}}
		return claim
	}
	for name, tc := range map[string]struct {
		change func(*karpv1.NodeClaim)
		want   bool
	}{
		"an initialized node of ours":      {func(*karpv1.NodeClaim) {}, true},
		"one that is not initialized":      {func(c *karpv1.NodeClaim) { c.Status.Conditions = nil }, false},
		"one of another provider":          {func(c *karpv1.NodeClaim) { c.Spec.NodeClassRef.Group = "karpenter.example.com" }, false},
		"one without a class":              {func(c *karpv1.NodeClaim) { c.Spec.NodeClassRef = nil }, false},
		"one whose image is not known":     {func(c *karpv1.NodeClaim) { c.Status.ImageID = "" }, false},
		"one that is being taken away":     {func(c *karpv1.NodeClaim) { c.DeletionTimestamp = &metav1.Time{Time: noon} }, false},
		"a claim that has not got its own": {func(c *karpv1.NodeClaim) { c.Status.NodeName = "" }, false},
	} {
		t.Run(name, func(t *testing.T) {
			claim := ours()
			tc.change(claim)
			NewWithT(t).Expect(concerns(claim)).To(Equal(tc.want))
		})
	}
}
