package nodeclass_test

import (
	"errors"
	"testing"

	. "github.com/onsi/gomega"
	"sigs.k8s.io/controller-runtime/pkg/reconcile"
	karpv1 "sigs.k8s.io/karpenter/pkg/apis/v1"

	v1 "github.com/karpenter-kubeadm/karpenter-provider-aws/pkg/apis/v1"
	"github.com/karpenter-kubeadm/karpenter-provider-aws/pkg/cache"
	"github.com/karpenter-kubeadm/karpenter-provider-aws/pkg/controllers/nodeclass"
)

// upstream are the annotations that the AWS provider left.
func upstream() map[string]string {
	return map[string]string{v1.AnnotationEC2NodeClassHash: "123", v1.AnnotationEC2NodeClassHashVersion: "v6"}
}

func hashed(hash string) map[string]string {
	return map[string]string{v1.AnnotationEC2NodeClassHash: hash, v1.AnnotationEC2NodeClassHashVersion: v1.HashVersion}
}

// hash reconciles class as it is in the API server.
func hash(w *world, class *v1.EC2NodeClass) (reconcile.Result, error) {
	g := NewWithT(w.t)
	g.Expect(w.live.Get(w.t.Context(), keyOf(class), class)).To(Succeed())
	return nodeclass.NewHash(w.cached, w.clusters).Reconcile(w.t.Context(), class)
}

func testHash(t *testing.T, a *api) {
	t.Helper()
	t.Run("a class bears its hash, and the CA bundle is looked at again", func(t *testing.T) {
		g, w := NewWithT(t), newWorld(t, a)
		class := w.create(`{}`)
		result, err := hash(w, class)
		g.Expect(err).NotTo(HaveOccurred())
		g.Expect(result.RequeueAfter).To(Equal(cache.ClusterInfo))
		g.Expect(class.Annotations).To(Equal(hashed(class.Hash(w.clusters.CA))))

		w.clusters.CA = newCA(t)
		_, err = hash(w, class)
		g.Expect(err).NotTo(HaveOccurred())
		g.Expect(class.Annotations).To(Equal(hashed(class.Hash(w.clusters.CA))))
		before := class.ResourceVersion
		_, err = hash(w, class)
		g.Expect(err).NotTo(HaveOccurred())
		g.Expect(class.ResourceVersion).To(Equal(before))
	})
	t.Run("taking over from the AWS provider replaces no node", func(t *testing.T) {
		g, w := NewWithT(t), newWorld(t, a)
		class := w.create(`{}`)
		w.update(class, func(c *v1.EC2NodeClass) { c.Annotations = upstream() })
		claim, drifted := w.claim(class, upstream()), w.claim(class, upstream())
		drifted.StatusConditions().SetTrue(karpv1.ConditionTypeDrifted)
		g.Expect(w.live.Status().Update(t.Context(), drifted)).To(Succeed())
		g.Eventually(func() bool {
			seen := &karpv1.NodeClaim{}
			return w.cached.Get(t.Context(), keyOf(drifted), seen) == nil && seen.StatusConditions().Get(karpv1.ConditionTypeDrifted).IsTrue()
		}).Should(BeTrue())

		_, err := hash(w, class)
		g.Expect(err).NotTo(HaveOccurred())
		now := class.Hash(w.clusters.CA)
		g.Expect(class.Annotations).To(Equal(hashed(now)))
		g.Expect(w.live.Get(t.Context(), keyOf(claim), claim)).To(Succeed())
		g.Expect(claim.Annotations).To(Equal(hashed(now)))
		g.Expect(w.live.Get(t.Context(), keyOf(drifted), drifted)).To(Succeed())
		g.Expect(drifted.Annotations).To(Equal(hashed("123")), "it stays drifted")
	})
	testSpecChange(t, a)
}

func testSpecChange(t *testing.T, a *api) {
	t.Helper()
	t.Run("a change of the spec is seen as one", func(t *testing.T) {
		g, w := NewWithT(t), newWorld(t, a)
		class := w.create(`{}`)
		_, err := hash(w, class)
		g.Expect(err).NotTo(HaveOccurred())
		launched := class.Annotations[v1.AnnotationEC2NodeClassHash]
		claim := w.claim(class, hashed(launched))
		w.update(class, func(c *v1.EC2NodeClass) { c.Spec.Tags = map[string]string{"a": "b"} })
		_, err = hash(w, class)
		g.Expect(err).NotTo(HaveOccurred())
		g.Expect(class.Annotations[v1.AnnotationEC2NodeClassHash]).NotTo(Equal(launched))
		g.Expect(w.live.Get(t.Context(), keyOf(claim), claim)).To(Succeed())
		g.Expect(claim.Annotations).To(Equal(hashed(launched)), "the claim keeps what it was launched from")
	})
	t.Run("without the CA bundle nothing is written", func(t *testing.T) {
		g, w := NewWithT(t), newWorld(t, a)
		w.clusters.err = errors.New("no cluster-info")
		class := w.create(`{}`)
		_, err := hash(w, class)
		g.Expect(err).To(MatchError("reading the cluster's CA bundle: no cluster-info"))
		g.Expect(class.Annotations).To(BeEmpty())
	})
}
