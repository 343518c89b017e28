package join_test

import (
	"net"
	"net/netip"
	"sync/atomic"
	"testing"
	"time"

	"github.com/awslabs/operatorpkg/status"
	. "github.com/onsi/gomega"
	certificatesv1 "k8s.io/api/certificates/v1"
	corev1 "k8s.io/api/core/v1"
	rbacv1 "k8s.io/api/rbac/v1"
	apierrors "k8s.io/apimachinery/pkg/api/errors"
	metav1 "k8s.io/apimachinery/pkg/apis/meta/v1"
	"k8s.io/utils/clock"
	clocktesting "k8s.io/utils/clock/testing"
	"sigs.k8s.io/controller-runtime/pkg/client"
	"sigs.k8s.io/controller-runtime/pkg/log"
	karpv1 "sigs.k8s.io/karpenter/pkg/apis/v1"

	"github.com/karpenter-kubeadm/karpenter-provider-aws/pkg/instance"
	"github.com/karpenter-kubeadm/karpenter-provider-aws/pkg/join"
	"github.com/karpenter-kubeadm/karpenter-provider-aws/pkg/providers/token"
)

// approvedByUs is the reason of our own approvals; kubeadm's controllers have others.
const approvedByUs = "InstanceOfNodeClaim"

// siege is a world with a token of an epoch that ended an hour ago but still lives, and the
// current one, which an attacker has.
type siege struct {
	*world
	stolen, old join.Token
	last        atomic.Int32 // address that was given to an instance
}

func newSiege(t *testing.T) *siege {
	t.Helper()
	g := NewWithT(t)
	s := &siege{world: newWorld(t)}
	ctx := log.IntoContext(t.Context(), s.journal.logger())
	past := clocktesting.NewFakeClock(time.Now().Add(-token.DefaultTTL/2 - 2*time.Hour))
	earlier, err := token.New(s.config, token.Options{Namespace: home}, past)
	g.Expect(err).NotTo(HaveOccurred())
	s.old, err = earlier.Current(ctx)
	g.Expect(err).NotTo(HaveOccurred())
	past.SetTime(time.Now().Add(-time.Hour))
	s.stolen, err = earlier.Current(ctx)
	g.Expect(err).NotTo(HaveOccurred())
	g.Expect(s.stolen.ID).NotTo(Equal(s.old.ID))
	g.Expect(s.tokens.Current(t.Context())).To(Equal(s.stolen))
	return s
}

// waiting is an instance that was launched now and has not joined; edit, if not nil, changes
// the instance and its claim before anybody sees them.
func (s *siege) waiting(t *testing.T, edit func(*instance.Instance, *karpv1.NodeClaim)) instance.Instance {
	t.Helper()
	g := NewWithT(t)
	n := byte(s.last.Add(1))
	i := s.launch(t, instance.ID("i-0a"+string('a'+rune(n/10))+string('0'+rune(n%10))), netip.AddrFrom4([4]byte{10, 0, 9, n}).String())
	if edit == nil {
		return i
	}
	var claim karpv1.NodeClaim
	g.Expect(s.admin.Get(t.Context(), client.ObjectKey{Name: "claim-" + string(i.ID)}, &claim)).To(Succeed())
	edit(&i, &claim)
	s.ec2.show(i)
	g.Expect(s.admin.Status().Update(t.Context(), &claim)).To(Succeed())
	return i
}

// launchedBefore moves a claim's launch into the past.
func launchedBefore(age time.Duration) func(*instance.Instance, *karpv1.NodeClaim) {
	return func(_ *instance.Instance, claim *karpv1.NodeClaim) {
		for n := range claim.Status.Conditions {
			if claim.Status.Conditions[n].Type == karpv1.ConditionTypeLaunched {
				claim.Status.Conditions[n].LastTransitionTime = metav1.NewTime(time.Now().Add(-age))
			}
		}
	}
}

