package join_test

import (
	"crypto/x509"
	"encoding/pem"
	"os"
	"strings"
	"testing"
	"time"

	. "github.com/onsi/gomega"
	certificatesv1 "k8s.io/api/certificates/v1"
	corev1 "k8s.io/api/core/v1"
	"sigs.k8s.io/controller-runtime/pkg/client"
	karpv1 "sigs.k8s.io/karpenter/pkg/apis/v1"

	"github.com/karpenter-kubeadm/karpenter-provider-aws/pkg/cluster"
	"github.com/karpenter-kubeadm/karpenter-provider-aws/pkg/instance"
	"github.com/karpenter-kubeadm/karpenter-provider-aws/pkg/join"
	"github.com/karpenter-kubeadm/karpenter-provider-aws/test/hollow/machine"
)

// patience is how long a node may take on a machine that other tests share.
const patience = 2 * time.Minute

func hostOf(s join.Spec) string { return cluster.Host(s.Cluster.Endpoint) }

// script is user data as a user wrote it. Its port is 6443, as the cluster's.
func script(t *testing.T, name string) string {
	t.Helper()
	content, err := os.ReadFile("../../pkg/join/testdata/" + name)
	NewWithT(t).Expect(err).NotTo(HaveOccurred())
	return string(content)
}

func TestJoin(t *testing.T) {
	w := newWorld(t)

	t.Run("a stock Ubuntu becomes the node that was asked for", func(t *testing.T) {
		s := w.spec(t, "")
		i := w.launch(t, "i-0a", "10.0.1.1")
		m := boot(t, i, s)
		w.expectNode(t, m, i)
		NewWithT(t).Eventually(m.Console.Text, patience).Should(ContainSubstring("karpenter-join phase=join result=ok"))
	})

	t.Run("the seed's own script does", func(t *testing.T) {
		s := w.spec(t, script(t, "seed.sh"))
		g := NewWithT(t)
		g.Expect(join.NeedsSigning(s)).To(BeTrue())
		g.Eventually(w.tokens.Signed, patience).WithArguments(t.Context(), s.Token.ID).Should(BeTrue())
		i := w.launch(t, "i-0b", "10.0.1.2")
		w.expectNode(t, boot(t, i, s), i)
	})

	t.Run("the long script does, as written, with its own kubelet of 1.28 where the cluster is said to be of 1.31", func(t *testing.T) {
		s := w.spec(t, script(t, "seed-long.sh"))
		s.Cluster.Version = cluster.Version{Major: 1, Minor: 31, Patch: 4}
		g := NewWithT(t)
		g.Eventually(w.tokens.Signed, patience).WithArguments(t.Context(), s.Token.ID).Should(BeTrue())
		i := w.launch(t, "i-0e", "10.0.1.5")
		w.expectNode(t, boot(t, i, s), i)
		var node corev1.Node
		g.Expect(w.admin.Get(t.Context(), client.ObjectKey{Name: instance.NodeName(i.PrivateIP, i.ID, region, false)}, &node)).To(Succeed())
		g.Expect(node.Status.NodeInfo.KubeletVersion).To(HavePrefix("v1.28."))
	})

	t.Run("the long script is not rendered where its kubelet is too old", func(t *testing.T) {
		_, err := join.Render(w.spec(t, script(t, "seed-long.sh")))
		NewWithT(t).Expect(err).To(MatchError(And(ContainSubstring("1.28"), ContainSubstring("1.36"))))
	})

	t.Run("a stolen token makes no node of another name", func(t *testing.T) {
		g := NewWithT(t)
		s := w.spec(t, "")
		thief := instance.Instance{ID: "i-0dead", PrivateIP: w.launch(t, "i-0c", "10.0.1.3").PrivateIP.Next()}
		thief.Pool.InstanceType = "t3.xlarge"
		m := boot(t, thief, s)
		name := instance.NodeName(thief.PrivateIP, thief.ID, region, false)
		g.Eventually(func(g Gomega) {
			g.Expect(w.requests(t, g, name)).To(ContainElement(HaveField("Status.Conditions", ContainElement(And(
				HaveField("Type", certificatesv1.CertificateDenied), HaveField("Reason", "NoNodeClaim"))))), m.Console.Text())
		}, patience, time.Second).Should(Succeed())
		g.Expect(client.IgnoreNotFound(w.admin.Get(t.Context(), client.ObjectKey{Name: name}, &corev1.Node{}))).To(Succeed())
		for _, request := range w.requests(t, g, name) {
			g.Expect(request.Status.Certificate).To(BeEmpty())
		}
	})
}

// expectNode waits for i's node and checks that it is what Karpenter expects.
func (w *world) expectNode(t *testing.T, m *machine.Machine, i instance.Instance) {
	t.Helper()
	g := NewWithT(t)
	var node corev1.Node
	g.Eventually(func(g Gomega) {
		g.Expect(w.admin.Get(t.Context(), client.ObjectKey{Name: instance.NodeName(i.PrivateIP, i.ID, region, false)}, &node)).To(Succeed(), m.Console.Text())
		g.Expect(node.Status.Conditions).To(ContainElement(And(HaveField("Type", corev1.NodeReady), HaveField("Status", corev1.ConditionTrue))))
	}, patience, 200*time.Millisecond).Should(Succeed())
	g.Expect(node.Spec.ProviderID).To(Equal(i.ProviderID()))
	g.Expect(node.Spec.Taints).To(ContainElements(
		And(HaveField("Key", karpv1.UnregisteredTaintKey), HaveField("Effect", corev1.TaintEffectNoExecute)),
		And(HaveField("Key", "workload"), HaveField("Value", "ai")),
	))
	g.Expect(node.Labels).To(And(
		HaveKeyWithValue("role", "worker"), HaveKeyWithValue(corev1.LabelTopologyZone, zone), HaveKeyWithValue(corev1.LabelInstanceTypeStable, "t3.xlarge"),
		Not(HaveKey("node-restriction.kubernetes.io/team")),
	))
	g.Expect(node.Status.Capacity.Pods().Value()).To(BeEquivalentTo(42))
	g.Expect(strings.Split(m.Console.Text(), "\n")).NotTo(ContainElement(ContainSubstring("result=error")))
}

// requests are those for client certificates of the node.
func (w *world) requests(t *testing.T, g Gomega, node string) []certificatesv1.CertificateSigningRequest {
	t.Helper()
	var all certificatesv1.CertificateSigningRequestList
	g.Expect(w.admin.List(t.Context(), &all)).To(Succeed())
	var found []certificatesv1.CertificateSigningRequest
	for _, request := range all.Items {
		if strings.Contains(subject(request), node) {
			found = append(found, request)
		}
	}
	return found
}

// subject is the common name that request asks for.
func subject(request certificatesv1.CertificateSigningRequest) string {
	block, _ := pem.Decode(request.Spec.Request)
	if block == nil {
		return ""
	}
	parsed, err := x509.ParseCertificateRequest(block.Bytes)
	if err != nil {
		return ""
	}
	return parsed.Subject.CommonName
}
