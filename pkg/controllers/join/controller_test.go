package join

import (
	"context"
	"crypto/ecdsa"
	"crypto/elliptic"
	"crypto/rand"
	"crypto/x509"
	"crypto/x509/pkix"
	"encoding/pem"
	"testing"
	"time"

	. "github.com/onsi/gomega"
	certificatesv1 "k8s.io/api/certificates/v1"
	corev1 "k8s.io/api/core/v1"
	apierrors "k8s.io/apimachinery/pkg/api/errors"
	metav1 "k8s.io/apimachinery/pkg/apis/meta/v1"
	"k8s.io/apimachinery/pkg/types"
	"k8s.io/client-go/kubernetes/scheme"
	"k8s.io/client-go/rest"
	clocktesting "k8s.io/utils/clock/testing"
	"sigs.k8s.io/controller-runtime/pkg/client"
	karpv1 "sigs.k8s.io/karpenter/pkg/apis/v1"
	"sigs.k8s.io/karpenter/pkg/events"

	"github.com/karpenter-kubeadm/karpenter-provider-aws/pkg/cluster"
	"github.com/karpenter-kubeadm/karpenter-provider-aws/pkg/instance"
	"github.com/karpenter-kubeadm/karpenter-provider-aws/test/env/apiserver"
)

// ec2 is an inventory that shows what is in it.
type ec2 map[instance.ID]instance.Instance

func (e ec2) Get(_ context.Context, id instance.ID) (instance.Instance, error) {
	i, ok := e[id]
	if !ok {
		return i, instance.ErrNotFound
	}
	return i, nil
}

func (e ec2) Console(_ context.Context, id instance.ID) (string, error) {
	if _, ok := e[id]; !ok {
		return "", instance.ErrNotFound
	}
	return "[ 9.1] cloud-init[7]: karpenter-join phase=runtime result=ok\n", nil
}

type clusters struct{}

func (clusters) Probe(context.Context) error { return nil }

func (clusters) Get(context.Context) (cluster.Cluster, error) {
	return cluster.Cluster{Endpoint: "api.example.com:6443"}, nil
}

// told keeps the reasons of events.
type told struct{ reasons []string }

func (t *told) Publish(published ...events.Event) {
	for _, e := range published {
		t.reasons = append(t.reasons, e.Reason)
	}
}

func TestController(t *testing.T) {
	g, ctx := NewWithT(t), t.Context()
	config := apiserver.Start(t)
	kube, err := client.New(config, client.Options{Scheme: scheme.Scheme})
	g.Expect(err).NotTo(HaveOccurred())
	now := time.Now().Truncate(time.Second)
	clock, told, shown := clocktesting.NewFakeClock(now), &told{}, ec2{"i-0abc": running()}
	held := map[types.UID]string{}
	c := New(kube, told, Options{
		Inventory: shown, Clusters: clusters{}, Region: "ap-northeast-2", Clock: clock,
		Held: func(uid types.UID) (string, bool) { why, ok := held[uid]; return why, ok },
	})
	claim := launched(now)
	status := claim.Status
	g.Expect(kube.Create(ctx, claim)).To(Succeed())
	claim.Status = status
	claim.StatusConditions().SetTrue(karpv1.ConditionTypeLaunched)
	g.Expect(kube.Status().Update(ctx, claim)).To(Succeed())

	look := func() time.Duration {
		g.Expect(kube.Get(ctx, client.ObjectKeyFromObject(claim), claim)).To(Succeed())
		result, err := c.Reconcile(ctx, claim)
		g.Expect(err).NotTo(HaveOccurred())
		g.Expect(kube.Get(ctx, client.ObjectKeyFromObject(claim), claim)).To(Succeed())
		return result.RequeueAfter
	}

	// In the first minute nothing is said.
	g.Expect(look()).To(Equal(period))
	g.Expect(claim.StatusConditions().Get(ConditionTypeJoined)).To(BeNil())

	clock.Step(late)
	g.Expect(look()).To(Equal(period))
	g.Expect(claim.StatusConditions().Get(ConditionTypeJoined).Reason).To(Equal("NoCertificateRequest"))
	g.Expect(claim.StatusConditions().Get(ConditionTypeJoined).Message).To(ContainSubstring("its console says: karpenter-join phase=runtime result=ok"))
	g.Expect(claim.StatusConditions().IsTrue(karpv1.ConditionTypeLaunched)).To(BeTrue(), "core's conditions stay")
	g.Expect(claim.StatusConditions().Root().IsTrue()).To(BeFalse())
	g.Expect(told.reasons).To(Equal([]string{"NodeJoinOverdue"}))

	// It asks for its certificate, and that is held.
	object := ask(ctx, g, config)
	held[object.UID] = "EC2 is slow"
	look()
	g.Expect(claim.StatusConditions().Get(ConditionTypeJoined).Message).To(ContainSubstring("is held: EC2 is slow"))

	// It has registered, and waits for a cloud controller manager.
	node := &corev1.Node{ObjectMeta: metav1.ObjectMeta{Name: nodeName}, Spec: corev1.NodeSpec{Taints: []corev1.Taint{{Key: uninitialized, Effect: corev1.TaintEffectNoSchedule}}}}
	g.Expect(kube.Create(ctx, node)).To(Succeed())
	claim.Status.NodeName = nodeName
	claim.StatusConditions().SetTrue(karpv1.ConditionTypeRegistered)
	g.Expect(kube.Status().Update(ctx, claim)).To(Succeed())
	g.Expect(look()).To(Equal(period))
	g.Expect(claim.StatusConditions().Get(ConditionTypeJoined).Reason).To(Equal("CloudControllerManagerMissing"))

	// One came late: nothing that we know of is missing.
	g.Expect(kube.Get(ctx, client.ObjectKeyFromObject(node), node)).To(Succeed())
	node.Spec.Taints = nil
	g.Expect(kube.Update(ctx, node)).To(Succeed())
	g.Expect(look()).To(Equal(period))
	g.Expect(claim.StatusConditions().Get(ConditionTypeJoined)).To(BeNil())

	// It is of use: there is nothing left to say.
	claim.StatusConditions().SetTrue(karpv1.ConditionTypeInitialized)
	g.Expect(kube.Status().Update(ctx, claim)).To(Succeed())
	g.Expect(look()).To(BeZero())
	g.Expect(claim.StatusConditions().Get(ConditionTypeJoined)).To(BeNil())
	g.Expect(concerns(claim)).To(BeFalse())
}