// TestAttacks has somebody with a live token of ours, or with less, try to become what he is
// not. Beside each attack stands its twin, which differs in the attacked property alone and
// gets what it asks for: so that it is this property which is checked.
func TestAttacks(t *testing.T) {
	s := newSiege(t)
	t.Run("with a stolen token", func(t *testing.T) { s.stolenToken(t) })
	t.Run("(g) with a token that was revoked", func(t *testing.T) { s.revoked(t) })
	t.Run("with what is not a kubelet's request", func(t *testing.T) { s.oddRequests(t) })
	t.Run("with other credentials", func(t *testing.T) { s.otherCredentials(t) })
	t.Run("with the controller's account", func(t *testing.T) { s.controllersAccount(t) })
	t.Run("what is not ours stays untouched", func(t *testing.T) { s.notOurs(t) })
	t.Run("the one race that is left", func(t *testing.T) { s.siblingRace(t) })
	t.Run("with what a pod finds on a node", func(t *testing.T) { s.podOnNode(t) })
	t.Run("with a token of an instance's own", func(t *testing.T) { s.ownTokens(t) })
	t.Run("what a join leaves behind", func(t *testing.T) { s.leavings(t) })
}

// stolenToken attacks names, times and epochs.
func (s *siege) stolenToken(t *testing.T) {
	t.Helper()
	for name, attack := range map[string]struct {
		reason string
		// token, node: what the attacker has and asks for. The twin, with the same token but
		// for the last case, asks as the waiting instance that twin makes.
		token join.Token
		node  func(t *testing.T) string
		twin  func(t *testing.T) string
	}{
		"(a) for a control-plane node's name": {"NoNodeClaim", s.stolen, s.controlPlaneNode, s.nameOfWaiting(nil)},
		"(b) for a registered node's name": {"AlreadyRegistered", s.stolen, s.nameOfWaiting(func(i *instance.Instance, claim *karpv1.NodeClaim) {
			claim.Status.NodeName = nodeOf(*i)
			claim.StatusConditions(status.WithClock(clock.RealClock{})).SetTrue(karpv1.ConditionTypeRegistered)
		}), s.nameOfWaiting(nil)},
		"(c) for a name that is nobody's": {"NoNodeClaim", s.stolen, func(*testing.T) string { return "ip-10-9-9-9." + region + ".compute.internal" }, s.nameOfWaiting(nil)},
		"(e) after the registration window": {
			"OutsideWindow", s.stolen,
			s.nameOfWaiting(launchedBefore(17 * time.Minute)), s.nameOfWaiting(launchedBefore(14 * time.Minute)),
		},
		"(g) with a token of a spent epoch": {"OtherToken", s.old, s.nameOfWaiting(nil), s.nameOfWaiting(func(i *instance.Instance, _ *karpv1.NodeClaim) {
			i.Launched = time.Now().Add(-90 * time.Minute)
		})},
		"for a node whose instance is gone": {"InstanceGone", s.stolen, s.nameOfWaiting(func(i *instance.Instance, _ *karpv1.NodeClaim) {
			i.State = instance.StateTerminated
		}), s.nameOfWaiting(nil)},
	} {
		t.Run(name, func(t *testing.T) {
			t.Parallel() // a name without a claim is held for half a minute
			thief := s.holder(t, attack.token)
			attacked := ask(t, thief, clientWish(attack.node(t)))
			NewWithT(t).Expect(s.expectApproved(t, ask(t, thief, clientWish(attack.twin(t))))).To(Equal(approvedByUs))
			s.expectDenied(t, attacked, attack.reason)
		})
	}
	t.Run("(d) for the right name a second time", func(t *testing.T) {
		thief, node := s.holder(t, s.stolen), nodeOf(s.waiting(t, nil))
		first := ask(t, thief, clientWish(node))
		NewWithT(t).Expect(s.expectApproved(t, first)).To(Equal(approvedByUs))
		s.expectDenied(t, ask(t, thief, clientWish(node)), "AlreadyApproved")
	})
}

func (s *siege) nameOfWaiting(edit func(*instance.Instance, *karpv1.NodeClaim)) func(*testing.T) string {
	return func(t *testing.T) string { t.Helper(); return nodeOf(s.waiting(t, edit)) }
}

func (s *siege) controlPlaneNode(t *testing.T) string {
	t.Helper()
	node := &corev1.Node{ObjectMeta: metav1.ObjectMeta{Name: "control-plane-1", Labels: map[string]string{"node-role.kubernetes.io/control-plane": ""}}}
	NewWithT(t).Expect(s.admin.Create(t.Context(), node)).To(Succeed())
	return node.Name
}

