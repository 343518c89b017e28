package hollow_test

import (
	"context"
	"encoding/base64"
	"fmt"
	"slices"
	"testing"
	"time"

	"github.com/aws/aws-sdk-go-v2/service/ec2"
	. "github.com/onsi/gomega"
	certificatesv1 "k8s.io/api/certificates/v1"
	corev1 "k8s.io/api/core/v1"
	"k8s.io/apimachinery/pkg/api/resource"
	metav1 "k8s.io/apimachinery/pkg/apis/meta/v1"
	"k8s.io/utils/ptr"
)

// TestCluster holds everything that needs a control plane, since starting one takes its time.
func TestCluster(t *testing.T) {
	w := newWorld(t)
	t.Run("Life", w.testLife)
	t.Run("Mutations", w.testMutations)
	t.Run("Refusals", w.testRefusals)
	t.Run("Denial", w.testDenial)
	t.Run("Product", w.testProduct)
}

// testLife follows one node from its join to its end.
func (w *world) testLife(t *testing.T) {
	g := NewWithT(t)
	id := w.launch(t, setup+named+fmt.Sprintf(`
cat > /root/join.yaml <<EOF
apiVersion: kubeadm.k8s.io/v1beta4
kind: JoinConfiguration
discovery:
  bootstrapToken: {apiServerEndpoint: %q, token: %q, caCertHashes: [%q]}
nodeRegistration:
  taints: [{key: karpenter.sh/unregistered, effect: NoExecute}]
  kubeletExtraArgs:
  - {name: provider-id, value: "$PROVIDER"}
  - {name: node-labels, value: "role=worker,node.kubernetes.io/instance-type=t3.large"}
patches: {directory: /root/patches}
EOF
mkdir /root/patches
cat > /root/patches/kubeletconfiguration0.yaml <<EOF
maxPods: 29
kubeReserved: {cpu: 100m, memory: 255Mi}
evictionHard: {memory.available: 100Mi}
serverTLSBootstrap: true
EOF
kubeadm join --config /root/join.yaml
`, w.server, w.token(t, "aaaaaa"), w.pin))
	node := w.ready(t, id)
	w.checkNode(g, node, id)
	w.checkLease(t, g, node.Name)
	w.checkConsole(t, g, id)
	w.checkServing(t, g, node.Name)
	w.checkPods(t, g, node)
	w.checkReboot(t, g, node, id)
	w.checkEnd(t, g, node, id)
}

func (w *world) checkNode(g Gomega, node *corev1.Node, id string) {
	g.Expect(node.Name).To(MatchRegexp(`^ip-[0-9-]+\.ap-northeast-2\.compute\.internal$`))
	g.Expect(node.Spec.ProviderID).To(MatchRegexp(`^aws:///ap-northeast-2[a-d]/` + id + `$`))
	g.Expect(node.Labels).To(And(HaveKeyWithValue("role", "worker"), HaveKeyWithValue(corev1.LabelInstanceTypeStable, "t3.large"), HaveKeyWithValue(corev1.LabelHostname, node.Name)))
	g.Expect(node.Spec.Taints).To(ContainElement(And(HaveField("Key", "karpenter.sh/unregistered"), HaveField("Effect", corev1.TaintEffectNoExecute))))
	g.Expect(node.Status.Capacity.Cpu().Value()).To(Equal(int64(2)))
	g.Expect(node.Status.Allocatable.Cpu().MilliValue()).To(Equal(int64(1900)))
	g.Expect(node.Status.Capacity.Pods().Value()).To(Equal(int64(29)))
	capacity, left := node.Status.Capacity.Memory().Value(), node.Status.Allocatable.Memory().Value()
	g.Expect(capacity).To(And(BeNumerically("<", 8<<30), BeNumerically(">", 7<<30)))
	g.Expect(capacity - left).To(Equal(int64(355 << 20)))
	g.Expect(node.Status.NodeInfo.KubeletVersion).To(Equal("v1.36.3"))
	g.Expect(node.Status.Addresses).To(ContainElement(HaveField("Type", corev1.NodeInternalIP)))
}

func (w *world) checkLease(t *testing.T, g Gomega, name string) {
	t.Helper()
	renewed := func() (time.Time, error) {
		lease, err := w.kube.CoordinationV1().Leases(corev1.NamespaceNodeLease).Get(t.Context(), name, metav1.GetOptions{})
		if err != nil {
			return time.Time{}, err
		}
		return lease.Spec.RenewTime.Time, nil
	}
	var first time.Time
	g.Eventually(func() (err error) { first, err = renewed(); return err }).WithTimeout(patience).Should(Succeed())
	g.Eventually(renewed).WithTimeout(patience).Should(BeTemporally(">", first))
}

func (w *world) checkConsole(t *testing.T, g Gomega, id string) {
	t.Helper()
	g.Eventually(func() (string, error) {
		out, err := w.api.GetConsoleOutput(t.Context(), &ec2.GetConsoleOutputInput{InstanceId: &id})
		if err != nil || out.Output == nil {
			return "", err
		}
		text, err := base64.StdEncoding.DecodeString(*out.Output)
		return string(text), err
	}).WithTimeout(patience).Should(And(ContainSubstring("This node has joined the cluster"), Not(ContainSubstring("0123456789abcdef.0")), Not(ContainSubstring("kubelet: Successfully registered"))))
}