// ask makes the certificate request of a kubelet that joins.
func ask(ctx context.Context, g Gomega, config *rest.Config) *certificatesv1.CertificateSigningRequest {
	key, err := ecdsa.GenerateKey(elliptic.P256(), rand.Reader)
	g.Expect(err).NotTo(HaveOccurred())
	der, err := x509.CreateCertificateRequest(rand.Reader, &x509.CertificateRequest{
		Subject: pkix.Name{CommonName: "system:node:" + nodeName, Organization: []string{"system:nodes"}},
	}, key)
	g.Expect(err).NotTo(HaveOccurred())
	config = rest.CopyConfig(config)
	config.Impersonate = rest.ImpersonationConfig{UserName: "system:bootstrap:abcdef", Groups: []string{"system:masters"}}
	as, err := client.New(config, client.Options{Scheme: scheme.Scheme})
	g.Expect(err).NotTo(HaveOccurred())
	object := &certificatesv1.CertificateSigningRequest{
		ObjectMeta: metav1.ObjectMeta{GenerateName: "csr-"},
		Spec: certificatesv1.CertificateSigningRequestSpec{
			Request:    pem.EncodeToMemory(&pem.Block{Type: "CERTIFICATE REQUEST", Bytes: der}),
			SignerName: certificatesv1.KubeAPIServerClientKubeletSignerName,
			Usages:     []certificatesv1.KeyUsage{certificatesv1.UsageDigitalSignature, certificatesv1.UsageClientAuth},
		},
	}
	g.Expect(as.Create(ctx, object)).To(Succeed())
	return object
}

func TestADeadInstanceTakesItsClaimAlong(t *testing.T) {
	g, ctx := NewWithT(t), t.Context()
	kube, err := client.New(apiserver.Start(t), client.Options{Scheme: scheme.Scheme})
	g.Expect(err).NotTo(HaveOccurred())
	now := time.Now().Truncate(time.Second)
	clock, told, shown := clocktesting.NewFakeClock(now), &told{}, ec2{}
	c := New(kube, told, Options{Inventory: shown, Clusters: clusters{}, Region: "ap-northeast-2", Clock: clock})
	launch := func() *karpv1.NodeClaim {
		claim := launched(now)
		claim.Name = ""
		claim.GenerateName = "claim-"
		status := claim.Status
		g.Expect(kube.Create(ctx, claim)).To(Succeed())
		claim.Status = status
		g.Expect(kube.Status().Update(ctx, claim)).To(Succeed())
		return claim
	}
	gone := func(claim *karpv1.NodeClaim) bool {
		return apierrors.IsNotFound(kube.Get(ctx, client.ObjectKeyFromObject(claim), claim))
	}

	// EC2 may not show an instance that was just launched.
	claim := launch()
	g.Expect(c.Reconcile(ctx, claim)).Error().NotTo(HaveOccurred())
	g.Expect(gone(claim)).To(BeFalse())

	// After a minute it has ended.
	clock.Step(visibleWithin)
	g.Expect(c.Reconcile(ctx, claim)).Error().NotTo(HaveOccurred())
	g.Expect(gone(claim)).To(BeTrue())
	g.Expect(told.reasons).To(Equal([]string{"InstanceEndedBeforeJoin"}))

	// One that EC2 says is ending goes at once.
	clock.SetTime(now)
	ending := running()
	ending.State = instance.StateShuttingDown
	shown["i-0abc"] = ending
	claim = launch()
	g.Expect(c.Reconcile(ctx, claim)).Error().NotTo(HaveOccurred())
	g.Expect(gone(claim)).To(BeTrue())
}
