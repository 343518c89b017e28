package e2enode_test

import (
	"context"
	"crypto/x509"
	"encoding/pem"
	"os"
	"strings"
	"time"

	. "github.com/onsi/ginkgo/v2"
	. "github.com/onsi/gomega"
	"github.com/samber/lo"
	certificatesv1 "k8s.io/api/certificates/v1"
	coordinationv1 "k8s.io/api/coordination/v1"
	corev1 "k8s.io/api/core/v1"
	"sigs.k8s.io/controller-runtime/pkg/client"

	"github.com/karpenter-kubeadm/karpenter-provider-aws/pkg/providers/token"
	"github.com/karpenter-kubeadm/karpenter-provider-aws/test/env"
)

const (
	// outageVariable sets how long the controller is away. Ten minutes are longer than a stock kubeadm waits.
	outageVariable = "KARPENTER_OUTAGE"
	shortOutage    = 20 * time.Second
	// gate is a file that a machine's user data waits for, after it has said so.
	gate     = "/run/controller-is-down"
	gateText = "waiting for the controller to be down"
)

// outage is how long the controller is away in this run.
func outage() time.Duration {
	GinkgoHelper()
	set := os.Getenv(outageVariable)
	if set == "" {
		return shortOutage
	}
	d, err := time.ParseDuration(set)
	Expect(err).NotTo(HaveOccurred(), outageVariable)
	return d
}

var _ = Describe("The certificates of kubelets", Ordered, func() {
	var (
		old      *fixture
		node     *corev1.Node
		instance env.Instance
	)

	BeforeAll(func(ctx SpecContext) {
		old = newFixture("t3.large").baked()
		old.create(ctx)
		old.pod(ctx)
		node, instance = old.running(ctx)
	}, NodeTimeout(5*time.Minute))

	It("wait for a controller that is down while machines boot, whoever wrote the script", func(ctx SpecContext) {
		rendered, users := newFixture("t3.large").baked(), seed(ctx)
		rendered.Class.Spec.UserData = lo.ToPtr("#!/bin/sh\necho " + gateText + "\nuntil [ -e " + gate + " ]; do sleep 0.1; done\n")
		rendered.create(ctx)
		joining := map[*fixture]env.Instance{}
		for _, f := range []*fixture{rendered, users} {
			f.pod(ctx)
		}
		for _, f := range []*fixture{rendered, users} {
			joining[f] = f.launched(ctx)
		}
		Eventually(run().machines.Machine(joining[rendered].ID).Console).WithContext(ctx).Should(ContainSubstring(gateText))
		stopController()
		in(ctx, joining[rendered], "touch", gate)
		down := time.Now()
		for f, instance := range joining {
			Eventually(clientRequests).WithContext(ctx).WithArguments(nodeName(instance)).Should(Not(BeEmpty()), f.consoles)
		}
		Consistently(func(g Gomega) {
			for _, instance := range joining {
				g.Expect(clientRequests(ctx, nodeName(instance))).To(HaveEach(HaveField("Status.Conditions", BeEmpty())), "nobody else approves those of our tokens")
			}
		}).WithContext(ctx).WithTimeout(outage() - time.Since(down)).WithPolling(time.Second).Should(Succeed())
		Expect(run().env.StartController(ctx, nil)).To(Succeed())
		for f := range joining {
			node, instance := f.running(ctx)
			expectOurs(ctx, node, instance)
		}
	}, SpecTimeout(25*time.Minute))

	It("are renewed, the client's by kubeadm's approver and the server's by ours", func(ctx SpecContext) {
		bootstrap := expectApprovedByUs(ctx, node.Name)
		expiry := notAfter(bootstrap)
		user := HaveField("Spec.Username", "system:node:"+node.Name)
		Eventually(func(g Gomega) {
			renewals := lo.Filter(clientRequests(ctx, node.Name), func(r certificatesv1.CertificateSigningRequest, _ int) bool { return r.Name != bootstrap.Name })
			g.Expect(renewals).To(And(Not(BeEmpty()), HaveEach(And(user, approved("AutoApproved")))))
			g.Expect(servingRequests(ctx, node.Name)).To(And(WithTransform(count, BeNumerically(">", 1)), HaveEach(And(user, approved(ourReason)))))
		}).WithContext(ctx).WithTimeout(certificateLife + time.Minute).Should(Succeed())

		// Past the end of its first certificates the kubelet is heard, and hears.
		Eventually(func(g Gomega) {
			lease := &coordinationv1.Lease{}
			g.Expect(run().env.Admin.Get(ctx, client.ObjectKey{Namespace: corev1.NamespaceNodeLease, Name: node.Name}, lease)).To(Succeed())
			g.Expect(lease.Spec.RenewTime.Time).To(BeTemporally(">", expiry))
		}).WithContext(ctx).WithTimeout(certificateLife+time.Minute).Should(Succeed(), old.consoles)
		again, same := old.running(ctx)
		Expect(again.UID).To(Equal(node.UID))
		Expect(same.ID).To(Equal(instance.ID))
	}, SpecTimeout(8*time.Minute))
})

