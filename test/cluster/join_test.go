package main

import (
	"crypto/ecdsa"
	"crypto/elliptic"
	"crypto/rand"
	"crypto/x509"
	"crypto/x509/pkix"
	"encoding/pem"
	"os/exec"
	"path/filepath"
	"testing"
	"time"

	. "github.com/onsi/gomega"
	certificatesv1 "k8s.io/api/certificates/v1"
	corev1 "k8s.io/api/core/v1"
	apierrors "k8s.io/apimachinery/pkg/api/errors"
	metav1 "k8s.io/apimachinery/pkg/apis/meta/v1"
	"k8s.io/client-go/kubernetes"
	"k8s.io/client-go/rest"
	"k8s.io/cluster-bootstrap/token/jws"
)

const (
	nodeGroup = "system:bootstrappers:kubeadm:default-node-token"
	signerKey = "jws-kubeconfig-"
)

func kubectl(t *testing.T, r *running, args ...string) (string, error) {
	out, err := exec.CommandContext(t.Context(), filepath.Join(r.Bin, "kubectl"), append(args, "--kubeconfig", r.Kubeconfig)...).CombinedOutput()
	return string(out), err
}

// token is a bootstrap token of kubeadm's group.
type token struct{ id, secret string }

func (k token) String() string { return k.id + "." + k.secret }

func (k token) create(t *testing.T, admin kubernetes.Interface, lives time.Duration) {
	_, err := admin.CoreV1().Secrets(metav1.NamespaceSystem).Create(t.Context(), &corev1.Secret{
		ObjectMeta: metav1.ObjectMeta{Name: "bootstrap-token-" + k.id},
		Type:       corev1.SecretTypeBootstrapToken,
		StringData: map[string]string{
			"token-id": k.id, "token-secret": k.secret, "auth-extra-groups": nodeGroup,
			"usage-bootstrap-authentication": "true", "usage-bootstrap-signing": "true",
			"expiration": time.Now().Add(lives).UTC().Format(time.RFC3339),
		},
	}, metav1.CreateOptions{})
	NewWithT(t).Expect(err).NotTo(HaveOccurred())
}

// published checks what a joining node reads, on a stock cluster and on one with other flags.
func published(t *testing.T, stock, other *running) {
	g, ctx := NewWithT(t), t.Context()
	for r, want := range map[*running]struct{ dns, services, pods string }{
		stock: {"10.96.0.10", "serviceSubnet: 10.96.0.0/12", "podSubnet: 10.244.0.0/16"},
		other: {"10.97.0.10", "serviceSubnet: 10.97.0.0/16", "podSubnet: 10.32.0.0/16"},
	} {
		system := r.admin(t).CoreV1()
		dns, err := system.Services(metav1.NamespaceSystem).Get(ctx, "kube-dns", metav1.GetOptions{})
		g.Expect(err).NotTo(HaveOccurred())
		g.Expect(dns.Spec.ClusterIP).To(Equal(want.dns))
		config, err := system.ConfigMaps(metav1.NamespaceSystem).Get(ctx, "kubeadm-config", metav1.GetOptions{})
		g.Expect(err).NotTo(HaveOccurred())
		g.Expect(config.Data["ClusterConfiguration"]).To(And(ContainSubstring("controlPlaneEndpoint: "+r.Endpoint),
			ContainSubstring("certificatesDir: /etc/kubernetes/pki"), ContainSubstring(want.services), ContainSubstring(want.pods)))
		kubelet, err := system.ConfigMaps(metav1.NamespaceSystem).Get(ctx, "kubelet-config", metav1.GetOptions{})
		g.Expect(err).NotTo(HaveOccurred())
		g.Expect(kubelet.Data["kubelet"]).To(And(ContainSubstring("- "+want.dns), ContainSubstring("cgroupDriver: systemd"), ContainSubstring("rotateCertificates: true")))
		_, err = system.ConfigMaps(metav1.NamespaceSystem).Get(ctx, "kube-proxy", metav1.GetOptions{})
		g.Expect(err).NotTo(HaveOccurred())
		pods, err := system.Pods("").List(ctx, metav1.ListOptions{})
		g.Expect(err).NotTo(HaveOccurred())
		g.Expect(pods.Items).To(BeEmpty(), "nothing waits for a node")
	}
	config, err := other.admin(t).CoreV1().ConfigMaps(metav1.NamespaceSystem).Get(ctx, "kubeadm-config", metav1.GetOptions{})
	g.Expect(err).NotTo(HaveOccurred())
	g.Expect(config.Data["ClusterConfiguration"]).To(And(ContainSubstring("name: anonymous-auth"),
		ContainSubstring("name: node-monitor-grace-period\n    value: 9s"), ContainSubstring("name: v\n    value: \"3\"")))
	_, err = other.bearer(t, "").CoreV1().ConfigMaps(metav1.NamespacePublic).Get(ctx, "cluster-info", metav1.GetOptions{})
	g.Expect(apierrors.IsUnauthorized(err)).To(BeTrue(), "%v", err)
}

