package token

import (
	"testing"
	"time"

	. "github.com/onsi/gomega"
	corev1 "k8s.io/api/core/v1"
	rbacv1 "k8s.io/api/rbac/v1"
	apierrors "k8s.io/apimachinery/pkg/api/errors"
	metav1 "k8s.io/apimachinery/pkg/apis/meta/v1"
	"k8s.io/client-go/kubernetes"
	"k8s.io/client-go/rest"
	clocktesting "k8s.io/utils/clock/testing"

	"github.com/karpenter-kubeadm/karpenter-provider-aws/test/env/apiserver"
)

const home = "karpenter"

// bootstrapping starts an API server that takes bootstrap tokens, and returns how an
// administrator and how the controller reach it. The controller has the rights of its chart.
func bootstrapping(t *testing.T) (admin kubernetes.Interface, controller *rest.Config) {
	t.Helper()
	g := NewWithT(t)
	config := apiserver.Start(t, apiserver.Arg{Name: "enable-bootstrap-token-auth", Value: "true"})
	admin, err := kubernetes.NewForConfig(config)
	g.Expect(err).NotTo(HaveOccurred())
	_, err = admin.CoreV1().Namespaces().Create(t.Context(), &corev1.Namespace{ObjectMeta: metav1.ObjectMeta{Name: home}}, metav1.CreateOptions{})
	g.Expect(err).NotTo(HaveOccurred())
	allow(t, admin, "kube-system", rbacv1.PolicyRule{APIGroups: []string{""}, Resources: []string{"secrets"}, Verbs: []string{"create", "delete"}})
	allow(t, admin, "kube-public", rbacv1.PolicyRule{APIGroups: []string{""}, Resources: []string{"configmaps"}, ResourceNames: []string{"cluster-info"}, Verbs: []string{"get"}})
	allow(t, admin, home,
		rbacv1.PolicyRule{APIGroups: []string{""}, Resources: []string{"secrets"}, ResourceNames: []string{StateSecret}, Verbs: []string{"get", "update"}},
		rbacv1.PolicyRule{APIGroups: []string{""}, Resources: []string{"secrets"}, Verbs: []string{"create"}})
	_, err = admin.RbacV1().ClusterRoles().Create(t.Context(), &rbacv1.ClusterRole{
		ObjectMeta: metav1.ObjectMeta{Name: "controller"},
		Rules:      []rbacv1.PolicyRule{{APIGroups: []string{"authorization.k8s.io"}, Resources: []string{"subjectaccessreviews"}, Verbs: []string{"create"}}},
	}, metav1.CreateOptions{})
	g.Expect(err).NotTo(HaveOccurred())
	bind(t, admin, "controller", rbacv1.Subject{APIGroup: rbacv1.GroupName, Kind: "User", Name: "controller"})

	controller = rest.CopyConfig(config)
	controller.Impersonate = rest.ImpersonationConfig{UserName: "controller", Groups: []string{"system:authenticated"}}
	return admin, controller
}

func allow(t *testing.T, admin kubernetes.Interface, namespace string, rules ...rbacv1.PolicyRule) {
	t.Helper()
	g := NewWithT(t)
	_, err := admin.RbacV1().Roles(namespace).Create(t.Context(), &rbacv1.Role{ObjectMeta: metav1.ObjectMeta{Name: "controller"}, Rules: rules}, metav1.CreateOptions{})
	g.Expect(err).NotTo(HaveOccurred())
	_, err = admin.RbacV1().RoleBindings(namespace).Create(t.Context(), &rbacv1.RoleBinding{
		ObjectMeta: metav1.ObjectMeta{Name: "controller"},
		RoleRef:    rbacv1.RoleRef{APIGroup: rbacv1.GroupName, Kind: "Role", Name: "controller"},
		Subjects:   []rbacv1.Subject{{APIGroup: rbacv1.GroupName, Kind: "User", Name: "controller"}},
	}, metav1.CreateOptions{})
	g.Expect(err).NotTo(HaveOccurred())
}

func bind(t *testing.T, admin kubernetes.Interface, clusterRole string, subject rbacv1.Subject) {
	t.Helper()
	_, err := admin.RbacV1().ClusterRoleBindings().Create(t.Context(), &rbacv1.ClusterRoleBinding{
		ObjectMeta: metav1.ObjectMeta{GenerateName: "test-"},
		RoleRef:    rbacv1.RoleRef{APIGroup: rbacv1.GroupName, Kind: "ClusterRole", Name: clusterRole},
		Subjects:   []rbacv1.Subject{subject},
	}, metav1.CreateOptions{})
	NewWithT(t).Expect(err).NotTo(HaveOccurred())
}

