package token

import (
	"context"
	"os"
	"path/filepath"
	"testing"
	"time"

	. "github.com/onsi/gomega"
	corev1 "k8s.io/api/core/v1"
	rbacv1 "k8s.io/api/rbac/v1"
	metav1 "k8s.io/apimachinery/pkg/apis/meta/v1"
	"k8s.io/client-go/kubernetes"
	clocktesting "k8s.io/utils/clock/testing"
)

// give makes a bootstrap token as a user does; a zero expires is one that never does.
func give(t *testing.T, admin kubernetes.Interface, id, group string, expires time.Time) {
	t.Helper()
	data := map[string]string{"token-id": id, "token-secret": "0123456789abcdef", "usage-bootstrap-authentication": "true", "auth-extra-groups": group}
	if !expires.IsZero() {
		data["expiration"] = expires.UTC().Format(time.RFC3339)
	}
	_, err := admin.CoreV1().Secrets("kube-system").Create(t.Context(), &corev1.Secret{
		ObjectMeta: metav1.ObjectMeta{Name: "bootstrap-token-" + id}, Type: corev1.SecretTypeBootstrapToken, StringData: data,
	}, metav1.CreateOptions{})
	NewWithT(t).Expect(err).NotTo(HaveOccurred())
}

// given is a Source: a file.
type given string

func (g given) Read(context.Context) (string, error) {
	raw, err := os.ReadFile(string(g))
	return string(raw), err
}

func (g given) String() string { return "file " + string(g) }

