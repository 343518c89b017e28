package join_test

import (
	"testing"
	"time"

	"github.com/aws/aws-sdk-go-v2/service/ssm"
	. "github.com/onsi/gomega"
	corev1 "k8s.io/api/core/v1"
	apierrors "k8s.io/apimachinery/pkg/api/errors"
	metav1 "k8s.io/apimachinery/pkg/apis/meta/v1"
	"k8s.io/client-go/rest"
	bootstrapapi "k8s.io/cluster-bootstrap/token/api"
	"k8s.io/utils/clock"
	"sigs.k8s.io/controller-runtime/pkg/client"

	"github.com/karpenter-kubeadm/karpenter-provider-aws/pkg/join"
	"github.com/karpenter-kubeadm/karpenter-provider-aws/pkg/providers/parameter"
	"github.com/karpenter-kubeadm/karpenter-provider-aws/pkg/providers/token"
	"github.com/karpenter-kubeadm/karpenter-provider-aws/test/awsfake/policy"
	"github.com/karpenter-kubeadm/karpenter-provider-aws/test/hollow/machine"
)

// TestFailures breaks what joining depends on. Each time all nodes join, or the NodeClaim
// says within ninety seconds why not and what helps, and they join once that was done.
// Anonymous requests are off all along: nothing of ours needs them.
func TestFailures(t *testing.T) {
	w := newWorld(t, "--anonymous-auth=false")
	w.spec(t, "") // before cluster-info is anything but right
	t.Run("while others join", func(t *testing.T) {
		for name, fails := range map[string]func(*world, *testing.T){
			"anonymous requests are off":              (*world).anonymousOff,
			"the token's Secret is deleted":           (*world).tokenDeleted,
			"the token's Secret is edited":            (*world).tokenEdited,
			"the token's Secret has expired":          (*world).tokenExpired,
			"the token is of another group":           (*world).tokenOfAnotherGroup,
			"Systems Manager denies the token":        (*world).parameterDenied,
			"cluster-info is missing":                 (*world).clusterInfoMissing,
			"cluster-info has another's CA":           (*world).clusterInfoOfAnother,
			"cluster-info names a dead endpoint":      (*world).clusterInfoOfTheDead,
			"cluster-info has a new CA and the old":   (*world).clusterInfoOfTwo,
			"the node's clock is an hour behind":      (*world).clockBehind,
			"the node's clock is an hour ahead":       (*world).clockAhead,
			"nobody approves, as the controller died": (*world).neverApproved,
		} {
			t.Run(name, func(t *testing.T) {
				t.Parallel()
				fails(w, t)
			})
		}
	})
	t.Run("the controller is away for ten minutes", func(part *testing.T) { w.controllerAway(part, t) })
	t.Run("the API server is restarted", w.restarted)
}

func (w *world) anonymousOff(t *testing.T) {
	t.Helper()
	g := NewWithT(t)
	nobody := newClient(t, rest.AnonymousClientConfig(w.config))
	info := client.ObjectKey{Namespace: metav1.NamespacePublic, Name: bootstrapapi.ConfigMapClusterInfo}
	g.Expect(nobody.Get(t.Context(), info, &corev1.ConfigMap{})).To(Satisfy(apierrors.IsUnauthorized))
	spec := w.spec(t, "")
	g.Expect(spec.Cluster.AnonymousDiscovery).To(BeFalse())
	i := w.arrive(t)
	w.expectNode(t, boot(t, i, spec), i)
}

// tokenDeleted and those after it lose the token of an instance before it is up. The
// controller looks after tokens every fifteen seconds.
func (w *world) tokenDeleted(t *testing.T) {
	t.Helper()
	w.tokenLost(t, func(secret *corev1.Secret) error { return w.admin.Delete(t.Context(), secret) })
}

func (w *world) tokenEdited(t *testing.T) {
	t.Helper()
	w.tokenLost(t, func(secret *corev1.Secret) error {
		secret.Data[bootstrapapi.BootstrapTokenSecretKey] = []byte("fedcba9876543210")
		return w.admin.Update(t.Context(), secret)
	})
}

// tokenExpired has the token end hours early: Kubernetes deletes the Secret then.
func (w *world) tokenExpired(t *testing.T) {
	t.Helper()
	w.tokenLost(t, func(secret *corev1.Secret) error {
		secret.Data[bootstrapapi.BootstrapTokenExpirationKey] = []byte(time.Now().Add(-time.Second).UTC().Format(time.RFC3339))
		return w.admin.Update(t.Context(), secret)
	})
}

