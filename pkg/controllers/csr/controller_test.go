package csr

import (
	"context"
	"crypto/ecdsa"
	"crypto/elliptic"
	"crypto/rand"
	"crypto/x509"
	"crypto/x509/pkix"
	"encoding/pem"
	"errors"
	"net"
	"testing"
	"time"

	. "github.com/onsi/gomega"
	certificatesv1 "k8s.io/api/certificates/v1"
	corev1 "k8s.io/api/core/v1"
	rbacv1 "k8s.io/api/rbac/v1"
	metav1 "k8s.io/apimachinery/pkg/apis/meta/v1"
	"k8s.io/client-go/kubernetes/scheme"
	"k8s.io/client-go/rest"
	clocktesting "k8s.io/utils/clock/testing"
	"sigs.k8s.io/controller-runtime/pkg/client"
	karpv1 "sigs.k8s.io/karpenter/pkg/apis/v1"
	"sigs.k8s.io/karpenter/pkg/events"

	"github.com/karpenter-kubeadm/karpenter-provider-aws/pkg/instance"
	"github.com/karpenter-kubeadm/karpenter-provider-aws/pkg/join"
	"github.com/karpenter-kubeadm/karpenter-provider-aws/pkg/providers/token"
	"github.com/karpenter-kubeadm/karpenter-provider-aws/test/env/apiserver"
)

// ec2 is an inventory that shows what is in it.
type ec2 map[instance.ID]instance.Instance

func (e ec2) Get(_ context.Context, id instance.ID) (instance.Instance, error) {
	if id == "i-0bad" {
		return instance.Instance{}, errors.New("EC2 is not there")
	}
	i, ok := e[id]
	if !ok {
		return i, instance.ErrNotFound
	}
	return i, nil
}

// tokens are epochs by the id of their token.
type tokens map[string]token.Epoch

func (t tokens) Epoch(_ context.Context, id string) (token.Epoch, bool, error) {
	epoch, ok := t[id]
	return epoch, ok, nil
}

// OfInstance has the token of i-0abc be "of0abc".
func (t tokens) OfInstance(_ context.Context, id instance.ID) (join.Token, error) {
	return join.Token{ID: "of" + string(id[2:])}, nil
}

// told keeps the reasons of events.
type told struct{ reasons []string }

func (t *told) Publish(published ...events.Event) {
	for _, e := range published {
		t.reasons = append(t.reasons, e.Reason)
	}
}

type harness struct {
	*Controller
	g      Gomega
	config *rest.Config
	told   *told
	ec2    ec2
}

func start(t *testing.T) *harness {
	t.Helper()
	g := NewWithT(t)
	config := apiserver.Start(t)
	c, err := client.New(config, client.Options{Scheme: scheme.Scheme})
	g.Expect(err).NotTo(HaveOccurred())
	h := &harness{g: g, config: config, told: &told{}, ec2: ec2{}}
	now := time.Now()
	h.Controller = New(c, h.told, Options{
		Inventory: h.ec2, Tokens: tokens{"abcdef": {ID: "abcdef", Created: now.Add(-time.Hour), Expires: now.Add(time.Hour)}},
		Region: "ap-northeast-2", Clock: clocktesting.NewFakeClock(now),
	})
	for _, group := range []string{"system:bootstrappers:karpenter", "system:nodes"} {
		g.Expect(c.Create(t.Context(), &rbacv1.ClusterRoleBinding{
			ObjectMeta: metav1.ObjectMeta{GenerateName: "test-"},
			RoleRef:    rbacv1.RoleRef{APIGroup: rbacv1.GroupName, Kind: "ClusterRole", Name: "system:node-bootstrapper"},
			Subjects:   []rbacv1.Subject{{APIGroup: rbacv1.GroupName, Kind: "Group", Name: group}},
		})).To(Succeed())
	}
	return h
}

// claim makes a NodeClaim whose instance is i.
func (h *harness) claim(ctx context.Context, name string, i instance.Instance) *karpv1.NodeClaim {
	claim := launched(func(c *karpv1.NodeClaim) { c.Name, c.CreationTimestamp = name, metav1.Time{} })
	claim.Spec.Requirements = []karpv1.NodeSelectorRequirementWithMinValues{}
	status := claim.Status
	h.g.Expect(h.kube.Create(ctx, claim)).To(Succeed())
	claim.Status = status
	claim.Status.ProviderID = i.ProviderID()
	for j := range claim.Status.Conditions {
		claim.Status.Conditions[j].LastTransitionTime = metav1.NewTime(h.clock.Now())
	}
	h.g.Expect(h.kube.Status().Update(ctx, claim)).To(Succeed())
	return claim
}

