package join_test

import (
	"bytes"
	"crypto/ecdsa"
	"crypto/elliptic"
	"crypto/rand"
	"crypto/x509"
	"crypto/x509/pkix"
	"encoding/pem"
	"math/big"
	"testing"
	"time"

	. "github.com/onsi/gomega"
	corev1 "k8s.io/api/core/v1"
	metav1 "k8s.io/apimachinery/pkg/apis/meta/v1"
	"k8s.io/client-go/tools/clientcmd"
	clientcmdapi "k8s.io/client-go/tools/clientcmd/api"
	"k8s.io/client-go/util/retry"
	bootstrapapi "k8s.io/cluster-bootstrap/token/api"
	"k8s.io/utils/clock"
	"sigs.k8s.io/controller-runtime/pkg/client"

	"github.com/karpenter-kubeadm/karpenter-provider-aws/pkg/cluster"
	"github.com/karpenter-kubeadm/karpenter-provider-aws/pkg/join"
	"github.com/karpenter-kubeadm/karpenter-provider-aws/pkg/providers/clusterinfo"
)

// clusterInfoMissing: kubeadm-config says where the API server is, and the CA is the one that
// the controller itself trusts.
func (w *world) clusterInfoMissing(t *testing.T) {
	t.Helper()
	g := NewWithT(t)
	w.info.Lock()
	defer w.info.Unlock()
	known := w.clusterInfo(t)
	g.Expect(w.admin.Delete(t.Context(), known.DeepCopy())).To(Succeed())
	defer func() {
		known.ResourceVersion, known.UID = "", ""
		g.Expect(w.admin.Create(t.Context(), known)).To(Succeed())
	}()
	spec := w.specOf(t, w.freshClusters(t))
	i := w.arrive(t)
	w.expectNode(t, boot(t, i, spec), i)
	g.Expect(client.IgnoreNotFound(w.admin.Get(t.Context(), client.ObjectKeyFromObject(known), &corev1.ConfigMap{}))).To(Succeed())
}

func (w *world) clusterInfoOfAnother(t *testing.T) {
	t.Helper()
	clusters := w.misled(t, func(c *clientcmdapi.Cluster) { c.CertificateAuthorityData = anotherCA(t) })
	i := w.arrive(t)
	m := boot(t, i, w.specOf(t, clusters))
	w.expectReason(t, i, m, clusters, "CAMismatch", "phase=reach result=error exit=60", "correct the CA in kube-public/cluster-info, or CLUSTER_CA_BUNDLE")
}

func (w *world) clusterInfoOfTheDead(t *testing.T) {
	t.Helper()
	clusters := w.misled(t, func(c *clientcmdapi.Cluster) { c.Server = "https://127.255.255.254:6443" })
	i := w.arrive(t)
	m := boot(t, i, w.specOf(t, clusters))
	w.expectReason(t, i, m, clusters, "EndpointUnreachable", "phase=reach result=error exit=7", "correct controlPlaneEndpoint in kube-public/cluster-info, or CLUSTER_ENDPOINT")
}

// clusterInfoOfTwo is a cluster that changes its CA: whichever the API server's certificate
// is of, nodes launched meanwhile become ready, and they trust both.
func (w *world) clusterInfoOfTwo(t *testing.T) {
	t.Helper()
	g := NewWithT(t)
	added := anotherCA(t)
	clusters := w.misled(t, func(c *clientcmdapi.Cluster) {
		c.CertificateAuthorityData = bytes.Join([][]byte{added, c.CertificateAuthorityData}, nil)
	})
	spec := w.specOf(t, clusters)
	pins, err := cluster.Pins(spec.Cluster.CA)
	g.Expect(err).NotTo(HaveOccurred())
	g.Expect(pins).To(HaveLen(2))
	i := w.arrive(t)
	m := boot(t, i, spec)
	w.expectNode(t, m, i)
	trusted, err := m.FS.ReadFile("/etc/kubernetes/pki/ca.crt")
	g.Expect(err).NotTo(HaveOccurred())
	g.Expect(cluster.Pins(trusted)).To(Equal(pins), "what the kubelet trusts from now on")
}

