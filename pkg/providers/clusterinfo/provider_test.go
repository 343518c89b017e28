package clusterinfo

import (
	"encoding/base64"
	"fmt"
	"testing"
	"time"

	. "github.com/onsi/gomega"
	appsv1 "k8s.io/api/apps/v1"
	corev1 "k8s.io/api/core/v1"
	rbacv1 "k8s.io/api/rbac/v1"
	metav1 "k8s.io/apimachinery/pkg/apis/meta/v1"
	"k8s.io/client-go/kubernetes"
	"k8s.io/client-go/rest"
	clocktesting "k8s.io/utils/clock/testing"

	"github.com/karpenter-kubeadm/karpenter-provider-aws/pkg/cache"
	"github.com/karpenter-kubeadm/karpenter-provider-aws/pkg/cluster"
	"github.com/karpenter-kubeadm/karpenter-provider-aws/test/env/apiserver"
)

// kubeadm makes config's cluster look like one that kubeadm made, as far as we read it.
func kubeadm(t *testing.T, config *rest.Config) kubernetes.Interface {
	t.Helper()
	g := NewWithT(t)
	kube, err := kubernetes.NewForConfig(config)
	g.Expect(err).NotTo(HaveOccurred())
	configMap := func(namespace, name, key, value string) {
		_, err := kube.CoreV1().ConfigMaps(namespace).Create(t.Context(), &corev1.ConfigMap{
			ObjectMeta: metav1.ObjectMeta{Name: name}, Data: map[string]string{key: value},
		}, metav1.CreateOptions{})
		g.Expect(err).NotTo(HaveOccurred())
	}
	configMap("kube-system", "kubeadm-config", "ClusterConfiguration", "apiVersion: kubeadm.k8s.io/v1beta4\nkind: ClusterConfiguration\n"+
		"clusterName: kubernetes\ncontrolPlaneEndpoint: internal.example.com\nkubernetesVersion: v1.30.0\nimageRepository: registry.k8s.io\n"+
		"networking: {serviceSubnet: 10.96.0.0/12, podSubnet: 10.244.0.0/16}\n")
	configMap("kube-system", "kubelet-config", "kubelet", "maxPods: 42\n")
	configMap("kube-public", "cluster-info", "kubeconfig", fmt.Sprintf(
		"apiVersion: v1\nkind: Config\nclusters:\n- name: ''\n  cluster: {server: 'https://api.example.com:6443', certificate-authority-data: %s}\n",
		base64.StdEncoding.EncodeToString(testCA(t))))
	_, err = kube.CoreV1().Services("kube-system").Create(t.Context(), &corev1.Service{
		ObjectMeta: metav1.ObjectMeta{Name: "kube-dns"},
		Spec:       corev1.ServiceSpec{ClusterIP: "10.0.0.10", Ports: []corev1.ServicePort{{Port: 53}}},
	}, metav1.CreateOptions{})
	g.Expect(err).NotTo(HaveOccurred())
	return kube
}

func provider(t *testing.T, config *rest.Config, options Options) (*Provider, *clocktesting.FakeClock) {
	t.Helper()
	clock := clocktesting.NewFakeClock(time.Unix(1_800_000_000, 0))
	p, err := New(config, options, clock)
	NewWithT(t).Expect(err).NotTo(HaveOccurred())
	return p, clock
}

