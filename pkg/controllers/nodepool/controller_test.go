package nodepool

import (
	"context"
	"errors"
	"fmt"
	"sync"
	"testing"
	"time"

	"github.com/go-logr/logr/funcr"
	. "github.com/onsi/gomega"
	corev1 "k8s.io/api/core/v1"
	metav1 "k8s.io/apimachinery/pkg/apis/meta/v1"
	"k8s.io/apimachinery/pkg/runtime"
	"k8s.io/apimachinery/pkg/runtime/schema"
	"k8s.io/client-go/rest"
	controllerruntime "sigs.k8s.io/controller-runtime"
	"sigs.k8s.io/controller-runtime/pkg/client"
	"sigs.k8s.io/controller-runtime/pkg/log"
	"sigs.k8s.io/controller-runtime/pkg/manager"
	"sigs.k8s.io/controller-runtime/pkg/metrics/server"
	"sigs.k8s.io/controller-runtime/pkg/reconcile"
	karpapis "sigs.k8s.io/karpenter/pkg/apis"
	karpv1 "sigs.k8s.io/karpenter/pkg/apis/v1"
	karpenter "sigs.k8s.io/karpenter/pkg/cloudprovider"
	"sigs.k8s.io/karpenter/pkg/events"

	v1 "github.com/karpenter-kubeadm/karpenter-provider-aws/pkg/apis/v1"
	"github.com/karpenter-kubeadm/karpenter-provider-aws/test/env/apiserver"
)

// shelf is one type, or an error, for every NodePool.
type shelf struct{ err error }

func (s *shelf) GetInstanceTypes(context.Context, *karpv1.NodePool) ([]*karpenter.InstanceType, error) {
	return []*karpenter.InstanceType{instanceType("c6i.large", "amd64", "2", true, "eu-west-1a")}, s.err
}

type recorder struct {
	mu        sync.Mutex
	published []events.Event
}

func (r *recorder) Publish(all ...events.Event) {
	r.mu.Lock()
	defer r.mu.Unlock()
	r.published = append(r.published, all...)
}

func (r *recorder) messages() []string {
	r.mu.Lock()
	defer r.mu.Unlock()
	var all []string
	for _, e := range r.published {
		all = append(all, e.Message)
	}
	return all
}

// world is an API server with a ready class "default" and a NodePool "pool" for a zone that
// the class does not have.
type world struct {
	config *rest.Config
	kube   client.Client
	class  *v1.EC2NodeClass
	pool   *karpv1.NodePool
}

func newWorld(t *testing.T) *world {
	t.Helper()
	g := NewWithT(t)
	scheme := runtime.NewScheme()
	g.Expect(v1.AddToScheme(scheme)).To(Succeed())
	gv := schema.GroupVersion{Group: karpapis.Group, Version: "v1"}
	scheme.AddKnownTypes(gv, &karpv1.NodePool{}, &karpv1.NodePoolList{})
	metav1.AddToGroupVersion(scheme, gv)
	w := &world{config: apiserver.Start(t)}
	var err error
	w.kube, err = client.New(w.config, client.Options{Scheme: scheme})
	g.Expect(err).NotTo(HaveOccurred())

	tags := map[string]string{"a": "b"}
	profile, family := "profile", v1.AMIFamilyUbuntu
	w.class = &v1.EC2NodeClass{ObjectMeta: metav1.ObjectMeta{Name: "default"}, Spec: v1.EC2NodeClassSpec{
		AMIFamily: &family, InstanceProfile: &profile,
		SubnetSelectorTerms:        []v1.SubnetSelectorTerm{{Tags: tags}},
		SecurityGroupSelectorTerms: []v1.SecurityGroupSelectorTerm{{Tags: tags}},
	}}
	g.Expect(w.kube.Create(t.Context(), w.class)).To(Succeed())
	w.pool = nodePool(nil, require(zoneKey, corev1.NodeSelectorOpIn, "eu-nowhere-1a"))
	w.pool.Name = "pool"
	w.pool.Spec.Template.Spec.ExpireAfter = karpv1.MustParseNillableDuration("Never")
	w.pool.Spec.Disruption.ConsolidateAfter = karpv1.MustParseNillableDuration("0s")
	g.Expect(w.kube.Create(t.Context(), w.pool)).To(Succeed())
	return w
}

// ready makes the class one that can be launched from.
func (w *world) ready(t *testing.T) {
	t.Helper()
	for _, condition := range w.class.StatusConditions().List() {
		w.class.StatusConditions().SetTrue(condition.Type)
	}
	NewWithT(t).Expect(w.class.StatusConditions().Root().IsTrue()).To(BeTrue())
	NewWithT(t).Expect(w.kube.Status().Update(t.Context(), w.class)).To(Succeed())
}

