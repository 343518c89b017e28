package nodeclass_test

import (
	"context"
	"errors"
	"fmt"
	"testing"
	"time"

	. "github.com/onsi/gomega"
	apierrors "k8s.io/apimachinery/pkg/api/errors"
	metav1 "k8s.io/apimachinery/pkg/apis/meta/v1"
	controllerruntime "sigs.k8s.io/controller-runtime"
	"sigs.k8s.io/controller-runtime/pkg/client"
	"sigs.k8s.io/controller-runtime/pkg/config"
	"sigs.k8s.io/controller-runtime/pkg/metrics/server"
	karpv1 "sigs.k8s.io/karpenter/pkg/apis/v1"

	v1 "github.com/karpenter-kubeadm/karpenter-provider-aws/pkg/apis/v1"
	"github.com/karpenter-kubeadm/karpenter-provider-aws/pkg/controllers/nodeclass"
	"github.com/karpenter-kubeadm/karpenter-provider-aws/pkg/providers/identity"
	"github.com/karpenter-kubeadm/karpenter-provider-aws/test/awsfake/wire"
)

func keyOf(object client.Object) client.ObjectKey { return client.ObjectKeyFromObject(object) }

// newController is a controller that remembers nothing of w's.
func newController(w *world) *nodeclass.Controller {
	return nodeclass.New(w.deps(), nodeclass.Config{ClusterName: "prod", Region: w.aws.Region()})
}

// claim makes a NodeClaim of class and waits until the cache shows it.
func (w *world) claim(class *v1.EC2NodeClass, annotations map[string]string, changes ...func(*karpv1.NodeClassReference)) *karpv1.NodeClaim {
	w.t.Helper()
	g := NewWithT(w.t)
	claim := &karpv1.NodeClaim{
		ObjectMeta: metav1.ObjectMeta{GenerateName: "claim-", Annotations: annotations},
		Spec: karpv1.NodeClaimSpec{
			NodeClassRef: &karpv1.NodeClassReference{Group: "karpenter.k8s.aws", Kind: "EC2NodeClass", Name: class.Name},
			Requirements: []karpv1.NodeSelectorRequirementWithMinValues{},
		},
	}
	for _, change := range changes {
		change(claim.Spec.NodeClassRef)
	}
	g.Expect(w.live.Create(w.t.Context(), claim)).To(Succeed())
	w.t.Cleanup(func() {
		g.Expect(client.IgnoreNotFound(w.live.Delete(context.WithoutCancel(w.t.Context()), claim))).To(Succeed())
	})
	g.Eventually(func() error { return w.cached.Get(w.t.Context(), keyOf(claim), &karpv1.NodeClaim{}) }).Should(Succeed())
	return claim
}

func (w *world) gone(object client.Object) bool {
	return apierrors.IsNotFound(w.live.Get(w.t.Context(), keyOf(object), object))
}

func testFinalize(t *testing.T, a *api) {
	t.Helper()
	t.Run("a class takes what was made for it along", func(t *testing.T) {
		g, w := NewWithT(t), newWorld(t, a)
		class := w.create(byRole)
		w.settle(class)
		legacy := class.LegacyInstanceProfileName("prod", w.aws.Region())
		w.aws.IAM.AddProfile(legacy, "karpenter-node-role")
		g.Expect(w.live.Delete(t.Context(), class)).To(Succeed())
		w.settle(class)
		g.Expect(w.gone(class)).To(BeTrue())
		g.Expect(w.aws.IAM.Profiles()).To(ConsistOf("karpenter-node-profile"), "what is not ours stays")
		g.Expect(w.templates.deleted).To(ConsistOf(class.Name))
	})
	t.Run("a class waits for its NodeClaims and says so", func(t *testing.T) {
		g, w := NewWithT(t), newWorld(t, a)
		class, other := w.create(byRole), w.create(`{}`)
		w.settle(class)
		claims := []*karpv1.NodeClaim{w.claim(class, nil), w.claim(class, nil)}
		w.claim(other, nil)
		g.Expect(w.live.Delete(t.Context(), class)).To(Succeed())
		g.Expect(w.settle(class)).To(Equal(10 * time.Minute))
		g.Expect(w.gone(class)).To(BeFalse())
		g.Expect(w.templates.deleted).To(BeEmpty())
		g.Expect(w.aws.Calls("DeleteInstanceProfile")).To(BeZero())
		g.Expect(w.events.published).To(HaveExactElements(And(
			HaveField("Reason", "WaitingOnNodeClaimTermination"),
			HaveField("Message", And(ContainSubstring(claims[0].Name), ContainSubstring(claims[1].Name))))))

		for _, claim := range claims {
			g.Expect(w.live.Delete(t.Context(), claim)).To(Succeed())
		}
		g.Eventually(func() error {
			_, err := w.reconcile(class)
			return errors.Join(err, w.live.Get(t.Context(), keyOf(class), class))
		}).Should(Satisfy(apierrors.IsNotFound))
	})
	t.Run("a class does not go before all is deleted", func(t *testing.T) {
		g, w := NewWithT(t), newWorld(t, a)
		class := w.create(byRole)
		w.settle(class)
		w.templates.err = errors.New("throttled")
		g.Expect(w.live.Delete(t.Context(), class)).To(Succeed())
		_, err := w.reconcile(class)
		g.Expect(err).To(MatchError("deleting launch templates: throttled"))
		g.Expect(w.gone(class)).To(BeFalse())
		w.templates.err = nil
		w.settle(class)
		g.Expect(w.gone(class)).To(BeTrue())
	})
	testHeld(t, a)
}

