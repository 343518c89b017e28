package join_test

import (
	"encoding/base64"
	"fmt"
	"strings"
	"testing"
	"time"

	. "github.com/onsi/gomega"
	corev1 "k8s.io/api/core/v1"
	apierrors "k8s.io/apimachinery/pkg/api/errors"
	metav1 "k8s.io/apimachinery/pkg/apis/meta/v1"
	"k8s.io/apimachinery/pkg/runtime/schema"
	"k8s.io/client-go/discovery"
	"k8s.io/client-go/dynamic"
	"sigs.k8s.io/controller-runtime/pkg/client"
	crmetrics "sigs.k8s.io/controller-runtime/pkg/metrics"

	"github.com/karpenter-kubeadm/karpenter-provider-aws/pkg/join"
	"github.com/karpenter-kubeadm/karpenter-provider-aws/pkg/providers/token"
	"github.com/karpenter-kubeadm/karpenter-provider-aws/test/env/install"
	"github.com/karpenter-kubeadm/karpenter-provider-aws/test/hollow/machine"
)

// kubeadmGroup is what kubeadm binds to automatic approval.
const kubeadmGroup = token.KubeadmGroup

// controllersAccount is (k): what somebody can do who has the controller's own account, as
// the chart sets it up.
func (s *siege) controllersAccount(t *testing.T) {
	t.Helper()
	g := NewWithT(t)
	known, err := s.clusters.Get(t.Context())
	g.Expect(err).NotTo(HaveOccurred())
	objects, err := install.Release{
		Charts: "../../charts", KubeVersion: "v" + known.Version.String(),
		Values: map[string]any{"settings": map[string]any{"clusterName": "seed"}},
	}.Objects()
	g.Expect(err).NotTo(HaveOccurred())
	_, err = install.Apply(t.Context(), s.admin, objects)
	g.Expect(err).NotTo(HaveOccurred())
	account := s.user(t, "system:serviceaccount:"+install.Namespace+":"+install.Name,
		"system:serviceaccounts", "system:serviceaccounts:"+install.Namespace)

	t.Run("(k) it reads no Secret of kube-system", func(t *testing.T) {
		g := NewWithT(t)
		ours := client.ObjectKey{Namespace: metav1.NamespaceSystem, Name: "bootstrap-token-" + s.stolen.ID}
		g.Expect(s.admin.Get(t.Context(), ours, &corev1.Secret{})).To(Succeed())
		g.Expect(account.Get(t.Context(), ours, &corev1.Secret{})).To(Satisfy(apierrors.IsForbidden))
		g.Expect(account.List(t.Context(), &corev1.SecretList{}, client.InNamespace(metav1.NamespaceSystem))).To(Satisfy(apierrors.IsForbidden))
		g.Expect(account.List(t.Context(), &corev1.SecretList{})).To(Satisfy(apierrors.IsForbidden))
		state := client.ObjectKey{Namespace: install.Namespace, Name: token.StateSecret}
		g.Expect(account.Get(t.Context(), state, &corev1.Secret{})).To(Succeed(), "the twin: the one Secret that is its own")
	})
	for name, change := range map[string]func(*corev1.Secret){
		"of another group":      func(secret *corev1.Secret) { secret.StringData["auth-extra-groups"] = kubeadmGroup },
		"of two groups":         func(secret *corev1.Secret) { secret.StringData["auth-extra-groups"] += "," + kubeadmGroup },
		"of no group":           func(secret *corev1.Secret) { delete(secret.StringData, "auth-extra-groups") },
		"that never expires":    func(secret *corev1.Secret) { delete(secret.StringData, "expiration") },
		"that is no token":      func(secret *corev1.Secret) { secret.Type = corev1.SecretTypeOpaque },
		"of a service account":  serviceAccountSecret,
		"with a group over two": func(secret *corev1.Secret) { secret.StringData["auth-extra-groups"] = kubeadmGroup + "," + token.Group },
	} {
		t.Run("(k) it makes no token "+name, func(t *testing.T) {
			g := NewWithT(t)
			honest := tokenSecret("karp01", token.Group)
			odd := honest.DeepCopy()
			change(odd)
			// Policies take effect a moment after they are made.
			g.Eventually(func() bool {
				err := account.Create(t.Context(), odd.DeepCopy(), client.DryRunAll)
				return apierrors.IsInvalid(err) || apierrors.IsForbidden(err)
			}, patience, 200*time.Millisecond).Should(BeTrue())
			g.Expect(account.Create(t.Context(), honest, client.DryRunAll)).To(Succeed())
		})
	}
}

