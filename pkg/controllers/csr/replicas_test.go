package csr

import (
	"context"
	"sync/atomic"
	"testing"
	"time"

	. "github.com/onsi/gomega"
	certificatesv1 "k8s.io/api/certificates/v1"
	"k8s.io/client-go/kubernetes/scheme"
	"k8s.io/client-go/rest"
	"k8s.io/utils/clock"
	"k8s.io/utils/ptr"
	controllerruntime "sigs.k8s.io/controller-runtime"
	"sigs.k8s.io/controller-runtime/pkg/client"
	"sigs.k8s.io/controller-runtime/pkg/config"
	"sigs.k8s.io/controller-runtime/pkg/manager"
	"sigs.k8s.io/controller-runtime/pkg/metrics/server"
	"sigs.k8s.io/karpenter/pkg/events"

	"github.com/karpenter-kubeadm/karpenter-provider-aws/pkg/instance"
	"github.com/karpenter-kubeadm/karpenter-provider-aws/pkg/providers/token"
)

// replica is one of several controllers. It counts how often its approver asks for a token,
// which it does for each request that it judges.
type replica struct {
	manager manager.Manager
	judged  atomic.Int32
	tokens
}

func (r *replica) Epoch(ctx context.Context, id string) (token.Epoch, bool, error) {
	r.judged.Add(1)
	return r.tokens.Epoch(ctx, id)
}

// unheard drops events.
type unheard struct{}

func (unheard) Publish(...events.Event) {}

// startReplica starts a controller that wants to lead, until stop is called.
func (h *harness) startReplica(t *testing.T) (r *replica, stop func()) {
	t.Helper()
	r = &replica{tokens: tokens{"abcdef": {ID: "abcdef", Created: time.Now().Add(-time.Hour), Expires: time.Now().Add(time.Hour)}}}
	var err error
	r.manager, err = controllerruntime.NewManager(rest.CopyConfig(h.config), controllerruntime.Options{
		Scheme: scheme.Scheme, Metrics: server.Options{BindAddress: "0"}, HealthProbeBindAddress: "0",
		Controller:     config.Controller{SkipNameValidation: ptr.To(true)},
		LeaderElection: true, LeaderElectionID: "replicas", LeaderElectionNamespace: "default", LeaderElectionReleaseOnCancel: true,
		LeaseDuration: ptr.To(6 * time.Second), RenewDeadline: ptr.To(4 * time.Second), RetryPeriod: ptr.To(500 * time.Millisecond),
	})
	h.g.Expect(err).NotTo(HaveOccurred())
	approver := New(r.manager.GetClient(), unheard{}, Options{Inventory: h.ec2, Tokens: r, Region: "ap-northeast-2", Clock: clock.RealClock{}})
	h.g.Expect(approver.Register(t.Context(), r.manager)).To(Succeed())
	ctx, cancel := context.WithCancel(context.WithoutCancel(t.Context()))
	done := make(chan error, 1)
	go func() { done <- r.manager.Start(ctx) }()
	var stopped bool
	stop = func() {
		cancel()
		if !stopped {
			stopped = true
			NewWithT(t).Eventually(done).WithTimeout(time.Minute).Should(Receive(BeNil()))
		}
	}
	t.Cleanup(stop)
	return r, stop
}

// TestOnlyTheLeaderApproves has two replicas. The one that waits judges nothing, and takes
// over when the leader ends; what was asked for meanwhile is not lost.
func TestOnlyTheLeaderApproves(t *testing.T) {
	h := start(t)
	g, ctx := h.g, t.Context()
	first := running(func(i *instance.Instance) { i.Launched = time.Now() })
	second := running(func(i *instance.Instance) {
		i.ID, i.Launched, i.PrivateIP = "i-0b", time.Now(), i.PrivateIP.Next()
	})
	h.ec2[first.ID], h.ec2[second.ID] = first, second
	h.claim(ctx, "first", first)
	h.claim(ctx, "second", second)

	leader, stop := h.startReplica(t)
	g.Eventually(leader.manager.Elected()).WithTimeout(time.Minute).Should(BeClosed())
	waiting, _ := h.startReplica(t)

	expectApproved := func(object *certificatesv1.CertificateSigningRequest) {
		g.Eventually(func() string {
			g.Expect(h.kube.Get(ctx, client.ObjectKeyFromObject(object), object)).To(Succeed())
			decided, _ := conditionOf(object)
			return decided
		}).WithTimeout(time.Minute).Should(Equal(string(certificatesv1.CertificateApproved)))
	}
	const signer = certificatesv1.KubeAPIServerClientKubeletSignerName
	expectApproved(h.create(ctx, bearer("abcdef"), signer, nodeNamed(first.NodeNames("ap-northeast-2")[0])))
	g.Expect(leader.judged.Load()).To(BeNumerically(">", 0))
	g.Expect(waiting.judged.Load()).To(BeZero())
	g.Expect(waiting.manager.Elected()).NotTo(BeClosed())

	stop()
	byFirst := leader.judged.Load()
	expectApproved(h.create(ctx, bearer("abcdef"), signer, nodeNamed(second.NodeNames("ap-northeast-2")[0])))
	g.Expect(waiting.judged.Load()).To(BeNumerically(">", 0))
	g.Expect(leader.judged.Load()).To(Equal(byFirst))
}
