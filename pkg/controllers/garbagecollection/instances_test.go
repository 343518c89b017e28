package garbagecollection_test

import (
	"context"
	"errors"
	"fmt"
	"sync"
	"testing"
	"time"

	. "github.com/onsi/gomega"
	corev1 "k8s.io/api/core/v1"
	metav1 "k8s.io/apimachinery/pkg/apis/meta/v1"
	"k8s.io/apimachinery/pkg/runtime"
	"k8s.io/apimachinery/pkg/runtime/schema"
	clientgoscheme "k8s.io/client-go/kubernetes/scheme"
	clocktesting "k8s.io/utils/clock/testing"
	"sigs.k8s.io/controller-runtime/pkg/cache"
	"sigs.k8s.io/controller-runtime/pkg/client"
	"sigs.k8s.io/controller-runtime/pkg/client/fake"
	karpapis "sigs.k8s.io/karpenter/pkg/apis"
	karpv1 "sigs.k8s.io/karpenter/pkg/apis/v1"
	"sigs.k8s.io/karpenter/pkg/events"

	v1 "github.com/karpenter-kubeadm/karpenter-provider-aws/pkg/apis/v1"
	"github.com/karpenter-kubeadm/karpenter-provider-aws/pkg/controllers/garbagecollection"
	"github.com/karpenter-kubeadm/karpenter-provider-aws/pkg/instance"
	"github.com/karpenter-kubeadm/karpenter-provider-aws/pkg/pool"
	"github.com/karpenter-kubeadm/karpenter-provider-aws/test/env/apiserver"
)

var now = time.Date(2026, 11, 24, 12, 0, 0, 0, time.UTC)

// world is what the controller works with: a real API server, and an inventory of the test's.
type world struct {
	kube      client.Client
	live      client.Reader
	inventory *stock
	recorder  *recorder
	clock     *clocktesting.FakeClock
}

func newWorld(t *testing.T) *world {
	t.Helper()
	g := NewWithT(t)
	scheme := runtime.NewScheme()
	g.Expect(clientgoscheme.AddToScheme(scheme)).To(Succeed())
	g.Expect(v1.AddToScheme(scheme)).To(Succeed())
	gv := schema.GroupVersion{Group: karpapis.Group, Version: "v1"}
	scheme.AddKnownTypes(gv, &karpv1.NodeClaim{}, &karpv1.NodeClaimList{})
	metav1.AddToGroupVersion(scheme, gv)

	config := apiserver.Start(t)
	reads, err := cache.New(config, cache.Options{Scheme: scheme})
	g.Expect(err).NotTo(HaveOccurred())
	g.Expect(reads.IndexField(t.Context(), &corev1.Node{}, "spec.providerID", func(o client.Object) []string {
		return []string{o.(*corev1.Node).Spec.ProviderID}
	})).To(Succeed())
	ctx, cancel := context.WithCancel(context.WithoutCancel(t.Context()))
	t.Cleanup(cancel)
	go func() { _ = reads.Start(ctx) }()
	kube, err := client.New(config, client.Options{Scheme: scheme, Cache: &client.CacheOptions{Reader: reads}})
	g.Expect(err).NotTo(HaveOccurred())
	live, err := client.New(config, client.Options{Scheme: scheme})
	g.Expect(err).NotTo(HaveOccurred())
	return &world{kube: kube, live: live, inventory: &stock{}, recorder: &recorder{}, clock: clocktesting.NewFakeClock(now)}
}

func (w *world) controller() *garbagecollection.Controller {
	return garbagecollection.New(garbagecollection.Kube{Client: w.kube, Live: w.live}, w.inventory, w.recorder, w.clock, false)
}

// stock is an inventory whose instances are gone when they were ended.
type stock struct {
	mu            sync.Mutex
	ours, foreign []instance.Instance
	ended         []instance.ID
	errs          map[instance.ID]error
	listErr       error
}