// clockBehind: certificates that were made within the hour are not valid yet.
func (w *world) clockBehind(t *testing.T) {
	t.Helper()
	i := w.arrive(t)
	m := assemble(t, i, w.spec(t, ""))
	m.SetClock(-time.Hour)
	switchOn(t, m)
	w.expectReason(t, i, m, w.clusters, "ClockWrong", "phase=reach result=error exit=60", "not yet valid", "169.254.169.123")
	m.SetClock(0)
	w.expectReady(t, m, i)
}

func (w *world) clockAhead(t *testing.T) {
	t.Helper()
	i := w.arrive(t)
	m := assemble(t, i, w.spec(t, ""))
	m.SetClock(time.Hour)
	switchOn(t, m)
	w.expectNode(t, m, i)
}

// neverApproved has an instance ask while no approver knows its token.
func (w *world) neverApproved(t *testing.T) {
	t.Helper()
	tokens := w.anotherController(t)
	w.keys.drop(tokens)
	i := w.arrive(t)
	m := boot(t, i, w.specWith(t, tokens))
	w.expectReason(t, i, m, w.clusters, "CertificateNotApproved", "has not been approved")
}

func (w *world) clusterInfo(t *testing.T) *corev1.ConfigMap {
	t.Helper()
	info := &corev1.ConfigMap{}
	key := client.ObjectKey{Namespace: metav1.NamespacePublic, Name: bootstrapapi.ConfigMapClusterInfo}
	NewWithT(t).Expect(w.admin.Get(t.Context(), key, info)).To(Succeed())
	return info
}

// misled has read cluster-info as somebody changed it, who has mended it since.
func (w *world) misled(t *testing.T, change func(*clientcmdapi.Cluster)) *clusterinfo.Provider {
	t.Helper()
	g := NewWithT(t)
	w.info.Lock()
	defer w.info.Unlock()
	right := w.clusterInfo(t).Data[bootstrapapi.KubeConfigKey]
	config, err := clientcmd.Load([]byte(right))
	g.Expect(err).NotTo(HaveOccurred())
	for _, entry := range config.Clusters {
		change(entry)
	}
	wrong, err := clientcmd.Write(*config)
	g.Expect(err).NotTo(HaveOccurred())
	w.writeClusterInfo(t, string(wrong))
	defer w.writeClusterInfo(t, right)
	return w.freshClusters(t)
}

// writeClusterInfo competes with Kubernetes, which signs what is written.
func (w *world) writeClusterInfo(t *testing.T, kubeconfig string) {
	t.Helper()
	NewWithT(t).Expect(retry.RetryOnConflict(retry.DefaultBackoff, func() error {
		info := w.clusterInfo(t)
		info.Data[bootstrapapi.KubeConfigKey] = kubeconfig
		return w.admin.Update(t.Context(), info)
	})).To(Succeed())
}

// freshClusters has read the cluster as it is now.
func (w *world) freshClusters(t *testing.T) *clusterinfo.Provider {
	t.Helper()
	g := NewWithT(t)
	clusters, err := clusterinfo.New(w.config, clusterinfo.Options{}, clock.RealClock{})
	g.Expect(err).NotTo(HaveOccurred())
	g.Expect(clusters.Get(t.Context())).Error().NotTo(HaveOccurred())
	return clusters
}

// specOf is spec for the cluster as clusters has it.
func (w *world) specOf(t *testing.T, clusters *clusterinfo.Provider) join.Spec {
	t.Helper()
	spec := w.spec(t, "")
	var err error
	spec.Cluster, err = clusters.Get(t.Context())
	NewWithT(t).Expect(err).NotTo(HaveOccurred())
	return spec
}

// anotherCA is the CA of another cluster, in PEM.
func anotherCA(t *testing.T) []byte {
	t.Helper()
	g := NewWithT(t)
	key, err := ecdsa.GenerateKey(elliptic.P256(), rand.Reader)
	g.Expect(err).NotTo(HaveOccurred())
	template := &x509.Certificate{
		SerialNumber: big.NewInt(1), Subject: pkix.Name{CommonName: "another"}, NotBefore: time.Now().Add(-time.Hour), NotAfter: time.Now().Add(time.Hour),
		IsCA: true, BasicConstraintsValid: true, KeyUsage: x509.KeyUsageCertSign,
	}
	der, err := x509.CreateCertificate(rand.Reader, template, template, key.Public(), key)
	g.Expect(err).NotTo(HaveOccurred())
	return pem.EncodeToMemory(&pem.Block{Type: "CERTIFICATE", Bytes: der})
}
