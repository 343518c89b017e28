package hollow_test

import (
	"context"
	"os"
	"strings"
	"testing"
	"time"

	. "github.com/onsi/gomega"
	corev1 "k8s.io/api/core/v1"
	"k8s.io/apimachinery/pkg/api/resource"

	"github.com/karpenter-kubeadm/karpenter-provider-aws/pkg/cluster"
	"github.com/karpenter-kubeadm/karpenter-provider-aws/pkg/join"
	"github.com/karpenter-kubeadm/karpenter-provider-aws/pkg/kubelet"
	awsec2 "github.com/karpenter-kubeadm/karpenter-provider-aws/test/awsfake/ec2"
	"github.com/karpenter-kubeadm/karpenter-provider-aws/test/hollow/machine"
)

// testProduct boots what pkg/join renders: it is what hollow nodes are for.
func (w *world) testProduct(t *testing.T) {
	seed, err := os.ReadFile("../../pkg/join/testdata/seed.sh")
	NewWithT(t).Expect(err).NotTo(HaveOccurred())
	ignition := `{"ignition":{"version":"3.4.0"},"systemd":{"units":[{"name":"locksmithd.service","mask":true}]}}`
	settings := "[settings.kubernetes]\nserver-tls-bootstrap = true\n[settings.host-containers.admin]\nenabled = true\n"
	secret := w.token(t, "ffffff")
	for name, tc := range map[string]struct {
		family          join.Family
		image, userData string
	}{
		"Ubuntu":                                {join.Ubuntu, "", ""},
		"Ubuntu with the script of the article": {join.Ubuntu, "", string(seed)},
		"Debian":                                {join.Debian, "debian-12-amd64-20250519-2117", ""},
		"AL2023":                                {join.AL2023, "al2023-ami-2023.7.20250519.0-kernel-6.1-x86_64", ""},
		"AL2023 with a script that joins":       {join.AL2023, "al2023-ami-2023.7.20250519.0-kernel-6.1-x86_64", strings.NewReplacer("apt-get update\n", "", "apt-get install", "dnf install").Replace(string(seed))},
		"Flatcar":                               {join.Flatcar, "Flatcar-stable-4230.2.0-hvm", ""},
		"Flatcar with the user's Ignition":      {join.Flatcar, "Flatcar-stable-4230.2.0-hvm", ignition},
		"Bottlerocket":                          {join.Bottlerocket, "bottlerocket-aws-k8s-1.36-x86_64-v1.50.0-431fe75a", settings},
	} {
		t.Run(name, func(t *testing.T) {
			g := NewWithT(t)
			id := w.launchOf(t, tc.image, w.rendered(t, tc.family, secret, tc.userData))
			node := w.ready(t, id)
			g.Expect(node.Name).To(MatchRegexp(`^ip-[0-9-]+\.ap-northeast-2\.compute\.internal$`))
			g.Expect(node.Spec.ProviderID).To(HaveSuffix("/" + id))
			g.Expect(node.Labels).To(HaveKeyWithValue("role", "worker"))
			g.Expect(node.Spec.Taints).To(ContainElements(HaveField("Key", "karpenter.sh/unregistered"), HaveField("Key", "workload")))
			g.Expect(node.Spec.Taints).NotTo(ContainElement(HaveField("Key", "node.cloudprovider.kubernetes.io/uninitialized")))
			g.Expect(node.Status.NodeInfo.KubeletVersion).To(HavePrefix("v1.36."))
			g.Expect(node.Status.Allocatable.Pods().Value()).To(Equal(int64(42)))
			g.Expect(node.Status.Allocatable.Cpu().MilliValue()).To(Equal(int64(1920)))
			held := node.Status.Capacity.StorageEphemeral().Value() - node.Status.Allocatable.StorageEphemeral().Value()
			g.Expect(held).To(BeZero(), "nobody told the scheduler of anything that is held back")
			g.Expect(w.console(id)).NotTo(ContainSubstring("differs from the runtime's"))
		})
	}
	t.Run("Bottlerocket with a token that is none", func(t *testing.T) {
		g := NewWithT(t)
		id := w.launchOf(t, "bottlerocket-aws-k8s-1.36-x86_64-v1.50.0-431fe75a", w.rendered(t, join.Bottlerocket, "ffffff.fedcba9876543210", ""))
		g.Eventually(func() string { return w.console(id) }, patience, 100*time.Millisecond).Should(ContainSubstring("nauthorized"))
		g.Consistently(func(g Gomega) {
			nodes, err := w.nodes(t.Context(), id)
			g.Expect(err).NotTo(HaveOccurred())
			g.Expect(nodes).To(BeEmpty())
		}, time.Second).Should(Succeed())
	})
	t.Run("Bottlerocket without a role", func(t *testing.T) {
		g := NewWithT(t)
		ubuntu := w.image
		defer func() { w.image = ubuntu }()
		w.image = w.imageOf(t, "bottlerocket-aws-k8s-1.36-x86_64-v1.50.0-431fe75a")
		id := w.launch(t, w.rendered(t, join.Bottlerocket, secret, ""))
		g.Eventually(func() string { return w.console(id) }, patience, 100*time.Millisecond).Should(ContainSubstring("DescribeInstances"))
	})
}

