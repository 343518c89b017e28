package cloudprovider

import (
	"testing"
	"time"

	. "github.com/onsi/gomega"
	corev1 "k8s.io/api/core/v1"
	metav1 "k8s.io/apimachinery/pkg/apis/meta/v1"
	"sigs.k8s.io/controller-runtime/pkg/client/fake"
	karpenter "sigs.k8s.io/karpenter/pkg/cloudprovider"

	v1 "github.com/karpenter-kubeadm/karpenter-provider-aws/pkg/apis/v1"
	"github.com/karpenter-kubeadm/karpenter-provider-aws/pkg/cluster"
)

func TestVersionDrift(t *testing.T) {
	for name, tc := range map[string]struct {
		kubelet  string
		launched string // the cluster's version then
		settled  time.Duration
		skew     int
		mode     cluster.Mode
		node     string
		want     karpenter.DriftReason
	}{
		"the control plane moved on":                     {"v1.35.9", "1.35.9", 30 * time.Minute, 0, cluster.Kubeadm, "n", KubernetesVersionDrift},
		"it did so a moment ago":                         {"v1.35.9", "1.35.9", 30*time.Minute - 1, 0, cluster.Kubeadm, "n", notDrifted},
		"the same minor":                                 {"v1.36.0", "1.36.0", time.Hour, 0, cluster.Kubeadm, "n", notDrifted},
		"a newer kubelet is not ours to judge":           {"v1.37.0", "1.35.0", time.Hour, 0, cluster.Kubeadm, "n", notDrifted},
		"as old as is allowed":                           {"v1.34.1", "1.34.1", time.Hour, 2, cluster.Kubeadm, "n", notDrifted},
		"older than is allowed":                          {"v1.33.1", "1.33.1", time.Hour, 2, cluster.Kubeadm, "n", KubernetesVersionDrift},
		"an old kubelet in the image, which a new has":   {"v1.35.9", "1.36.3", time.Hour, 0, cluster.Kubeadm, "n", notDrifted},
		"a claim of before there was a note":             {"v1.35.9", "", time.Hour, 0, cluster.Kubeadm, "n", KubernetesVersionDrift},
		"a kubelet that says no version":                 {"", "1.35.9", time.Hour, 0, cluster.Kubeadm, "n", notDrifted},
		"on EKS the images follow":                       {"v1.35.9", "1.35.9", time.Hour, 0, cluster.EKS, "n", notDrifted},
		"a claim whose node has not registered":          {"v1.35.9", "1.35.9", time.Hour, 0, cluster.Kubeadm, "", notDrifted},
		"a claim whose node is gone":                     {"v1.35.9", "1.35.9", time.Hour, 0, cluster.Kubeadm, "other", notDrifted},
		"a control plane that moved back, kubelet ahead": {"v1.37.1", "1.37.1", time.Hour, 0, cluster.Kubeadm, "n", notDrifted},
	} {
		t.Run(name, func(t *testing.T) {
			g, p := NewWithT(t), newParts(t)
			p.cluster.Mode, p.cluster.Settled = tc.mode, now.Add(-tc.settled)
			node := &corev1.Node{ObjectMeta: metav1.ObjectMeta{Name: "n"}, Status: corev1.NodeStatus{NodeInfo: corev1.NodeSystemInfo{KubeletVersion: tc.kubelet}}}
			c := p.on(fake.NewClientBuilder().WithObjects(node).Build())
			c.config.KubeletSkew = tc.skew
			claim := claimFor("default")
			claim.Status.NodeName = tc.node
			claim.Annotations = map[string]string{v1.AnnotationKubernetesVersion: tc.launched}
			g.Expect(c.versionDrift(t.Context(), claim)).To(Equal(tc.want))
		})
	}
}