// checkServing looks for the request for a serving certificate, which nobody approves here.
func (w *world) checkServing(t *testing.T, g Gomega, name string) {
	t.Helper()
	g.Eventually(func() ([]certificatesv1.CertificateSigningRequest, error) {
		return w.requests(t.Context(), "system:node:"+name, certificatesv1.KubeletServingSignerName)
	}).WithTimeout(patience).Should(HaveLen(1))
}

// requests lists the certificate requests that a user made of a signer.
func (w *world) requests(ctx context.Context, user, signer string) ([]certificatesv1.CertificateSigningRequest, error) {
	all, err := w.kube.CertificatesV1().CertificateSigningRequests().List(ctx, metav1.ListOptions{})
	if err != nil {
		return nil, err
	}
	return slices.DeleteFunc(all.Items, func(csr certificatesv1.CertificateSigningRequest) bool {
		return csr.Spec.Username != user || csr.Spec.SignerName != signer
	}), nil
}

// checkPods lets the pod of a node run and go again.
func (w *world) checkPods(t *testing.T, g Gomega, node *corev1.Node) {
	t.Helper()
	pods := w.kube.CoreV1().Pods(metav1.NamespaceDefault)
	_, err := pods.Create(t.Context(), &corev1.Pod{
		ObjectMeta: metav1.ObjectMeta{Name: "pause"},
		Spec: corev1.PodSpec{
			NodeName: node.Name, TerminationGracePeriodSeconds: ptr.To(int64(5)), Tolerations: []corev1.Toleration{{Operator: corev1.TolerationOpExists}},
			Containers: []corev1.Container{{Name: "pause", Image: "pause", Resources: corev1.ResourceRequirements{Requests: corev1.ResourceList{corev1.ResourceCPU: resource.MustParse("100m")}}}},
		},
	}, metav1.CreateOptions{})
	g.Expect(err).NotTo(HaveOccurred())
	g.Eventually(func(g Gomega) {
		pod, err := pods.Get(t.Context(), "pause", metav1.GetOptions{})
		g.Expect(err).NotTo(HaveOccurred())
		g.Expect(pod.Status.Phase).To(Equal(corev1.PodRunning))
		g.Expect(pod.Status.HostIP).To(Equal(node.Status.Addresses[0].Address))
	}).WithTimeout(patience).Should(Succeed())
	g.Expect(pods.Delete(t.Context(), "pause", metav1.DeleteOptions{})).To(Succeed())
	g.Eventually(func() (int, error) {
		left, err := pods.List(t.Context(), metav1.ListOptions{})
		return len(left.Items), err
	}).WithTimeout(patience).Should(BeZero())
}

// checkReboot reboots the instance as EC2's API does, which the machine learns from its hypervisor.
func (w *world) checkReboot(t *testing.T, g Gomega, node *corev1.Node, id string) {
	t.Helper()
	_, err := w.api.RebootInstances(t.Context(), &ec2.RebootInstancesInput{InstanceIds: []string{id}})
	g.Expect(err).NotTo(HaveOccurred())
	g.Eventually(func(g Gomega) {
		after, err := w.nodes(t.Context(), id)
		g.Expect(err).NotTo(HaveOccurred())
		g.Expect(after).To(HaveLen(1))
		g.Expect(after[0].UID).To(Equal(node.UID))
		g.Expect(after[0].Status.NodeInfo.BootID).NotTo(Equal(node.Status.NodeInfo.BootID))
	}).WithTimeout(patience).Should(Succeed(), func() string { return w.console(id) })
}

// checkEnd terminates the instance: the lease stops, the Node stays.
func (w *world) checkEnd(t *testing.T, g Gomega, node *corev1.Node, id string) {
	t.Helper()
	_, err := w.api.TerminateInstances(t.Context(), &ec2.TerminateInstancesInput{InstanceIds: []string{id}})
	g.Expect(err).NotTo(HaveOccurred())
	g.Eventually(func() bool { _, known := w.booter.Console(id); return known }).WithTimeout(patience).Should(BeFalse())
	renewed := func(ctx context.Context) time.Time {
		lease, err := w.kube.CoordinationV1().Leases(corev1.NamespaceNodeLease).Get(ctx, node.Name, metav1.GetOptions{})
		g.Expect(err).NotTo(HaveOccurred())
		return lease.Spec.RenewTime.Time
	}
	last := renewed(t.Context())
	g.Consistently(renewed).WithContext(t.Context()).WithTimeout(3 * time.Second).WithPolling(500 * time.Millisecond).Should(Equal(last))
	_, err = w.kube.CoreV1().Nodes().Get(t.Context(), node.Name, metav1.GetOptions{})
	g.Expect(err).NotTo(HaveOccurred())
}
