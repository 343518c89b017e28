package hollow_test

import (
	"os"
	"testing"

	. "github.com/onsi/gomega"
	corev1 "k8s.io/api/core/v1"
	"k8s.io/apimachinery/pkg/api/resource"

	"github.com/karpenter-kubeadm/karpenter-provider-aws/pkg/cluster"
	"github.com/karpenter-kubeadm/karpenter-provider-aws/pkg/join"
	"github.com/karpenter-kubeadm/karpenter-provider-aws/pkg/kubelet"
)

// testProduct boots what pkg/join renders: it is what hollow nodes are for.
func (w *world) testProduct(t *testing.T) {
	seed, err := os.ReadFile("../../pkg/join/testdata/seed.sh")
	NewWithT(t).Expect(err).NotTo(HaveOccurred())
	secret := w.token(t, "ffffff")
	for name, userData := range map[string]string{"Ubuntu": "", "Ubuntu with the script of the article": string(seed)} {
		t.Run(name, func(t *testing.T) {
			g := NewWithT(t)
			rendered, err := join.Render(join.Spec{
				Family: join.Ubuntu, Token: join.Token{ID: secret[:6], Secret: secret[7:]}, Region: w.aws.Region(), UserData: userData,
				Cluster: cluster.Cluster{
					Mode: cluster.Kubeadm, Name: "test", Endpoint: w.server, CA: w.ca, Version: cluster.Version{Major: 1, Minor: 36, Patch: 3}, CloudProvider: cluster.None,
					Kubelet: []byte("apiVersion: kubelet.config.k8s.io/v1beta1\nkind: KubeletConfiguration\ncgroupDriver: systemd\n"), AnonymousDiscovery: true,
				},
				Sizes:  kubelet.Sizes{MaxPods: 42, KubeReserved: corev1.ResourceList{corev1.ResourceCPU: resource.MustParse("80m")}, EvictionHard: map[string]string{"memory.available": "5%"}},
				Labels: map[string]string{"role": "worker", "karpenter.sh/nodepool": "worker-scalable"},
				Taints: []corev1.Taint{{Key: "workload", Value: "ai", Effect: corev1.TaintEffectNoSchedule}},
			})
			g.Expect(err).NotTo(HaveOccurred())
			id := w.launch(t, string(rendered.Bytes()))
			node := w.ready(t, id)
			g.Expect(node.Name).To(MatchRegexp(`^ip-[0-9-]+\.ap-northeast-2\.compute\.internal$`))
			g.Expect(node.Spec.ProviderID).To(HaveSuffix("/" + id))
			g.Expect(node.Labels).To(HaveKeyWithValue("role", "worker"))
			g.Expect(node.Spec.Taints).To(ContainElements(HaveField("Key", "karpenter.sh/unregistered"), HaveField("Key", "workload")))
			g.Expect(node.Status.Allocatable.Pods().Value()).To(Equal(int64(42)))
			g.Expect(node.Status.Allocatable.Cpu().MilliValue()).To(Equal(int64(1920)))
			g.Expect(w.console(id)).NotTo(ContainSubstring("differs from the runtime's"))
		})
	}
}
