package join

import (
	"testing"

	. "github.com/onsi/gomega"
	corev1 "k8s.io/api/core/v1"
	metav1 "k8s.io/apimachinery/pkg/apis/meta/v1"
)

func TestUnusable(t *testing.T) {
	ready := func(is corev1.ConditionStatus, message string) []corev1.NodeCondition {
		return []corev1.NodeCondition{{Type: corev1.NodeReady, Status: is, Message: message}}
	}
	named := metav1.ObjectMeta{Name: nodeName}
	for name, tc := range map[string]struct {
		nodes    []corev1.Node
		requests []request
		reason   string
		message  string
	}{
		"no node": {},
		"ready":   {nodes: []corev1.Node{{ObjectMeta: named, Status: corev1.NodeStatus{Conditions: ready(corev1.ConditionTrue, "")}}}},
		"a startup taint is its owner's affair": {nodes: []corev1.Node{{
			ObjectMeta: named, Spec: corev1.NodeSpec{Taints: []corev1.Taint{{Key: "node.cilium.io/agent-not-ready"}}}, Status: corev1.NodeStatus{Conditions: ready(corev1.ConditionTrue, "")},
		}}},
		"no cloud controller manager": {
			nodes:  []corev1.Node{{ObjectMeta: named, Spec: corev1.NodeSpec{Taints: []corev1.Taint{{Key: uninitialized}}}, Status: corev1.NodeStatus{Conditions: ready(corev1.ConditionTrue, "")}}},
			reason: "CloudControllerManagerMissing", message: "does not find " + providerID + "; on a cluster that has none, set CLOUD_PROVIDER=none",
		},
		"no network plugin": {
			nodes:  []corev1.Node{{ObjectMeta: named, Status: corev1.NodeStatus{Conditions: ready(corev1.ConditionFalse, "cni plugin not initialized")}}},
			reason: "NodeNotReady", message: "is not ready: cni plugin not initialized: a network plugin",
		},
		"serving was denied, and then approved": {
			nodes:    []corev1.Node{{ObjectMeta: named, Status: corev1.NodeStatus{Conditions: ready(corev1.ConditionFalse, "x")}}},
			requests: []request{{name: "csr-1", serving: true, denied: true, created: noon}, {name: "csr-2", serving: true, approved: true, created: noon.Add(1)}},
			reason:   "NodeNotReady", message: "is the usual cause",
		},
	} {
		t.Run(name, func(t *testing.T) {
			g := NewWithT(t)
			got, found := unusable(facts{claim: launched(noon), nodes: tc.nodes, requests: tc.requests})
			g.Expect(found).To(Equal(tc.reason != ""))
			g.Expect(got.reason).To(Equal(tc.reason))
			g.Expect(got.message).To(ContainSubstring(tc.message))
			g.Expect(got.message).NotTo(ContainSubstring("was denied"))
		})
	}
}