func (s *stock) List(context.Context) ([]instance.Instance, error)    { return s.ours, s.listErr }
func (s *stock) Foreign(context.Context) ([]instance.Instance, error) { return s.foreign, nil }
func (s *stock) Terminate(_ context.Context, id instance.ID) error {
	s.mu.Lock()
	defer s.mu.Unlock()
	s.ended = append(s.ended, id)
	return s.errs[id]
}

type recorder struct{ published []events.Event }

func (r *recorder) Publish(all ...events.Event) { r.published = append(r.published, all...) }

func old(id instance.ID, uid string) instance.Instance {
	i := instance.Instance{
		ID: id, Pool: pool.Pool{InstanceType: "t3.medium", Zone: "ap-northeast-2a"}, State: instance.StateRunning,
		Launched: now.Add(-time.Hour), Tags: map[string]string{v1.EKSClusterNameTagKey: "demo"},
	}
	if uid != "" {
		i.Tags[v1.ClusterUIDTagKey] = uid
	}
	return i
}

// behind is a cache that has not heard of any NodeClaim yet.
type behind struct{ client.Client }

func (b behind) List(ctx context.Context, list client.ObjectList, options ...client.ListOption) error {
	if _, ok := list.(*karpv1.NodeClaimList); ok {
		return nil
	}
	return b.Client.List(ctx, list, options...)
}

// claimOf is a claim that names an instance, for the reader that has it.
type claimOf struct {
	client.Reader
	providerID string
}

func (c claimOf) List(_ context.Context, list client.ObjectList, _ ...client.ListOption) error {
	list.(*karpv1.NodeClaimList).Items = []karpv1.NodeClaim{{Status: karpv1.NodeClaimStatus{ProviderID: c.providerID}}}
	return nil
}

func TestInstanceIsKeptWhoseClaimTheCacheDoesNotKnowYet(t *testing.T) {
	g := NewWithT(t)
	stock := &stock{ours: []instance.Instance{old("i-0a", "ours"), old("i-0b", "ours")}}
	kube := garbagecollection.Kube{
		Client: behind{fake.NewClientBuilder().WithIndex(&corev1.Node{}, "spec.providerID", func(client.Object) []string { return nil }).Build()},
		Live:   claimOf{providerID: "aws:///ap-northeast-2a/i-0a"},
	}
	_, err := garbagecollection.New(kube, stock, &recorder{}, clocktesting.NewFakeClock(now), false).Reconcile(t.Context())
	g.Expect(err).NotTo(HaveOccurred())
	g.Expect(stock.ended).To(ConsistOf(instance.ID("i-0b")))
}