// ask makes a certificate request as user and returns it as it is after it was judged.
func (h *harness) ask(ctx context.Context, user rest.ImpersonationConfig, signer string, template *x509.CertificateRequest) *certificatesv1.CertificateSigningRequest {
	object := h.create(ctx, user, signer, template)
	_, err := h.Reconcile(ctx, object)
	h.g.Expect(err).NotTo(HaveOccurred())
	h.g.Expect(h.kube.Get(ctx, client.ObjectKeyFromObject(object), object)).To(Succeed())
	return object
}

func (h *harness) create(ctx context.Context, user rest.ImpersonationConfig, signer string, template *x509.CertificateRequest) *certificatesv1.CertificateSigningRequest {
	key, err := ecdsa.GenerateKey(elliptic.P256(), rand.Reader)
	h.g.Expect(err).NotTo(HaveOccurred())
	der, err := x509.CreateCertificateRequest(rand.Reader, template, key)
	h.g.Expect(err).NotTo(HaveOccurred())
	config := rest.CopyConfig(h.config)
	config.Impersonate = user
	as, err := client.New(config, client.Options{Scheme: scheme.Scheme})
	h.g.Expect(err).NotTo(HaveOccurred())
	object := &certificatesv1.CertificateSigningRequest{
		ObjectMeta: metav1.ObjectMeta{GenerateName: "csr-"},
		Spec: certificatesv1.CertificateSigningRequestSpec{
			Request: pem.EncodeToMemory(&pem.Block{Type: "CERTIFICATE REQUEST", Bytes: der}), SignerName: signer, Usages: clientUsages,
		},
	}
	if signer == certificatesv1.KubeletServingSignerName {
		object.Spec.Usages = serverUsages
	}
	h.g.Eventually(func() error { return as.Create(ctx, object) }).WithTimeout(20 * time.Second).Should(Succeed())
	return object
}

func bearer(id string) rest.ImpersonationConfig {
	return rest.ImpersonationConfig{UserName: "system:bootstrap:" + id, Groups: []string{"system:bootstrappers:karpenter", "system:authenticated"}}
}

func nodeNamed(name string) *x509.CertificateRequest {
	return &x509.CertificateRequest{Subject: pkix.Name{CommonName: "system:node:" + name, Organization: []string{"system:nodes"}}}
}

func conditionOf(object *certificatesv1.CertificateSigningRequest) (string, string) {
	if len(object.Status.Conditions) == 0 {
		return "", ""
	}
	return string(object.Status.Conditions[0].Type), object.Status.Conditions[0].Reason
}

func TestController(t *testing.T) {
	h := start(t)
	g, ctx := h.g, t.Context()
	const signer = certificatesv1.KubeAPIServerClientKubeletSignerName
	i := running(func(i *instance.Instance) { i.Launched = h.clock.Now() })

	// The instance is launched and EC2 does not show it yet.
	claim := h.claim(ctx, "claim", i)
	first := h.create(ctx, bearer("abcdef"), signer, nodeNamed(nodeName))
	result, err := h.Reconcile(ctx, first)
	g.Expect(err).NotTo(HaveOccurred())
	g.Expect(result.RequeueAfter).To(Equal(againSoon))
	why, held := h.Held(first.UID)
	g.Expect(held).To(BeTrue())
	g.Expect(why).To(ContainSubstring("EC2 does not show"))
	g.Expect(h.told.reasons).To(Equal([]string{"CertificateHeld"}))

	// Now it does.
	h.ec2[i.ID] = i
	h.clock.(*clocktesting.FakeClock).Step(unseen)
	_, err = h.Reconcile(ctx, first)
	g.Expect(err).NotTo(HaveOccurred())
	g.Expect(h.kube.Get(ctx, client.ObjectKeyFromObject(first), first)).To(Succeed())
	decision, reason := conditionOf(first)
	g.Expect(decision).To(Equal("Approved"))
	g.Expect(reason).To(Equal("InstanceOfNodeClaim"))
	g.Expect(h.kube.Get(ctx, client.ObjectKeyFromObject(claim), claim)).To(Succeed())
	g.Expect(claim.Annotations).To(HaveKeyWithValue(AnnotationApproved, string(first.UID)))

	// One certificate for each claim, whoever holds the token.
	decision, reason = conditionOf(h.ask(ctx, bearer("abcdef"), signer, nodeNamed(nodeName)))
	g.Expect([]string{decision, reason}).To(Equal([]string{"Denied", "AlreadyApproved"}))
	g.Expect(h.told.reasons).To(Equal([]string{"CertificateHeld", "CertificateDenied"}))

	// A name that no claim has, for example that of a control-plane node, is denied once all claims are known.
	stranger := h.create(ctx, bearer("abcdef"), signer, nodeNamed("control-plane-1"))
	_, err = h.Reconcile(ctx, stranger)
	g.Expect(err).NotTo(HaveOccurred())
	why, _ = h.Held(stranger.UID)
	g.Expect(why).To(ContainSubstring("no NodeClaim has an instance with node name control-plane-1"))
	h.clock.(*clocktesting.FakeClock).Step(settle + time.Minute)
	_, err = h.Reconcile(ctx, stranger)
	g.Expect(err).NotTo(HaveOccurred())
	g.Expect(h.kube.Get(ctx, client.ObjectKeyFromObject(stranger), stranger)).To(Succeed())
	decision, reason = conditionOf(stranger)
	g.Expect([]string{decision, reason}).To(Equal([]string{"Denied", "NoNodeClaim"}))

	// What is not ours is never touched.
	for _, object := range []*certificatesv1.CertificateSigningRequest{
		h.ask(ctx, bearer("kubead"), signer, nodeNamed(nodeName)),
		h.ask(ctx, rest.ImpersonationConfig{UserName: "system:node:control-plane-1", Groups: []string{"system:nodes"}}, signer, nodeNamed("control-plane-1")),
	} {
		decision, _ = conditionOf(object)
		g.Expect(decision).To(BeEmpty())
	}
}

