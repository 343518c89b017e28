package join_test

import (
	"crypto/ecdsa"
	"crypto/elliptic"
	"crypto/rand"
	"crypto/x509"
	"crypto/x509/pkix"
	"encoding/pem"
	"net"
	"testing"
	"time"

	. "github.com/onsi/gomega"
	certificatesv1 "k8s.io/api/certificates/v1"
	metav1 "k8s.io/apimachinery/pkg/apis/meta/v1"
	"k8s.io/client-go/kubernetes/scheme"
	"k8s.io/client-go/rest"
	"sigs.k8s.io/controller-runtime/pkg/client"

	"github.com/karpenter-kubeadm/karpenter-provider-aws/pkg/instance"
	"github.com/karpenter-kubeadm/karpenter-provider-aws/pkg/join"
)

// wish is a certificate that somebody asks for.
type wish struct {
	subject string
	orgs    []string
	signer  string
	usages  []certificatesv1.KeyUsage
	dns     []string
	ips     []net.IP
}

// nodeOf is the name that i's node has.
func nodeOf(i instance.Instance) string { return instance.NodeName(i.PrivateIP, i.ID, region, false) }

// clientWish is what a kubelet that joins asks for.
func clientWish(node string) wish {
	return wish{
		subject: "system:node:" + node, orgs: []string{"system:nodes"},
		signer: certificatesv1.KubeAPIServerClientKubeletSignerName,
		usages: []certificatesv1.KeyUsage{certificatesv1.UsageDigitalSignature, certificatesv1.UsageClientAuth},
	}
}

// servingWish is what a joined kubelet asks for, for the name and address of i.
func servingWish(node string, i instance.Instance) wish {
	return wish{
		subject: "system:node:" + node, orgs: []string{"system:nodes"}, signer: certificatesv1.KubeletServingSignerName,
		usages: []certificatesv1.KeyUsage{certificatesv1.UsageDigitalSignature, certificatesv1.UsageServerAuth},
		dns:    []string{nodeOf(i)}, ips: []net.IP{i.PrivateIP.AsSlice()},
	}
}

// holder is a client of whoever holds the token.
func (w *world) holder(t *testing.T, token join.Token) client.Client {
	t.Helper()
	config := rest.AnonymousClientConfig(w.config)
	config.BearerToken = token.Value()
	return newClient(t, config)
}

// user is a client of the user, as the administrator can be.
func (w *world) user(t *testing.T, name string, groups ...string) client.Client {
	t.Helper()
	config := rest.CopyConfig(w.config)
	config.Impersonate = rest.ImpersonationConfig{UserName: name, Groups: append(groups, "system:authenticated")}
	return newClient(t, config)
}

func newClient(t *testing.T, config *rest.Config) client.Client {
	t.Helper()
	made, err := client.New(config, client.Options{Scheme: scheme.Scheme})
	NewWithT(t).Expect(err).NotTo(HaveOccurred())
	return made
}

// request is the object that asks for the wish, with a key of its own.
func request(t *testing.T, what wish) *certificatesv1.CertificateSigningRequest {
	t.Helper()
	g := NewWithT(t)
	key, err := ecdsa.GenerateKey(elliptic.P256(), rand.Reader)
	g.Expect(err).NotTo(HaveOccurred())
	der, err := x509.CreateCertificateRequest(rand.Reader, &x509.CertificateRequest{
		Subject:  pkix.Name{CommonName: what.subject, Organization: what.orgs},
		DNSNames: what.dns, IPAddresses: what.ips,
	}, key)
	g.Expect(err).NotTo(HaveOccurred())
	return &certificatesv1.CertificateSigningRequest{
		ObjectMeta: metav1.ObjectMeta{GenerateName: "csr-"},
		Spec: certificatesv1.CertificateSigningRequestSpec{
			Request:    pem.EncodeToMemory(&pem.Block{Type: "CERTIFICATE REQUEST", Bytes: der}),
			SignerName: what.signer, Usages: what.usages,
		},
	}
}

// ask makes the request as who, and returns it.
func ask(t *testing.T, who client.Client, what wish) *certificatesv1.CertificateSigningRequest {
	t.Helper()
	object := request(t, what)
	NewWithT(t).Expect(who.Create(t.Context(), object)).To(Succeed())
	return object
}

// decided waits until somebody has decided on object.
func (w *world) decided(t *testing.T, object *certificatesv1.CertificateSigningRequest) {
	t.Helper()
	NewWithT(t).Eventually(func(g Gomega) {
		g.Expect(w.admin.Get(t.Context(), client.ObjectKeyFromObject(object), object)).To(Succeed())
		g.Expect(object.Status.Conditions).NotTo(BeEmpty())
	}, patience, 200*time.Millisecond).Should(Succeed())
}

// expectApproved waits until object is approved and signed, and returns why it was approved.
func (w *world) expectApproved(t *testing.T, object *certificatesv1.CertificateSigningRequest) string {
	t.Helper()
	g := NewWithT(t)
	w.decided(t, object)
	g.Expect(object.Status.Conditions).To(ConsistOf(HaveField("Type", certificatesv1.CertificateApproved)))
	g.Eventually(func(g Gomega) {
		g.Expect(w.admin.Get(t.Context(), client.ObjectKeyFromObject(object), object)).To(Succeed())
		g.Expect(object.Status.Certificate).NotTo(BeEmpty())
	}, patience, 200*time.Millisecond).Should(Succeed())
	return object.Status.Conditions[0].Reason
}

// expectDenied waits until object is denied for the reason.
func (w *world) expectDenied(t *testing.T, object *certificatesv1.CertificateSigningRequest, reason string) {
	t.Helper()
	g := NewWithT(t)
	w.decided(t, object)
	g.Expect(object.Status.Conditions).To(ConsistOf(And(HaveField("Type", certificatesv1.CertificateDenied), HaveField("Reason", reason))))
	g.Expect(object.Status.Certificate).To(BeEmpty())
}

// expectUntouched checks that nobody has decided on object, nor does.
func (w *world) expectUntouched(t *testing.T, object *certificatesv1.CertificateSigningRequest) {
	t.Helper()
	g := NewWithT(t)
	g.Consistently(func(g Gomega) {
		g.Expect(w.admin.Get(t.Context(), client.ObjectKeyFromObject(object), object)).To(Succeed())
		g.Expect(object.Status.Conditions).To(BeEmpty())
		g.Expect(object.Status.Certificate).To(BeEmpty())
	}, 3*time.Second, 500*time.Millisecond).Should(Succeed())
}