// rendered is the user data of a small node.
func (w *world) rendered(t *testing.T, family join.Family, secret, userData string) string {
	t.Helper()
	data, err := join.Render(join.Spec{
		Family: family, Token: join.Token{ID: secret[:6], Secret: secret[7:]}, Region: w.aws.Region(), UserData: userData,
		Cluster: cluster.Cluster{
			Mode: cluster.Kubeadm, Name: "test", Endpoint: w.server, CA: w.ca, Version: cluster.Version{Major: 1, Minor: 36, Patch: 3}, CloudProvider: cluster.None,
			Kubelet: []byte("apiVersion: kubelet.config.k8s.io/v1beta1\nkind: KubeletConfiguration\ncgroupDriver: systemd\n"), AnonymousDiscovery: true,
		},
		Sizes:  kubelet.Sizes{MaxPods: 42, KubeReserved: corev1.ResourceList{corev1.ResourceCPU: resource.MustParse("80m")}, EvictionHard: map[string]string{"memory.available": "5%"}},
		Labels: map[string]string{"role": "worker", "karpenter.sh/nodepool": "worker-scalable"},
		Taints: []corev1.Taint{{Key: "workload", Value: "ai", Effect: corev1.TaintEffectNoSchedule}},
	})
	NewWithT(t).Expect(err).NotTo(HaveOccurred())
	return string(data.Bytes())
}

// launchOf launches an instance of an image of that name, Ubuntu's where it is empty, with a role.
func (w *world) launchOf(t *testing.T, image, userData string) string {
	t.Helper()
	w.aws.IAM.AddProfile("hollow", "hollow")
	ubuntu := w.image
	defer func() { w.image, w.profile = ubuntu, "" }()
	w.profile = "hollow"
	if image != "" {
		w.image = w.imageOf(t, image)
	}
	return w.launch(t, userData)
}

func (w *world) imageOf(t *testing.T, name string) string {
	t.Helper()
	id, err := w.aws.EC2.AddImage(w.aws.Region(), awsec2.Image{Name: name, Architecture: "x86_64", RootDevice: "/dev/xvda", RootSizeGiB: 8})
	NewWithT(t).Expect(err).NotTo(HaveOccurred())
	return id
}

// roles has credentials that nobody takes.
type roles struct{}

func (roles) Role(context.Context, string) (*machine.Role, error) {
	return &machine.Role{Name: "hollow", AccessKeyID: "ASIAHOLLOW0000000000", SecretAccessKey: "x", SessionToken: "x"}, nil
}