func TestControllerWhenEC2IsAway(t *testing.T) {
	h := start(t)
	h.claim(t.Context(), "claim", running(func(i *instance.Instance) { i.ID = "i-0bad" }))
	object := h.create(t.Context(), bearer("abcdef"), certificatesv1.KubeAPIServerClientKubeletSignerName, nodeNamed(nodeName))
	_, err := h.Reconcile(t.Context(), object)
	h.g.Expect(err).To(MatchError(ContainSubstring("looking up instance i-0bad: EC2 is not there")))
}

func TestServingCertificates(t *testing.T) {
	h := start(t)
	g, ctx := h.g, t.Context()
	const signer = certificatesv1.KubeletServingSignerName
	i := running(nil)
	h.ec2[i.ID] = i
	h.claim(ctx, "claim", i)
	kubelet := func(name string) rest.ImpersonationConfig {
		return rest.ImpersonationConfig{UserName: "system:node:" + name, Groups: []string{"system:nodes", "system:authenticated"}}
	}
	serving := nodeNamed(nodeName)
	serving.DNSNames, serving.IPAddresses = []string{nodeName}, []net.IP{net.ParseIP("10.0.1.23")}

	// Before the node is there it may be anybody's.
	object := h.create(ctx, kubelet(nodeName), signer, serving)
	result, err := h.Reconcile(ctx, object)
	g.Expect(err).NotTo(HaveOccurred())
	g.Expect(result.RequeueAfter).To(Equal(againSoon))

	g.Expect(h.kube.Create(ctx, &corev1.Node{ObjectMeta: metav1.ObjectMeta{Name: nodeName}, Spec: corev1.NodeSpec{ProviderID: providerID}})).To(Succeed())
	_, err = h.Reconcile(ctx, object)
	g.Expect(err).NotTo(HaveOccurred())
	g.Expect(h.kube.Get(ctx, client.ObjectKeyFromObject(object), object)).To(Succeed())
	decision, _ := conditionOf(object)
	g.Expect(decision).To(Equal("Approved"))

	forged := nodeNamed(nodeName)
	forged.DNSNames = []string{nodeName, "kubernetes.default"}
	decision, reason := conditionOf(h.ask(ctx, kubelet(nodeName), signer, forged))
	g.Expect([]string{decision, reason}).To(Equal([]string{"Denied", "ForeignNames"}))

	// A node that is not ours is left to others.
	g.Expect(h.kube.Create(ctx, &corev1.Node{ObjectMeta: metav1.ObjectMeta{Name: "theirs"}, Spec: corev1.NodeSpec{ProviderID: "aws:///ap-northeast-2a/i-0fff"}})).To(Succeed())
	theirs := nodeNamed("theirs")
	theirs.DNSNames = []string{"theirs"}
	decision, _ = conditionOf(h.ask(ctx, kubelet("theirs"), signer, theirs))
	g.Expect(decision).To(BeEmpty())
}