// testHeld shows what does and what does not hold up a class that is to go.
func testHeld(t *testing.T, a *api) {
	t.Helper()
	t.Run("a NodeClaim of another provider's class of that name holds nothing", func(t *testing.T) {
		g, w := NewWithT(t), newWorld(t, a)
		class := w.create(`{}`)
		w.settle(class)
		w.claim(class, nil, func(ref *karpv1.NodeClassReference) { ref.Group = "example.com" })
		g.Expect(w.live.Delete(t.Context(), class)).To(Succeed())
		w.settle(class)
		g.Expect(w.gone(class)).To(BeTrue())
	})
	t.Run("a controller that may not look at IAM made nothing there", func(t *testing.T) {
		g, w := NewWithT(t), newWorld(t, a)
		class, managed := w.create(`{}`), w.create(byRole)
		w.settle(class)
		w.settle(managed)
		w.aws.Inject(wire.Fault{Action: "ListInstanceProfiles", Times: -1, Answer: &wire.Error{Code: "AccessDenied", Message: "no", Status: 403}})
		for _, going := range []*v1.EC2NodeClass{class, managed} {
			g.Expect(w.live.Delete(t.Context(), going)).To(Succeed())
		}
		w.settle(class)
		g.Expect(w.gone(class)).To(BeTrue())
		_, err := w.reconcile(managed)
		g.Expect(err).To(MatchError(identity.ErrDenied), "here it did")
		g.Expect(w.gone(managed)).To(BeFalse())
	})
	t.Run("an isolated VPC has no IAM to clean", func(t *testing.T) {
		g := NewWithT(t)
		w := newWorld(t, a, func(_ *nodeclass.Deps, c *nodeclass.Config) { c.IsolatedVPC = true })
		class := w.create(`{}`)
		w.settle(class)
		g.Expect(w.live.Delete(t.Context(), class)).To(Succeed())
		w.settle(class)
		g.Expect(w.gone(class)).To(BeTrue())
		g.Expect(w.aws.Calls("ListInstanceProfiles")).To(BeZero())
	})
}

// testRegistered runs both controllers in a manager, as the product does.
func testRegistered(t *testing.T, a *api) {
	t.Helper()
	g, w := NewWithT(t), newWorld(t, a)
	manager, err := controllerruntime.NewManager(a.config, controllerruntime.Options{
		Scheme: a.scheme, Metrics: server.Options{BindAddress: "0"}, Controller: config.Controller{SkipNameValidation: new(true)},
	})
	g.Expect(err).NotTo(HaveOccurred())
	g.Expect(manager.GetFieldIndexer().IndexField(t.Context(), &karpv1.NodeClaim{}, "spec.nodeClassRef.name", classNameOf)).To(Succeed())
	deps := w.deps()
	deps.Kube = manager.GetClient()
	g.Expect(nodeclass.New(deps, nodeclass.Config{ClusterName: "prod", Region: w.aws.Region()}).Register(t.Context(), manager)).To(Succeed())
	g.Expect(nodeclass.NewHash(manager.GetClient(), w.clusters).Register(t.Context(), manager)).To(Succeed())
	ctx, stop := context.WithCancel(t.Context())
	done := make(chan error, 1)
	go func() { done <- manager.Start(ctx) }()
	t.Cleanup(func() {
		stop()
		g.Expect(<-done).To(Succeed())
	})

	class := w.create(byRole)
	eventually := func(check func() error) { g.Eventually(check).WithTimeout(20 * time.Second).Should(Succeed()) }
	eventually(func() error {
		if err := w.live.Get(t.Context(), keyOf(class), class); err != nil {
			return err
		}
		if !ready(class) || class.Annotations[v1.AnnotationEC2NodeClassHash] != class.Hash(w.clusters.CA) {
			return fmt.Errorf("not there yet: %+v", class)
		}
		return nil
	})
	claim := w.claim(class, nil)
	g.Expect(w.live.Delete(t.Context(), class)).To(Succeed())
	g.Consistently(func() bool { return w.gone(class) }).WithTimeout(time.Second).Should(BeFalse())
	g.Expect(w.live.Delete(t.Context(), claim)).To(Succeed())
	eventually(func() error {
		if !w.gone(class) {
			return errors.New("the claim's deletion must wake its class")
		}
		return nil
	})
}
