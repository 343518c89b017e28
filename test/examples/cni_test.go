package examples_test

import (
	"os"
	"path/filepath"
	"testing"

	. "github.com/onsi/gomega"
	corev1 "k8s.io/api/core/v1"
	"k8s.io/apimachinery/pkg/apis/meta/v1/unstructured"
	"k8s.io/apimachinery/pkg/runtime"
	"sigs.k8s.io/controller-runtime/pkg/client"
	karpv1 "sigs.k8s.io/karpenter/pkg/apis/v1"

	v1 "github.com/karpenter-kubeadm/karpenter-provider-aws/pkg/apis/v1"
	"github.com/karpenter-kubeadm/karpenter-provider-aws/pkg/kubelet"
	"github.com/karpenter-kubeadm/karpenter-provider-aws/test/env/apiserver"
	"github.com/karpenter-kubeadm/karpenter-provider-aws/test/env/chart"
)

// cni is the folder of the examples, one file for each network.
var cni = filepath.Join("..", "..", "charts", "karpenter", "examples", "cni")

// vpc are the interfaces of a t3.medium and of an m5.4xlarge, for pods that take addresses of them.
type vpc struct{ small, large kubelet.Network }

func TestExamplesOfNetworks(t *testing.T) {
	c, err := client.New(apiserver.Start(t), client.Options{Scheme: runtime.NewScheme()})
	NewWithT(t).Expect(err).NotTo(HaveOccurred())
	interfaces := vpc{
		small: kubelet.Network{Interfaces: 3, AddressesPerInterface: 6},
		large: kubelet.Network{Interfaces: 8, AddressesPerInterface: 30},
	}
	cases := map[string]struct {
		network      vpc
		small, large int64 // max pods on 2 and on 16 vCPUs
		taints       []corev1.Taint
	}{
		"flannel.yaml": {small: 110, large: 110},
		"calico.yaml":  {small: 80, large: 200},
		"cilium.yaml": {small: 110, large: 110, taints: []corev1.Taint{
			{Key: "node.cilium.io/agent-not-ready", Value: "true", Effect: corev1.TaintEffectNoExecute},
		}},
		"vpc-cni.yaml": {network: interfaces, small: 17, large: 234},
	}
	files, err := os.ReadDir(cni)
	NewWithT(t).Expect(err).NotTo(HaveOccurred())
	for _, file := range files {
		t.Run(file.Name(), func(t *testing.T) {
			g := NewWithT(t)
			tc, known := cases[file.Name()]
			g.Expect(known).To(BeTrue(), "an example that this test does not know")
			class, pool := apply(t, c, filepath.Join(cni, file.Name()))

			g.Expect(pool.Spec.Template.Spec.NodeClassRef.Name).To(Equal(class.Name))
			g.Expect(pool.RuntimeValidate(t.Context())).To(Succeed())
			g.Expect(pool.Spec.Template.Spec.StartupTaints).To(Equal(tc.taints))
			config, err := kubelet.ParseFields(class.Spec.Kubelet)
			g.Expect(err).NotTo(HaveOccurred())
			g.Expect(kubelet.Kubeadm(config, kubelet.Machine{VCPUs: 2, Network: tc.network.small}).MaxPods).To(Equal(tc.small))
			g.Expect(kubelet.Kubeadm(config, kubelet.Machine{VCPUs: 16, Network: tc.network.large}).MaxPods).To(Equal(tc.large))
		})
	}
	NewWithT(t).Expect(files).To(HaveLen(len(cases)))
}

// apply creates the objects of a file and returns what the API server made of them.
func apply(t *testing.T, c client.Client, path string) (*v1.EC2NodeClass, *karpv1.NodePool) {
	t.Helper()
	g := NewWithT(t)
	content, err := os.ReadFile(path)
	g.Expect(err).NotTo(HaveOccurred())
	objects, err := chart.Parse(string(content))
	g.Expect(err).NotTo(HaveOccurred())
	g.Expect(objects).To(HaveLen(2))
	class, pool := &v1.EC2NodeClass{}, &karpv1.NodePool{}
	for kind, into := range map[string]any{"EC2NodeClass": class, "NodePool": pool} {
		of := chart.Kind(objects, kind)
		g.Expect(of).To(HaveLen(1), kind)
		g.Expect(c.Create(t.Context(), of[0], client.FieldValidation("Strict"))).To(Succeed())
		stored := &unstructured.Unstructured{}
		stored.SetGroupVersionKind(of[0].GroupVersionKind())
		g.Expect(c.Get(t.Context(), client.ObjectKeyFromObject(of[0]), stored)).To(Succeed())
		g.Expect(runtime.DefaultUnstructuredConverter.FromUnstructured(stored.Object, into)).To(Succeed())
	}
	return class, pool
}