func TestGetOnKubeadm(t *testing.T) {
	config := apiserver.Start(t)
	kube := kubeadm(t, config)
	system, err := kube.CoreV1().Namespaces().Get(t.Context(), "kube-system", metav1.GetOptions{})
	NewWithT(t).Expect(err).NotTo(HaveOccurred())

	t.Run("everything is read from the cluster", func(t *testing.T) {
		g := NewWithT(t)
		p, clock := provider(t, config, Options{})
		got, err := p.Get(t.Context())
		g.Expect(err).NotTo(HaveOccurred())
		g.Expect(got.DNS.String()).To(Equal("10.0.0.10"))
		got.DNS = cluster.Cluster{}.DNS
		g.Expect(got).To(Equal(cluster.Cluster{
			Mode: cluster.Kubeadm, Name: "kubernetes", UID: string(system.UID),
			Endpoint: "api.example.com:6443", CA: testCA(t),
			Version:     cluster.Version{Major: 1, Minor: 30}, // kubeadm-config's: the server is newer
			Settled:     clock.Now(),
			ServiceCIDR: "10.96.0.0/12", PodCIDR: "10.244.0.0/16",
			CloudProvider: cluster.None, Kubelet: []byte("maxPods: 42\n"), ImageRepository: "registry.k8s.io",
		}))
	})

	t.Run("flags win", func(t *testing.T) {
		g := NewWithT(t)
		p, _ := provider(t, config, Options{Name: "mine", Endpoint: "https://flag.example.com:8443", CloudProvider: cluster.External})
		got, err := p.Get(t.Context())
		g.Expect(err).NotTo(HaveOccurred())
		g.Expect([]any{got.Name, got.Endpoint, got.CA, got.CloudProvider}).To(
			Equal([]any{"mine", "flag.example.com:8443", testCA(t), cluster.External}))
	})

	t.Run("cluster-info that everybody may read", func(t *testing.T) {
		g := NewWithT(t)
		_, err := kube.RbacV1().Roles("kube-public").Create(t.Context(), &rbacv1.Role{
			ObjectMeta: metav1.ObjectMeta{Name: "cluster-info"},
			Rules:      []rbacv1.PolicyRule{{APIGroups: []string{""}, Resources: []string{"configmaps"}, ResourceNames: []string{"cluster-info"}, Verbs: []string{"get"}}},
		}, metav1.CreateOptions{})
		g.Expect(err).NotTo(HaveOccurred())
		_, err = kube.RbacV1().RoleBindings("kube-public").Create(t.Context(), &rbacv1.RoleBinding{
			ObjectMeta: metav1.ObjectMeta{Name: "cluster-info"},
			RoleRef:    rbacv1.RoleRef{APIGroup: rbacv1.GroupName, Kind: "Role", Name: "cluster-info"},
			Subjects:   []rbacv1.Subject{{APIGroup: rbacv1.GroupName, Kind: "User", Name: "system:anonymous"}},
		}, metav1.CreateOptions{})
		g.Expect(err).NotTo(HaveOccurred())
		g.Eventually(func() (bool, error) {
			p, _ := provider(t, config, Options{})
			got, err := p.Get(t.Context())
			return got.AnonymousDiscovery, err
		}).WithTimeout(20 * time.Second).Should(BeTrue())
	})

	t.Run("a cloud controller manager", func(t *testing.T) {
		g := NewWithT(t)
		labels := map[string]string{"app": "x"}
		_, err := kube.AppsV1().DaemonSets("kube-system").Create(t.Context(), &appsv1.DaemonSet{
			ObjectMeta: metav1.ObjectMeta{Name: "ccm"},
			Spec: appsv1.DaemonSetSpec{
				Selector: &metav1.LabelSelector{MatchLabels: labels},
				Template: corev1.PodTemplateSpec{
					ObjectMeta: metav1.ObjectMeta{Labels: labels},
					Spec:       corev1.PodSpec{Containers: []corev1.Container{{Name: "c", Image: "registry.k8s.io/provider-aws/cloud-controller-manager:v1.36.0"}}},
				},
			},
		}, metav1.CreateOptions{})
		g.Expect(err).NotTo(HaveOccurred())
		p, _ := provider(t, config, Options{})
		got, err := p.Get(t.Context())
		g.Expect(err).NotTo(HaveOccurred())
		g.Expect(got.CloudProvider).To(Equal(cluster.External))
	})

	t.Run("without cluster-info the endpoint is kubeadm's", func(t *testing.T) {
		g := NewWithT(t)
		g.Expect(kube.CoreV1().ConfigMaps("kube-public").Delete(t.Context(), "cluster-info", metav1.DeleteOptions{})).To(Succeed())
		p, _ := provider(t, config, Options{})
		got, err := p.Get(t.Context())
		g.Expect(err).NotTo(HaveOccurred())
		g.Expect(got.Endpoint).To(Equal("internal.example.com:6443"))
		g.Expect(got.CA).To(Equal(config.CAData))
	})

	t.Run("what was read stands when it cannot be read again", func(t *testing.T) {
		g := NewWithT(t)
		p, clock := provider(t, config, Options{})
		before, err := p.Get(t.Context())
		g.Expect(err).NotTo(HaveOccurred())
		g.Expect(kube.CoreV1().ConfigMaps("kube-system").Delete(t.Context(), "kubeadm-config", metav1.DeleteOptions{})).To(Succeed())

		clock.Step(cache.ClusterInfo)
		g.Expect(p.Get(t.Context())).To(Equal(before), "the cluster does not become another kind")
		clock.Step(keepFor)
		_, err = p.Get(t.Context())
		g.Expect(err).To(MatchError(ContainSubstring("kubeadm-config")))
	})
}