// run runs a controller in a manager until t ends.
func (w *world) run(t *testing.T, with func(client.Client) *Controller) {
	t.Helper()
	g := NewWithT(t)
	m, err := controllerruntime.NewManager(w.config, manager.Options{Scheme: w.kube.Scheme(), Metrics: server.Options{BindAddress: "0"}})
	g.Expect(err).NotTo(HaveOccurred())
	g.Expect(with(m.GetClient()).Register(t.Context(), m)).To(Succeed())
	ctx, cancel := context.WithCancel(context.WithoutCancel(t.Context()))
	done := make(chan error, 1)
	go func() { done <- m.Start(ctx) }()
	t.Cleanup(func() {
		cancel()
		g.Eventually(done, time.Minute).Should(Receive(BeNil()))
	})
}

// TestController shares one API server: starting it is most of the time.
func TestController(t *testing.T) {
	w := newWorld(t)
	request := reconcile.Request{NamespacedName: client.ObjectKeyFromObject(w.pool)}
	r := &recorder{}
	c := New(w.kube, &shelf{}, r, false)
	var lines []string
	ctx := log.IntoContext(t.Context(), funcr.New(func(_, args string) { lines = append(lines, args) }, funcr.Options{}))

	t.Run("is silent while the class is not ready", func(t *testing.T) {
		g := NewWithT(t)
		result, err := c.Reconcile(ctx, request)
		g.Expect(err).NotTo(HaveOccurred())
		g.Expect(result.RequeueAfter).To(BeZero(), "the class is watched")
		g.Expect(r.messages()).To(BeEmpty())
	})
	w.ready(t)
	t.Run("names the requirement and what is there, and logs it once", func(t *testing.T) {
		g := NewWithT(t)
		for range 2 {
			result, err := c.Reconcile(ctx, request)
			g.Expect(err).NotTo(HaveOccurred())
			g.Expect(result.RequeueAfter).To(Equal(5 * time.Minute))
		}
		g.Expect(r.messages()[0]).To(And(ContainSubstring("topology.kubernetes.io/zone In [eu-nowhere-1a]"), ContainSubstring("[eu-west-1a]")))
		g.Expect(r.published[0].Type).To(Equal(corev1.EventTypeWarning))
		g.Expect(r.published[0].InvolvedObject).To(HaveField("Name", "pool"))
		g.Expect(r.published[1].DedupeValues).To(Equal(r.published[0].DedupeValues))
		g.Expect(lines).To(ConsistOf(ContainSubstring("NodePool can launch nothing")))
	})
	t.Run("returns trouble, and waits for overlays to be applied", func(t *testing.T) {
		g := NewWithT(t)
		_, err := New(w.kube, &shelf{err: errors.New("down")}, r, false).Reconcile(ctx, request)
		g.Expect(err).To(MatchError("getting instance types: down"))
		overlays := fmt.Errorf("types: %w", karpenter.NewUnevaluatedNodePoolError("pool"))
		result, err := New(w.kube, &shelf{err: overlays}, r, false).Reconcile(ctx, request)
		g.Expect(err).NotTo(HaveOccurred())
		g.Expect(result.RequeueAfter).To(Equal(5 * time.Second))
	})
	t.Run("is run when the spec and when the class changes", func(t *testing.T) {
		g, heard := NewWithT(t), &recorder{}
		w.run(t, func(kube client.Client) *Controller { return New(kube, &shelf{}, heard, false) })
		g.Eventually(heard.messages, time.Minute).Should(HaveEach(ContainSubstring("eu-nowhere-1a")))
		g.Eventually(heard.messages, time.Minute).ShouldNot(BeEmpty())
		w.pool.Spec.Template.Spec.Requirements[0].Values[0] = "eu-nowhere-1b"
		g.Expect(w.kube.Update(t.Context(), w.pool)).To(Succeed())
		g.Eventually(heard.messages, time.Minute).Should(ContainElement(ContainSubstring("eu-nowhere-1b")))
		before := len(heard.messages())
		w.class.Status.InstanceProfile = "another"
		g.Expect(w.kube.Status().Update(t.Context(), w.class)).To(Succeed())
		g.Eventually(func() int { return len(heard.messages()) }, time.Minute).Should(BeNumerically(">", before))
	})
	t.Run("falls silent when the requirement is met", func(t *testing.T) {
		g := NewWithT(t)
		w.pool.Spec.Template.Spec.Requirements[0].Values[0] = "eu-west-1a"
		g.Expect(w.kube.Update(t.Context(), w.pool)).To(Succeed())
		before := len(r.messages())
		_, err := c.Reconcile(ctx, request)
		g.Expect(err).NotTo(HaveOccurred())
		g.Expect(r.messages()).To(HaveLen(before))
		g.Expect(lines).To(HaveLen(2))
		g.Expect(lines[1]).To(ContainSubstring("can launch nodes again"))
	})
	t.Run("forgets a NodePool that is gone", func(t *testing.T) {
		g := NewWithT(t)
		g.Expect(w.kube.Delete(t.Context(), w.pool)).To(Succeed())
		result, err := c.Reconcile(ctx, request)
		g.Expect(err).NotTo(HaveOccurred())
		g.Expect(result).To(Equal(reconcile.Result{}))
		g.Expect(c.said).To(BeEmpty())
	})
}