// revoked asks with a token before and after it is revoked.
func (s *siege) revoked(t *testing.T) {
	t.Helper()
	g := NewWithT(t)
	past := s.waiting(t, func(i *instance.Instance, _ *karpv1.NodeClaim) { i.Launched = time.Now().Add(-90 * time.Minute) })
	thief := s.holder(t, s.old)
	s.expectApproved(t, ask(t, thief, clientWish(nodeOf(past))))
	g.Expect(s.tokens.Revoke(t.Context(), s.old.ID)).To(Succeed())
	g.Eventually(func() bool {
		return apierrors.IsUnauthorized(thief.Create(t.Context(), request(t, clientWish(nodeOf(past)))))
	}, patience, time.Second).Should(BeTrue(), "API servers believe a token for ten seconds")
}

// oddRequests are (f): the right name, and more than a kubelet asks for.
func (s *siege) oddRequests(t *testing.T) {
	t.Helper()
	for name, change := range map[string]func(*wish){
		"another organisation":           func(w *wish) { w.orgs = append(w.orgs, "system:masters") },
		"another organisation alone":     func(w *wish) { w.orgs = []string{"system:masters"} },
		"the usage of a server":          func(w *wish) { w.usages = append(w.usages, certificatesv1.UsageServerAuth) },
		"the usage of an authority":      func(w *wish) { w.usages = append(w.usages, certificatesv1.UsageCertSign) },
		"a host name":                    func(w *wish) { w.dns = []string{"kubernetes.default.svc"} },
		"an address":                     func(w *wish) { w.ips = []net.IP{net.IPv4(10, 96, 0, 1)} },
		"a name that is not of a node":   func(w *wish) { w.subject = "system:kube-controller-manager" },
		"the node's name without prefix": func(w *wish) { w.subject = w.subject[len("system:node:"):] },
	} {
		t.Run("(f) "+name, func(t *testing.T) {
			thief := s.holder(t, s.stolen)
			honest := clientWish(nodeOf(s.waiting(t, nil)))
			odd := honest
			change(&odd)
			s.expectDenied(t, ask(t, thief, odd), "NotOfAKubelet")
			s.expectApproved(t, ask(t, thief, honest))
		})
	}
}

// otherCredentials are (h) and (i): no token, and the certificate of another node.
func (s *siege) otherCredentials(t *testing.T) {
	t.Helper()
	t.Run("(h) by a user who may only create requests", func(t *testing.T) {
		g := NewWithT(t)
		group := []rbacv1.Subject{{APIGroup: rbacv1.GroupName, Kind: "User", Name: "mallory"}}
		g.Expect(s.admin.Create(t.Context(), &rbacv1.ClusterRoleBinding{
			ObjectMeta: metav1.ObjectMeta{Name: "mallory"}, Subjects: group,
			RoleRef: rbacv1.RoleRef{APIGroup: rbacv1.GroupName, Kind: "ClusterRole", Name: "system:node-bootstrapper"},
		})).To(Succeed())
		node := nodeOf(s.waiting(t, nil))
		forged := request(t, clientWish(node))
		forged.Spec.Username, forged.Spec.Groups = "system:bootstrap:"+s.stolen.ID, []string{token.Group}
		mallory := s.user(t, "mallory")
		g.Eventually(func() error { return mallory.Create(t.Context(), forged) }, patience, time.Second).Should(Succeed())
		g.Expect(forged.Spec.Username).To(Equal("mallory"), "who asks is what the API server knows, not what the object says")
		s.expectUntouched(t, forged)
		s.expectApproved(t, ask(t, s.holder(t, s.stolen), clientWish(node)))
		s.expectUntouched(t, forged)
	})
	t.Run("(i) by a joined node for another's serving certificate", func(t *testing.T) {
		mine, other := s.waiting(t, nil), s.waiting(t, nil)
		for _, i := range []instance.Instance{mine, other} {
			node := &corev1.Node{ObjectMeta: metav1.ObjectMeta{Name: nodeOf(i)}, Spec: corev1.NodeSpec{ProviderID: i.ProviderID()}}
			NewWithT(t).Expect(s.admin.Create(t.Context(), node)).To(Succeed())
		}
		node := s.user(t, "system:node:"+nodeOf(mine), "system:nodes")
		s.expectDenied(t, ask(t, node, servingWish(nodeOf(mine), other)), "ForeignNames")
		NewWithT(t).Expect(node.Create(t.Context(), request(t, servingWish(nodeOf(other), other)))).To(
			Satisfy(apierrors.IsForbidden), "the API server lets a node ask in its own name alone")
		NewWithT(t).Expect(s.expectApproved(t, ask(t, node, servingWish(nodeOf(mine), mine)))).To(Equal(approvedByUs))
	})
}