func TestController(t *testing.T) {
	w := newWorld(t)
	t.Run("ends an orphan and deletes its Node, and no other", func(t *testing.T) {
		g := NewWithT(t)
		for name, id := range map[string]string{"orphaned": "i-0a", "another": "i-0b"} {
			node := &corev1.Node{ObjectMeta: metav1.ObjectMeta{Name: name}, Spec: corev1.NodeSpec{ProviderID: "aws:///ap-northeast-2a/" + id}}
			g.Expect(w.kube.Create(t.Context(), node)).To(Succeed())
		}
		w.inventory.ours = []instance.Instance{old("i-0a", "ours"), old("i-0c", "")}
		c := w.controller()
		g.Eventually(func(g Gomega) {
			again, err := c.Reconcile(t.Context())
			g.Expect(err).NotTo(HaveOccurred())
			g.Expect(again.RequeueAfter).To(Equal(10 * time.Second))
			var nodes corev1.NodeList
			g.Expect(w.kube.List(t.Context(), &nodes)).To(Succeed())
			g.Expect(nodes.Items).To(HaveLen(1))
			g.Expect(nodes.Items[0].Name).To(Equal("another"))
		}).WithTimeout(10 * time.Second).Should(Succeed())
		g.Expect(w.inventory.ended).To(HaveEach(instance.ID("i-0a")), "what bears no UID is left")
	})
	t.Run("keeps what a NodeClaim has", func(t *testing.T) {
		g := NewWithT(t)
		claim := &karpv1.NodeClaim{ObjectMeta: metav1.ObjectMeta{Name: "owner"}}
		claim.Spec.NodeClassRef = &karpv1.NodeClassReference{Group: "karpenter.k8s.aws", Kind: "EC2NodeClass", Name: "default"}
		claim.Spec.Requirements = []karpv1.NodeSelectorRequirementWithMinValues{}
		g.Expect(w.kube.Create(t.Context(), claim)).To(Succeed())
		claim.Status.ProviderID = "aws:///ap-northeast-2a/i-0d"
		g.Expect(w.kube.Status().Update(t.Context(), claim)).To(Succeed())
		g.Eventually(func() string {
			g.Expect(w.kube.Get(t.Context(), client.ObjectKeyFromObject(claim), claim)).To(Succeed())
			return claim.Status.ProviderID
		}).ShouldNot(BeEmpty())
		w.inventory.ended, w.inventory.ours = nil, []instance.Instance{old("i-0d", "ours")}
		_, err := w.controller().Reconcile(t.Context())
		g.Expect(err).NotTo(HaveOccurred())
		g.Expect(w.inventory.ended).To(BeEmpty())
	})
	t.Run("warns the owners of classes that another cluster has the name", func(t *testing.T) {
		g := NewWithT(t)
		g.Expect(w.kube.Create(t.Context(), nodeClass("default"))).To(Succeed())
		w.inventory.ours, w.inventory.foreign = nil, []instance.Instance{old("i-0e", "theirs")}
		g.Eventually(func(g Gomega) {
			_, err := w.controller().Reconcile(t.Context())
			g.Expect(err).NotTo(HaveOccurred())
			g.Expect(w.recorder.published).NotTo(BeEmpty())
		}).WithTimeout(10 * time.Second).Should(Succeed())
		g.Expect(w.recorder.published[0].Reason).To(Equal("ClusterNameCollision"))
		g.Expect(w.recorder.published[0].Message).To(And(ContainSubstring(`this cluster's name "demo"`), ContainSubstring("theirs")))
		g.Expect(w.inventory.ended).To(BeEmpty())
	})
	t.Run("fails when one cannot be ended, after it has ended the others", func(t *testing.T) {
		g := NewWithT(t)
		w.inventory.ended, w.inventory.ours = nil, []instance.Instance{old("i-01", "ours"), old("i-02", "ours"), old("i-03", "ours")}
		w.inventory.errs = map[instance.ID]error{"i-02": errors.New("denied"), "i-03": fmt.Errorf("i-03: %w", instance.ErrNotFound)}
		_, err := w.controller().Reconcile(t.Context())
		g.Expect(err).To(MatchError(And(ContainSubstring("i-02"), Not(ContainSubstring("i-03")))))
		g.Expect(w.inventory.ended).To(ConsistOf(instance.ID("i-01"), instance.ID("i-02"), instance.ID("i-03")))
	})
	t.Run("ends nothing when EC2 does not answer", func(t *testing.T) {
		g := NewWithT(t)
		w.inventory.ended, w.inventory.listErr = nil, errors.New("no answer")
		_, err := w.controller().Reconcile(t.Context())
		g.Expect(err).To(HaveOccurred())
		g.Expect(w.inventory.ended).To(BeEmpty())
	})
}

func nodeClass(name string) *v1.EC2NodeClass {
	family, profile := v1.AMIFamilyUbuntu, "profile"
	return &v1.EC2NodeClass{ObjectMeta: metav1.ObjectMeta{Name: name}, Spec: v1.EC2NodeClassSpec{
		AMIFamily: &family, InstanceProfile: &profile,
		SubnetSelectorTerms:        []v1.SubnetSelectorTerm{{ID: "subnet-1"}},
		SecurityGroupSelectorTerms: []v1.SecurityGroupSelectorTerm{{ID: "sg-1"}},
	}}
}