func (w *world) tokenLost(t *testing.T, lose func(*corev1.Secret) error) {
	t.Helper()
	g := NewWithT(t)
	tokens := w.anotherController(t)
	spec := w.specWith(t, tokens)
	g.Expect(lose(w.secretOf(t, spec.Token))).To(Succeed())
	holder := w.holder(t, spec.Token)
	g.Eventually(func() bool {
		return apierrors.IsUnauthorized(holder.Get(t.Context(), client.ObjectKey{Name: "none"}, &corev1.Node{}))
	}, patience, 200*time.Millisecond).
		Should(BeTrue(), "API servers believe a token for ten seconds")

	i := w.arrive(t)
	m := boot(t, i, spec)
	w.expectReason(t, i, m, w.clusters, "TokenRefused", "phase=credentials result=error http=401", "was deleted, edited or has expired")
	lookAfter(t, tokens)
	w.expectReady(t, m, i)
}

// tokenOfAnotherGroup takes from the token what it may ask for.
func (w *world) tokenOfAnotherGroup(t *testing.T) {
	t.Helper()
	g := NewWithT(t)
	tokens := w.anotherController(t)
	spec := w.specWith(t, tokens)
	secret := w.secretOf(t, spec.Token)
	secret.Data[bootstrapapi.BootstrapTokenExtraGroupsKey] = []byte("system:bootstrappers:nobody")
	g.Expect(w.admin.Update(t.Context(), secret)).To(Succeed())
	config := client.ObjectKey{Namespace: metav1.NamespaceSystem, Name: "kubeadm-config"}
	holder := w.holder(t, spec.Token)
	g.Eventually(func() bool { return apierrors.IsForbidden(holder.Get(t.Context(), config, &corev1.ConfigMap{})) }, patience, 200*time.Millisecond).Should(BeTrue())

	i := w.arrive(t)
	m := boot(t, i, spec)
	w.expectReason(t, i, m, w.clusters, "NoCertificateRequest", "phase=runtime result=ok")
	lookAfter(t, tokens)
	w.expectReady(t, m, i)
}

// parameterDenied has a role without the statement that lets nodes read their token.
func (w *world) parameterDenied(t *testing.T) {
	t.Helper()
	g := NewWithT(t)
	account := (&siege{world: w}).accountWithTokenPolicies(t)
	account.Policy.SetPrincipal(nodeKey, policy.Principal{})
	spec := w.spec(t, "")
	var err error
	spec.Parameter, err = parameter.New(ssm.NewFromConfig(account.ConfigFor(controllerKey, region)), clusterName, clock.RealClock{}).Deliver(t.Context(), spec.Token)
	g.Expect(err).NotTo(HaveOccurred())
	spec.Token = join.Token{}
	i := w.arrive(t)
	m := boot(t, i, spec, func(facts *machine.Facts, config *machine.Config) {
		facts.Role = &machine.Role{Name: "KarpenterNodeRole-" + clusterName, AccessKeyID: nodeKey, SecretAccessKey: "s/ecret+", SessionToken: "ses/sion+=="}
		config.AWS = account.URL
	})
	w.expectReason(t, i, m, w.clusters, "TokenNotFetched", "phase=token result=error", "node-token-policy.json")
}

// anotherController keeps tokens of its own, beside those of the world's controller.
func (w *world) anotherController(t *testing.T) *token.Provider {
	t.Helper()
	g := NewWithT(t)
	namespace := &corev1.Namespace{ObjectMeta: metav1.ObjectMeta{GenerateName: "karpenter-"}}
	g.Expect(w.admin.Create(t.Context(), namespace)).To(Succeed())
	tokens, err := token.New(w.config, token.Options{Namespace: namespace.Name}, clock.RealClock{})
	g.Expect(err).NotTo(HaveOccurred())
	w.keys.add(tokens)
	return tokens
}

// specWith is spec with a token of tokens.
func (w *world) specWith(t *testing.T, tokens *token.Provider) join.Spec {
	t.Helper()
	spec := w.spec(t, "")
	var err error
	spec.Token, err = tokens.Current(t.Context())
	NewWithT(t).Expect(err).NotTo(HaveOccurred())
	return spec
}

func (w *world) secretOf(t *testing.T, of join.Token) *corev1.Secret {
	t.Helper()
	secret := &corev1.Secret{}
	key := client.ObjectKey{Namespace: metav1.NamespaceSystem, Name: bootstrapapi.BootstrapTokenSecretPrefix + of.ID}
	NewWithT(t).Expect(w.admin.Get(t.Context(), key, secret)).To(Succeed())
	return secret
}

// lookAfter is the controller's next look at tokens, which it repeats when it fails.
func lookAfter(t *testing.T, tokens *token.Provider) {
	t.Helper()
	NewWithT(t).Eventually(tokens.Maintain).WithContext(t.Context()).WithTimeout(patience).Should(Succeed())
}