// joins does what kubeadm join and a kubelet do.
func joins(t *testing.T, r, other *running) {
	g, ctx := NewWithT(t), t.Context()
	k := token{id: "join00", secret: "0123456789abcdef"}
	k.create(t, r.admin(t), time.Hour)

	g.Eventually(func(g Gomega) {
		info, err := r.bearer(t, "").CoreV1().ConfigMaps(metav1.NamespacePublic).Get(ctx, "cluster-info", metav1.GetOptions{})
		g.Expect(err).NotTo(HaveOccurred())
		g.Expect(info.Data).To(HaveKey(signerKey + k.id))
		g.Expect(jws.DetachedTokenIsValid(info.Data[signerKey+k.id], info.Data["kubeconfig"], k.id, k.secret)).To(BeTrue())
		g.Expect(info.Data["kubeconfig"]).To(ContainSubstring("server: https://" + r.Endpoint))
	}).WithTimeout(patience).Should(Succeed())

	bootstrap := r.bearer(t, k.String())
	_, err := bootstrap.CoreV1().ConfigMaps(metav1.NamespaceSystem).Get(ctx, "kubelet-config", metav1.GetOptions{})
	g.Expect(err).NotTo(HaveOccurred(), "kubeadm join reads it with the token")
	_, err = other.bearer(t, k.String()).CoreV1().ConfigMaps(metav1.NamespaceSystem).Get(ctx, "kubelet-config", metav1.GetOptions{})
	g.Expect(apierrors.IsUnauthorized(err)).To(BeTrue(), "another cluster does not know the token: %v", err)

	config := rest.AnonymousClientConfig(r.config(t))
	config.CertData, config.KeyData = certificate(t, bootstrap, "node-a")
	asNode(t, clientFor(t, config))
}

// certificate requests a kubelet's client certificate and waits until it is approved and signed.
func certificate(t *testing.T, client kubernetes.Interface, node string) (certPEM, keyPEM []byte) {
	g, ctx := NewWithT(t), t.Context()
	key, err := ecdsa.GenerateKey(elliptic.P256(), rand.Reader)
	g.Expect(err).NotTo(HaveOccurred())
	der, err := x509.MarshalPKCS8PrivateKey(key)
	g.Expect(err).NotTo(HaveOccurred())
	request, err := x509.CreateCertificateRequest(rand.Reader, &x509.CertificateRequest{
		Subject: pkix.Name{CommonName: "system:node:" + node, Organization: []string{"system:nodes"}},
	}, key)
	g.Expect(err).NotTo(HaveOccurred())
	csrs := client.CertificatesV1().CertificateSigningRequests()
	csr, err := csrs.Create(ctx, &certificatesv1.CertificateSigningRequest{
		ObjectMeta: metav1.ObjectMeta{GenerateName: "node-csr-"},
		Spec: certificatesv1.CertificateSigningRequestSpec{
			Request:    pem.EncodeToMemory(&pem.Block{Type: "CERTIFICATE REQUEST", Bytes: request}),
			SignerName: certificatesv1.KubeAPIServerClientKubeletSignerName,
			Usages:     []certificatesv1.KeyUsage{certificatesv1.UsageDigitalSignature, certificatesv1.UsageClientAuth},
		},
	}, metav1.CreateOptions{})
	g.Expect(err).NotTo(HaveOccurred())
	g.Eventually(func(g Gomega) {
		csr, err = csrs.Get(ctx, csr.Name, metav1.GetOptions{})
		g.Expect(err).NotTo(HaveOccurred())
		g.Expect(csr.Status.Certificate).NotTo(BeEmpty(), "%v", csr.Status.Conditions)
	}).WithTimeout(patience).Should(Succeed())
	return csr.Status.Certificate, pem.EncodeToMemory(&pem.Block{Type: "PRIVATE KEY", Bytes: der})
}

// asNode registers a node with its own certificate, and tries what NodeRestriction forbids.
func asNode(t *testing.T, client kubernetes.Interface) {
	g, ctx := NewWithT(t), t.Context()
	node := func(name string, labels map[string]string) error {
		_, err := client.CoreV1().Nodes().Create(ctx, &corev1.Node{ObjectMeta: metav1.ObjectMeta{Name: name, Labels: labels}}, metav1.CreateOptions{})
		return err
	}
	g.Expect(apierrors.IsForbidden(node("node-b", nil))).To(BeTrue(), "another node's name")
	g.Expect(apierrors.IsForbidden(node("node-a", map[string]string{"node-restriction.kubernetes.io/a": "b"}))).To(BeTrue(), "a label kubelets may not set")
	g.Expect(node("node-a", map[string]string{"a": "b"})).To(Succeed())
	g.Eventually(func(g Gomega) {
		got, err := client.CoreV1().Nodes().Get(ctx, "node-a", metav1.GetOptions{})
		g.Expect(err).NotTo(HaveOccurred())
		g.Expect(got.Spec.PodCIDR).To(HavePrefix("10.244."), "the controller manager hands out addresses")
	}).WithTimeout(patience).Should(Succeed())
}

func expires(t *testing.T, r *running) {
	g := NewWithT(t)
	short, long := token{id: "short0", secret: "0123456789abcdef"}, token{id: "long00", secret: "0123456789abcdef"}
	long.create(t, r.admin(t), time.Hour)
	short.create(t, r.admin(t), 2*time.Second)
	secrets := r.admin(t).CoreV1().Secrets(metav1.NamespaceSystem)
	g.Eventually(func() bool {
		_, err := secrets.Get(t.Context(), "bootstrap-token-"+short.id, metav1.GetOptions{})
		return apierrors.IsNotFound(err)
	}).WithTimeout(patience).Should(BeTrue())
	_, err := secrets.Get(t.Context(), "bootstrap-token-"+long.id, metav1.GetOptions{})
	g.Expect(err).NotTo(HaveOccurred())
}