func serviceAccountSecret(secret *corev1.Secret) {
	secret.Type = corev1.SecretTypeServiceAccountToken
	secret.Annotations = map[string]string{corev1.ServiceAccountNameKey: "default"}
}

func tokenSecret(id, group string) *corev1.Secret {
	return &corev1.Secret{
		ObjectMeta: metav1.ObjectMeta{Namespace: metav1.NamespaceSystem, Name: "bootstrap-token-" + id},
		Type:       corev1.SecretTypeBootstrapToken,
		StringData: map[string]string{
			"token-id": id, "token-secret": "0123456789abcdef", "usage-bootstrap-authentication": "true",
			"auth-extra-groups": group, "expiration": time.Now().Add(time.Hour).UTC().Format(time.RFC3339),
		},
	}
}

// notOurs shows that requests which we have no say in are left to those who do.
func (s *siege) notOurs(t *testing.T) {
	t.Helper()
	t.Run("a hand-made kubeadm join", func(t *testing.T) {
		g := NewWithT(t)
		g.Expect(s.admin.Create(t.Context(), tokenSecret("byhand", kubeadmGroup))).To(Succeed())
		hand := s.holder(t, join.Token{ID: "byhand", Secret: "0123456789abcdef"})
		object := request(t, clientWish("worker-by-hand"))
		g.Eventually(func() error { return hand.Create(t.Context(), object) }, patience, time.Second).Should(Succeed())
		g.Expect(s.expectApproved(t, object)).To(Equal("AutoApproved"), "by kubeadm's binding and Kubernetes' own approver")
	})
	t.Run("the renewal of a control-plane node", func(t *testing.T) {
		node := s.user(t, "system:node:control-plane-2", "system:nodes")
		NewWithT(t).Expect(s.expectApproved(t, ask(t, node, clientWish("control-plane-2")))).To(Equal("AutoApproved"))
	})
	t.Run("the serving certificate of a node without NodeClaim", func(t *testing.T) {
		foreign := &corev1.Node{ObjectMeta: metav1.ObjectMeta{Name: "foreign"}, Spec: corev1.NodeSpec{ProviderID: "aws:///" + zone + "/i-0foreign0"}}
		NewWithT(t).Expect(s.admin.Create(t.Context(), foreign)).To(Succeed())
		i := s.waiting(t, nil)
		s.expectUntouched(t, ask(t, s.user(t, "system:node:foreign", "system:nodes"), servingWish("foreign", i)))
	})
}

// siblingRace shows what a token that siblings share is still worth: who has it and is faster
// than an instance which has not asked yet becomes that one node. It gets no second, and the
// instance that was robbed says so. See designs/0002.
func (s *siege) siblingRace(t *testing.T) {
	t.Helper()
	g := NewWithT(t)
	robbed, spared := s.waiting(t, nil), s.waiting(t, nil)
	thief := s.holder(t, s.stolen)
	s.expectApproved(t, ask(t, thief, clientWish(nodeOf(robbed))))

	late := ask(t, s.holder(t, s.stolen), clientWish(nodeOf(robbed)))
	s.expectDenied(t, late, "AlreadyApproved")
	g.Eventually(s.journal.text).Should(ContainSubstring("Certificate request " + late.Name + " of " + late.Spec.Username + " is denied"))
	g.Expect(s.expectApproved(t, ask(t, s.holder(t, s.stolen), clientWish(nodeOf(spared))))).To(Equal(approvedByUs), "the twin, who was faster")
}