// stopController ends the controller, until the spec or its end starts it again.
func stopController() {
	stopped := run().env.Controller()
	stopped.Kill()
	DeferCleanup(func(ctx SpecContext) {
		if run().env.Controller() == stopped {
			Expect(run().env.StartController(ctx, nil)).To(Succeed())
		}
	}, NodeTimeout(time.Minute))
}

// ourReason is what our approver gives.
const ourReason = "InstanceOfNodeClaim"

// approved matches a request that was approved for one reason, and not denied, and whose certificate is there.
func approved(reason string) OmegaMatcher {
	return And(
		HaveField("Status.Conditions", ConsistOf(And(HaveField("Type", certificatesv1.CertificateApproved), HaveField("Reason", reason)))),
		HaveField("Status.Certificate", Not(BeEmpty())),
	)
}

// expectApprovedByUs checks that our controller approved the one client certificate that the node joined with, asked
// for with a token of our group, which kubeadm's auto-approval does not know. It returns the request.
func expectApprovedByUs(ctx context.Context, node string) certificatesv1.CertificateSigningRequest {
	GinkgoHelper()
	bootstrap := lo.Filter(clientRequests(ctx, node), func(r certificatesv1.CertificateSigningRequest, _ int) bool {
		return strings.HasPrefix(r.Spec.Username, "system:bootstrap:")
	})
	Expect(bootstrap).To(ConsistOf(And(
		HaveField("Spec.Groups", And(ContainElement(token.Group), Not(ContainElement(token.KubeadmGroup)))), approved(ourReason),
	)))
	return bootstrap[0]
}

func count(requests []certificatesv1.CertificateSigningRequest) int { return len(requests) }

// clientRequests are those for the kubelet of a node to be a client.
func clientRequests(ctx context.Context, node string) []certificatesv1.CertificateSigningRequest {
	return requests(ctx, certificatesv1.KubeAPIServerClientKubeletSignerName, node)
}

// servingRequests are those for the kubelet of a node to be a server.
func servingRequests(ctx context.Context, node string) []certificatesv1.CertificateSigningRequest {
	return requests(ctx, certificatesv1.KubeletServingSignerName, node)
}

func requests(ctx context.Context, signer, node string) []certificatesv1.CertificateSigningRequest {
	GinkgoHelper()
	var all certificatesv1.CertificateSigningRequestList
	Expect(run().env.Admin.List(ctx, &all)).To(Succeed())
	return lo.Filter(all.Items, func(r certificatesv1.CertificateSigningRequest, _ int) bool {
		block, _ := pem.Decode(r.Spec.Request)
		Expect(block).NotTo(BeNil())
		request, err := x509.ParseCertificateRequest(block.Bytes)
		Expect(err).NotTo(HaveOccurred())
		return r.Spec.SignerName == signer && request.Subject.CommonName == "system:node:"+node
	})
}

// notAfter is when the certificate of a request ends.
func notAfter(r certificatesv1.CertificateSigningRequest) time.Time {
	GinkgoHelper()
	block, _ := pem.Decode(r.Status.Certificate)
	Expect(block).NotTo(BeNil())
	certificate, err := x509.ParseCertificate(block.Bytes)
	Expect(err).NotTo(HaveOccurred())
	return certificate.NotAfter
}