func TestGetElsewhere(t *testing.T) {
	config := apiserver.Start(t)

	t.Run("without kubeadm-config it is EKS", func(t *testing.T) {
		g := NewWithT(t)
		p, _ := provider(t, config, Options{Name: "mine"})
		got, err := p.Get(t.Context())
		g.Expect(err).NotTo(HaveOccurred())
		g.Expect(got.Mode).To(Equal(cluster.EKS))
		g.Expect(got.Version.AtLeast(1, 28)).To(BeTrue())
	})

	t.Run("kubeadm, when it is said to be, has to have it", func(t *testing.T) {
		g := NewWithT(t)
		p, _ := provider(t, config, Options{Mode: cluster.Kubeadm})
		_, err := p.Get(t.Context())
		g.Expect(err).To(MatchError(ContainSubstring("getting ConfigMap kube-system/kubeadm-config")))
	})

	t.Run("with the AWS provider's own rights it is EKS", func(t *testing.T) {
		g := NewWithT(t)
		kubeadm(t, config)
		kube, err := kubernetes.NewForConfig(config)
		g.Expect(err).NotTo(HaveOccurred())
		_, err = kube.RbacV1().ClusterRoles().Create(t.Context(), &rbacv1.ClusterRole{
			ObjectMeta: metav1.ObjectMeta{Name: "upstream"},
			Rules: []rbacv1.PolicyRule{
				{APIGroups: []string{""}, Resources: []string{"namespaces", "services"}, Verbs: []string{"get"}},
			},
		}, metav1.CreateOptions{})
		g.Expect(err).NotTo(HaveOccurred())
		_, err = kube.RbacV1().ClusterRoleBindings().Create(t.Context(), &rbacv1.ClusterRoleBinding{
			ObjectMeta: metav1.ObjectMeta{Name: "upstream"},
			RoleRef:    rbacv1.RoleRef{APIGroup: rbacv1.GroupName, Kind: "ClusterRole", Name: "upstream"},
			Subjects:   []rbacv1.Subject{{APIGroup: rbacv1.GroupName, Kind: "User", Name: "karpenter"}},
		}, metav1.CreateOptions{})
		g.Expect(err).NotTo(HaveOccurred())
		restricted := rest.CopyConfig(config)
		restricted.Impersonate = rest.ImpersonationConfig{UserName: "karpenter", Groups: []string{"system:authenticated"}}
		g.Eventually(func() (cluster.Mode, error) {
			p, _ := provider(t, restricted, Options{})
			got, err := p.Get(t.Context())
			return got.Mode, err
		}).WithTimeout(20 * time.Second).Should(Equal(cluster.EKS))
	})
}