func TestATokenThatUsersRotate(t *testing.T) {
	t.Parallel()
	admin, config := bootstrapping(t)
	bind(t, admin, "system:node-bootstrapper", rbacv1.Subject{APIGroup: rbacv1.GroupName, Kind: "Group", Name: Group})
	clock, file := clocktesting.NewFakeClock(time.Now()), given(filepath.Join(t.TempDir(), "token"))
	g := NewWithT(t)
	p, err := New(config, Options{Namespace: home, Source: file}, clock)
	g.Expect(err).NotTo(HaveOccurred())
	holds := func(t *testing.T, text string) {
		t.Helper()
		NewWithT(t).Expect(os.WriteFile(string(file), []byte(text), 0o600)).To(Succeed())
		clock.Step(believe)
	}
	now := clock.Now()
	give(t, admin, "aaaaaa", Group, now.Add(time.Hour))
	give(t, admin, "bbbbbb", Group, time.Time{})
	give(t, admin, "cccccc", Group, now.Add(Outlives-2*time.Minute))
	give(t, admin, "dddddd", "system:bootstrappers:nobody", now.Add(time.Hour))
	holds(t, "aaaaaa.0123456789abcdef\n")
	g.Eventually(func() error { _, err := p.Current(t.Context()); return err }).WithTimeout(20 * time.Second).Should(Succeed())

	t.Run("is taken as it is, and nothing is made in kube-system", func(t *testing.T) {
		g := NewWithT(t)
		token, err := p.Current(t.Context())
		g.Expect(err).NotTo(HaveOccurred())
		g.Expect(token.Value()).To(Equal("aaaaaa.0123456789abcdef"))
		g.Expect(p.Maintain(t.Context())).To(Succeed())
		all, err := admin.CoreV1().Secrets("kube-system").List(t.Context(), metav1.ListOptions{})
		g.Expect(err).NotTo(HaveOccurred())
		g.Expect(all.Items).To(HaveLen(4))
		state, err := admin.CoreV1().Secrets(home).Get(t.Context(), StateSecret, metav1.GetOptions{})
		g.Expect(err).NotTo(HaveOccurred())
		g.Expect(string(state.Data[stateKey])).NotTo(ContainSubstring("0123456789abcdef"))
	})
	t.Run("whose Secret may not be read is warned of", func(t *testing.T) {
		g := NewWithT(t)
		g.Expect(p.Warnings(t.Context())).To(ConsistOf(And(
			HaveField("Reason", ReasonExpiryUnknown), HaveField("Message", ContainSubstring("let this service account get that Secret")))))
	})
	allowNamed(t, admin, rbacv1.PolicyRule{APIGroups: []string{""}, Resources: []string{"secrets"}, Verbs: []string{"get"},
		ResourceNames: []string{"bootstrap-token-aaaaaa", "bootstrap-token-bbbbbb", "bootstrap-token-cccccc"}})
	t.Run("which lives for long enough is nothing to warn of", func(t *testing.T) {
		g := NewWithT(t)
		g.Eventually(func() ([]Warning, error) { clock.Step(believeExpiry); return p.Warnings(t.Context()) }).
			WithTimeout(20 * time.Second).WithPolling(time.Second).Should(Not(ContainElement(HaveField("Reason", ReasonExpiryUnknown))))
		clock.SetTime(now)
		p.expiry.Flush()
		p.live.Flush()
		g.Expect(p.Current(t.Context())).Error().NotTo(HaveOccurred())
		g.Expect(p.Warnings(t.Context())).To(BeEmpty())
	})
	for id, reason := range map[string]string{"bbbbbb": ReasonNeverExpires, "cccccc": ReasonExpiresSoon} {
		t.Run("is warned of as "+reason, func(t *testing.T) {
			g := NewWithT(t)
			holds(t, id+".0123456789abcdef")
			warnings, err := p.Warnings(t.Context())
			g.Expect(err).NotTo(HaveOccurred())
			g.Expect(warnings).To(ConsistOf(HaveField("Reason", reason)))
			g.Expect(warnings[0].Message).NotTo(ContainSubstring("0123456789abcdef"))
		})
	}
	t.Run("which was rotated is followed, and the one before it still known", func(t *testing.T) {
		g := NewWithT(t)
		holds(t, "aaaaaa.0123456789abcdef")
		g.Expect(p.Current(t.Context())).To(HaveField("ID", "aaaaaa"), "also back to one from before")
		for _, id := range []string{"aaaaaa", "bbbbbb"} {
			_, ours, err := p.Epoch(t.Context(), id)
			g.Expect(err).NotTo(HaveOccurred())
			g.Expect(ours).To(BeTrue())
		}
		_, ours, err := p.Epoch(t.Context(), "dddddd")
		g.Expect(err).NotTo(HaveOccurred())
		g.Expect(ours).To(BeFalse(), "a token of others")
		g.Expect(p.Revoke(t.Context(), "bbbbbb")).To(Succeed())
		g.Expect(admin.CoreV1().Secrets("kube-system").Get(t.Context(), "bootstrap-token-bbbbbb", metav1.GetOptions{})).Error().NotTo(HaveOccurred(), "it is not ours to delete")
	})
	for name, tc := range map[string]struct{ content, want string }{
		"that is none":             {"hello", "six and sixteen of a-z and 0-9"},
		"that is dead":             {"eeeeee.0123456789abcdef", "does not know token eeeeee"},
		"of a wrong secret":        {"aaaaaa.0123456789abcdee", "does not know token aaaaaa"},
		"of a group without right": {"dddddd.0123456789abcdef", "--groups " + Group},
	} {
		t.Run(name+" is named, with a remedy and without its secret", func(t *testing.T) {
			g := NewWithT(t)
			holds(t, tc.content)
			_, err := p.Current(t.Context())
			g.Expect(err).To(MatchError(errUnusable))
			g.Expect(err.Error()).To(And(ContainSubstring(string(file)), ContainSubstring(tc.want), Not(ContainSubstring("0123456789abcd"))))
		})
	}
	t.Run("that is not there is named", func(t *testing.T) {
		g := NewWithT(t)
		g.Expect(os.Remove(string(file))).To(Succeed())
		clock.Step(believe)
		_, err := p.Current(t.Context())
		g.Expect(err).To(MatchError(os.ErrNotExist))
	})
}

func allowNamed(t *testing.T, admin kubernetes.Interface, rule rbacv1.PolicyRule) {
	t.Helper()
	role, err := admin.RbacV1().Roles("kube-system").Get(t.Context(), "controller", metav1.GetOptions{})
	NewWithT(t).Expect(err).NotTo(HaveOccurred())
	role.Rules = append(role.Rules, rule)
	_, err = admin.RbacV1().Roles("kube-system").Update(t.Context(), role, metav1.UpdateOptions{})
	NewWithT(t).Expect(err).NotTo(HaveOccurred())
}
