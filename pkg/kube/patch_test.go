package kube_test

import (
	"context"
	"testing"

	. "github.com/onsi/gomega"
	corev1 "k8s.io/api/core/v1"
	apierrors "k8s.io/apimachinery/pkg/api/errors"
	metav1 "k8s.io/apimachinery/pkg/apis/meta/v1"
	"sigs.k8s.io/controller-runtime/pkg/client"
	"sigs.k8s.io/controller-runtime/pkg/client/interceptor"

	"github.com/karpenter-kubeadm/karpenter-provider-aws/pkg/kube"
	"github.com/karpenter-kubeadm/karpenter-provider-aws/test/env/apiserver"
)

// counted is a client of a real API server that counts patches.
func counted(t *testing.T) (client.Client, *int) {
	t.Helper()
	patches := 0
	base, err := client.NewWithWatch(apiserver.Start(t), client.Options{})
	NewWithT(t).Expect(err).NotTo(HaveOccurred())
	return interceptor.NewClient(base, interceptor.Funcs{
		Patch: func(ctx context.Context, c client.WithWatch, object client.Object, patch client.Patch, opts ...client.PatchOption) error {
			patches++
			return c.Patch(ctx, object, patch, opts...)
		},
		SubResourcePatch: func(ctx context.Context, c client.Client, resource string, object client.Object, patch client.Patch, opts ...client.SubResourcePatchOption) error {
			patches++
			return c.SubResource(resource).Patch(ctx, object, patch, opts...)
		},
	}), &patches
}

func TestPatch(t *testing.T) {
	c, patches := counted(t)
	node := func(g Gomega) *corev1.Node {
		made := &corev1.Node{ObjectMeta: metav1.ObjectMeta{GenerateName: "node-", Labels: map[string]string{"a": "1"}}}
		g.Expect(c.Create(t.Context(), made)).To(Succeed())
		*patches = 0
		return made
	}
	write := func(before, after *corev1.Node) error { return kube.Patch(t.Context(), c, before, after) }
	writeStatus := func(before, after *corev1.Node) error { return kube.PatchStatus(t.Context(), c, before, after) }

	for name, tc := range map[string]struct {
		write  func(before, after *corev1.Node) error
		change func(*corev1.Node)
		seen   func(*corev1.Node) string
	}{
		"object": {write, func(n *corev1.Node) { n.Labels["b"] = "new" }, func(n *corev1.Node) string { return n.Labels["b"] }},
		"status": {writeStatus, func(n *corev1.Node) { n.Status.NodeInfo.KernelVersion = "new" }, func(n *corev1.Node) string { return n.Status.NodeInfo.KernelVersion }},
	} {
		t.Run(name+": a change is written and the object brought up to date", func(t *testing.T) {
			g := NewWithT(t)
			after := node(g)
			before := after.DeepCopy()
			tc.change(after)
			g.Expect(tc.write(before, after)).To(Succeed())
			stored := &corev1.Node{}
			g.Expect(c.Get(t.Context(), client.ObjectKeyFromObject(after), stored)).To(Succeed())
			g.Expect(tc.seen(stored)).To(Equal("new"))
			g.Expect(after.ResourceVersion).To(Equal(stored.ResourceVersion))
		})
		t.Run(name+": no change costs no call", func(t *testing.T) {
			g := NewWithT(t)
			after := node(g)
			g.Expect(tc.write(after.DeepCopy(), after)).To(Succeed())
			g.Expect(*patches).To(BeZero())
		})
		t.Run(name+": what others wrote meanwhile is not overwritten", func(t *testing.T) {
			g := NewWithT(t)
			after := node(g)
			before := after.DeepCopy()
			other := after.DeepCopy()
			other.Labels["c"] = "theirs"
			g.Expect(c.Update(t.Context(), other)).To(Succeed())
			tc.change(after)
			err := tc.write(before, after)
			g.Expect(apierrors.IsConflict(err)).To(BeTrue())
			g.Expect(err).To(MatchError(ContainSubstring(before.Name)))
		})
		t.Run(name+": an object that has gone is no failure", func(t *testing.T) {
			g := NewWithT(t)
			after := node(g)
			before := after.DeepCopy()
			g.Expect(c.Delete(t.Context(), after.DeepCopy())).To(Succeed())
			tc.change(after)
			g.Expect(tc.write(before, after)).To(Succeed())
			g.Expect(*patches).To(Equal(1))
		})
	}
}