// leavings is (l): after a node has joined, its token is nowhere but where it is kept.
func (s *siege) leavings(t *testing.T) {
	t.Helper()
	g := NewWithT(t)
	spec := s.spec(t, "")
	i := s.waiting(t, nil)
	m := boot(t, i, spec)
	s.expectNode(t, m, i)
	g.Eventually(m.Console.Text, patience).Should(ContainSubstring("phase=join result=ok"))

	places := s.objects(t)
	places["the console"] = m.Console.Text()
	places["our log and events"] = s.journal.text()
	places["our metrics"] = metricsText(t)
	g.Expect(len(places)).To(BeNumerically(">", 40), "every kind of object is searched")
	g.Expect(places["our log and events"]).To(ContainSubstring(spec.Token.ID), "the half that is public is named")
	for place, text := range places {
		g.Expect(text).NotTo(Or(ContainSubstring(spec.Token.Secret), ContainSubstring(base64.StdEncoding.EncodeToString([]byte(spec.Token.Secret)))), place)
	}
	g.Expect(holding(t, m, spec.Token.Secret)).To(HaveEach(HavePrefix("/var/lib/cloud/")), "what cloud-init keeps of user data, see designs/0002")
	g.Expect(m.FS.Exists("/run/karpenter-join")).To(BeFalse())
}

// objects is all that the API server holds, by kind; of Secrets those alone that are not there to hold a token.
func (s *siege) objects(t *testing.T) map[string]string {
	t.Helper()
	g := NewWithT(t)
	finder, err := discovery.NewDiscoveryClientForConfig(s.config)
	g.Expect(err).NotTo(HaveOccurred())
	lists, err := finder.ServerPreferredResources()
	g.Expect(err).NotTo(HaveOccurred())
	all, err := dynamic.NewForConfig(s.config)
	g.Expect(err).NotTo(HaveOccurred())
	found := map[string]string{}
	for _, list := range lists {
		version, err := schema.ParseGroupVersion(list.GroupVersion)
		g.Expect(err).NotTo(HaveOccurred())
		for _, resource := range list.APIResources {
			if !strings.Contains(resource.Verbs.String(), "list") || resource.Name == "componentstatuses" {
				continue
			}
			content, err := all.Resource(version.WithResource(resource.Name)).List(t.Context(), metav1.ListOptions{})
			g.Expect(err).NotTo(HaveOccurred(), resource.Name)
			for _, object := range content.Items {
				kept := object.GetKind() == "Secret" && (strings.HasPrefix(object.GetName(), "bootstrap-token-") || object.GetName() == token.StateSecret)
				if !kept {
					found[resource.Name] += fmt.Sprint(object.Object)
				}
			}
			found[resource.Name] += "."
		}
	}
	return found
}

func metricsText(t *testing.T) string {
	t.Helper()
	families, err := crmetrics.Registry.Gather()
	NewWithT(t).Expect(err).NotTo(HaveOccurred())
	var text strings.Builder
	for _, family := range families {
		text.WriteString(family.String())
	}
	return text.String()
}

// holding returns the files of m that hold the text.
func holding(t *testing.T, m *machine.Machine, text string) []string {
	t.Helper()
	var found []string
	folders := []string{"/"}
	for len(folders) > 0 {
		folder := folders[0]
		folders = folders[1:]
		entries, err := m.FS.ReadDir(folder)
		NewWithT(t).Expect(err).NotTo(HaveOccurred())
		for _, entry := range entries {
			name := strings.TrimSuffix(folder, "/") + "/" + entry.Name()
			switch {
			case entry.IsDir():
				folders = append(folders, name)
			case entry.Type().IsRegular():
				content, err := m.FS.ReadFile(name)
				if err == nil && strings.Contains(string(content), text) {
					found = append(found, name)
				}
			}
		}
	}
	return found
}