func provider(t *testing.T, config *rest.Config, clock *clocktesting.FakeClock) *Provider {
	t.Helper()
	p, err := New(config, Options{Namespace: home}, clock)
	NewWithT(t).Expect(err).NotTo(HaveOccurred())
	return p
}

// untilDead waits until the API server has seen that a token's Secret was deleted or changed.
func untilDead(t *testing.T, p *Provider, id string) {
	t.Helper()
	NewWithT(t).Eventually(func() (liveness, error) {
		s, err := p.readState(t.Context())
		if err != nil {
			return dead, err
		}
		epoch, _ := s.find(id)
		return p.use(t.Context(), epoch)
	}).WithTimeout(20 * time.Second).ShouldNot(Equal(alive))
}

func TestProvider(t *testing.T) {
	t.Parallel() // much of it is waiting for what API servers remember
	admin, config := bootstrapping(t)
	// The API server expires tokens by the real clock.
	clock := clocktesting.NewFakeClock(time.Now())
	p := provider(t, config, clock)
	// RBAC of a new server takes effect when its informers have seen it.
	NewWithT(t).Eventually(func() error { _, err := p.Current(t.Context()); return err }).WithTimeout(20 * time.Second).Should(Succeed())
	first, err := p.Current(t.Context())
	NewWithT(t).Expect(err).NotTo(HaveOccurred())
	secrets := admin.CoreV1().Secrets("kube-system")
	name := "bootstrap-token-" + first.ID

	t.Run("the Secret is a bootstrap token of our group", func(t *testing.T) {
		g := NewWithT(t)
		secret, err := secrets.Get(t.Context(), name, metav1.GetOptions{})
		g.Expect(err).NotTo(HaveOccurred())
		g.Expect(string(secret.Type)).To(Equal("bootstrap.kubernetes.io/token"))
		g.Expect(secret.Data).To(And(
			HaveKeyWithValue("auth-extra-groups", []byte(Group)),
			HaveKeyWithValue("usage-bootstrap-authentication", []byte("true")),
			HaveKeyWithValue("usage-bootstrap-signing", []byte("true")),
			HaveKeyWithValue("token-secret", []byte(first.Secret)),
			HaveKeyWithValue("expiration", []byte(first.Expires.Format(time.RFC3339))),
		))
		g.Expect(first.Expires).To(BeTemporally("~", clock.Now().Add(DefaultTTL), time.Second))
	})

	t.Run("another replica and a restart have the same token", func(t *testing.T) {
		g := NewWithT(t)
		g.Expect(provider(t, config, clock).Current(t.Context())).To(Equal(first))
	})

	t.Run("a Secret that was deleted is made again before the next launch", func(t *testing.T) {
		g := NewWithT(t)
		g.Expect(secrets.Delete(t.Context(), name, metav1.DeleteOptions{})).To(Succeed())
		untilDead(t, p, first.ID)
		clock.Step(believe)
		g.Expect(p.Current(t.Context())).To(Equal(first), "those that were launched with it still join")
		g.Expect(secrets.Get(t.Context(), name, metav1.GetOptions{})).Error().NotTo(HaveOccurred())
	})

	t.Run("a Secret that was changed is made again", func(t *testing.T) {
		g := NewWithT(t)
		secret, err := secrets.Get(t.Context(), name, metav1.GetOptions{})
		g.Expect(err).NotTo(HaveOccurred())
		secret.Data["auth-extra-groups"] = []byte(KubeadmGroup)
		_, err = secrets.Update(t.Context(), secret, metav1.UpdateOptions{})
		g.Expect(err).NotTo(HaveOccurred())
		untilDead(t, p, first.ID)

		g.Expect(p.Maintain(t.Context())).To(Succeed())
		secret, err = secrets.Get(t.Context(), name, metav1.GetOptions{})
		g.Expect(err).NotTo(HaveOccurred())
		g.Expect(secret.Data).To(HaveKeyWithValue("auth-extra-groups", []byte(Group)))
	})

	t.Run("a signature is waited for", func(t *testing.T) {
		g := NewWithT(t)
		info, err := admin.CoreV1().ConfigMaps("kube-public").Create(t.Context(), &corev1.ConfigMap{ObjectMeta: metav1.ObjectMeta{Name: "cluster-info"}}, metav1.CreateOptions{})
		g.Expect(err).NotTo(HaveOccurred())
		g.Expect(p.Signed(t.Context(), first.ID)).To(BeFalse())
		info.Data = map[string]string{"jws-kubeconfig-" + first.ID: "a..b"}
		_, err = admin.CoreV1().ConfigMaps("kube-public").Update(t.Context(), info, metav1.UpdateOptions{})
		g.Expect(err).NotTo(HaveOccurred())
		g.Expect(p.Signed(t.Context(), first.ID)).To(BeTrue())
	})

	t.Run("approval without us is seen", func(t *testing.T) {
		g := NewWithT(t)
		g.Expect(p.Warnings(t.Context())).To(BeEmpty())
		bind(t, admin, "system:certificates.k8s.io:certificatesigningrequests:nodeclient",
			rbacv1.Subject{APIGroup: rbacv1.GroupName, Kind: "Group", Name: "system:bootstrappers"})
		g.Eventually(p.Warnings).WithArguments(t.Context()).WithTimeout(20 * time.Second).Should(ConsistOf(HaveField("Reason", ReasonApprovedUnasked)))
	})

	t.Run("tokens rotate, overlap and are revoked", func(t *testing.T) {
		g := NewWithT(t)
		clock.Step(DefaultTTL/2 + time.Second)
		g.Expect(p.Maintain(t.Context())).To(Succeed())
		second, err := p.Current(t.Context())
		g.Expect(err).NotTo(HaveOccurred())
		g.Expect(second.ID).NotTo(Equal(first.ID))
		g.Expect(secrets.Get(t.Context(), name, metav1.GetOptions{})).Error().NotTo(HaveOccurred())

		g.Expect(secrets.Delete(t.Context(), name, metav1.DeleteOptions{})).To(Succeed())
		untilDead(t, p, first.ID)
		g.Expect(p.Maintain(t.Context())).To(Succeed())
		g.Expect(secrets.Get(t.Context(), name, metav1.GetOptions{})).Error().NotTo(HaveOccurred(), "a retired token that lives is kept alive too")

		g.Expect(p.Revoke(t.Context(), first.ID)).To(Succeed())
		g.Expect(p.Revoke(t.Context(), first.ID)).To(Succeed(), "twice is once")
		_, err = secrets.Get(t.Context(), name, metav1.GetOptions{})
		g.Expect(apierrors.IsNotFound(err)).To(BeTrue())
		g.Expect(p.Maintain(t.Context())).To(Succeed())
		_, err = secrets.Get(t.Context(), name, metav1.GetOptions{})
		g.Expect(apierrors.IsNotFound(err)).To(BeTrue(), "what was revoked is not made again")

		epoch, ours, err := provider(t, config, clock).Epoch(t.Context(), first.ID)
		g.Expect(err).NotTo(HaveOccurred())
		g.Expect(ours).To(BeTrue(), "its certificate requests are still ours to judge")
		g.Expect(epoch.Revoked.IsZero()).To(BeFalse())
		_, ours, err = p.Epoch(t.Context(), "zzzzzz")
		g.Expect(err).NotTo(HaveOccurred())
		g.Expect(ours).To(BeFalse())
	})

	t.Run("replicas that rotate at the same time agree", func(t *testing.T) {
		g := NewWithT(t)
		clock.Step(DefaultTTL / 2)
		ids := make(chan string, 8)
		for range cap(ids) {
			go func() {
				token, err := provider(t, config, clock).Current(t.Context())
				if err != nil {
					t.Error(err)
				}
				ids <- token.ID
			}()
		}
		one := <-ids
		for range cap(ids) - 1 {
			g.Expect(<-ids).To(Equal(one))
		}
	})
}

func TestNoTokenWithoutTheAuthenticator(t *testing.T) {
	t.Parallel()
	g := NewWithT(t)
	config := apiserver.Start(t)
	p, err := New(config, Options{Namespace: "default"}, clocktesting.NewFakeClock(time.Now()))
	g.Expect(err).NotTo(HaveOccurred())
	_, err = p.Current(t.Context())
	g.Expect(err).To(MatchError(errDead))
	g.Expect(err).To(MatchError(ContainSubstring("--enable-bootstrap-token-auth")))
}

func TestOptions(t *testing.T) {
	g := NewWithT(t)
	_, err := New(&rest.Config{}, Options{Namespace: home, TTL: MinTTL - 1}, nil)
	g.Expect(err).To(MatchError(ContainSubstring("at least 1h0m0s")))
	_, err = New(&rest.Config{}, Options{}, nil)
	g.Expect(err).To(MatchError(ContainSubstring(StateSecret)))
}
