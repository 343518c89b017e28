package ami

import (
	"testing"

	. "github.com/onsi/gomega"
	"github.com/samber/lo"

	v1 "github.com/karpenter-kubeadm/karpenter-provider-aws/pkg/apis/v1"
	"github.com/karpenter-kubeadm/karpenter-provider-aws/pkg/cluster"
)

type resolveCase struct {
	alias v1.Alias
	on    cluster.Cluster
	paths []string
	found search
}

// resolveCases are aliases, each with where its images are published.
func resolveCases() map[string]resolveCase {
	kubeadm := cluster.Cluster{Mode: cluster.Kubeadm, Version: cluster.Version{Major: 1, Minor: 32}}
	eks := cluster.Cluster{Mode: cluster.EKS, Version: cluster.Version{Major: 1, Minor: 32}}
	const optimized = "/aws/service/eks/optimized-ami/1.32/"
	return map[string]resolveCase{
		"Ubuntu's LTS has gp3 disks": {alias: v1.Alias{Family: "Ubuntu", Version: "24.04"}, on: kubeadm, paths: []string{
			"/aws/service/canonical/ubuntu/server/24.04/stable/current/amd64/hvm/ebs-gp3/ami-id",
			"/aws/service/canonical/ubuntu/server/24.04/stable/current/arm64/hvm/ebs-gp3/ami-id",
		}},
		"Ubuntu's older LTS has gp2 disks": {alias: v1.Alias{Family: "Ubuntu", Version: "22.04"}, on: kubeadm, paths: []string{
			"/aws/service/canonical/ubuntu/server/22.04/stable/current/amd64/hvm/ebs-gp2/ami-id",
			"/aws/service/canonical/ubuntu/server/22.04/stable/current/arm64/hvm/ebs-gp2/ami-id",
		}},
		"Ubuntu's latest is the newest known to work": {alias: v1.Alias{Family: "Ubuntu", Version: "latest"}, on: kubeadm, paths: []string{
			"/aws/service/canonical/ubuntu/server/24.04/stable/current/amd64/hvm/ebs-gp3/ami-id",
			"/aws/service/canonical/ubuntu/server/24.04/stable/current/arm64/hvm/ebs-gp3/ami-id",
		}},
		"one build of Ubuntu": {alias: v1.Alias{Family: "Ubuntu", Version: "24.04-20250115"}, on: kubeadm, paths: []string{
			"/aws/service/canonical/ubuntu/server/24.04/stable/20250115/amd64/hvm/ebs-gp3/ami-id",
			"/aws/service/canonical/ubuntu/server/24.04/stable/20250115/arm64/hvm/ebs-gp3/ami-id",
		}},
		"Debian": {alias: v1.Alias{Family: "Debian", Version: "latest"}, on: kubeadm, paths: []string{
			"/aws/service/debian/release/12/latest/amd64", "/aws/service/debian/release/12/latest/arm64",
		}},
		"one build of Debian": {alias: v1.Alias{Family: "Debian", Version: "12-20250115-1993"}, on: kubeadm, paths: []string{
			"/aws/service/debian/release/12/20250115-1993/amd64", "/aws/service/debian/release/12/20250115-1993/arm64",
		}},
		"Flatcar's channel":  {alias: v1.Alias{Family: "Flatcar", Version: "beta"}, on: kubeadm, found: search{"075585003325", "Flatcar-beta-*-hvm", plain()}},
		"Flatcar's latest":   {alias: v1.Alias{Family: "Flatcar", Version: "latest"}, on: kubeadm, found: search{"075585003325", "Flatcar-stable-*-hvm", plain()}},
		"one Flatcar":        {alias: v1.Alias{Family: "Flatcar", Version: "stable-3815.2.0"}, on: kubeadm, found: search{"075585003325", "Flatcar-stable-3815.2.0*-hvm", plain()}},
		"one Amazon Linux":   {alias: v1.Alias{Family: "AL2023", Version: "v2023.6.20250115.0"}, on: kubeadm, found: search{"amazon", "al2023-ami-2023.6.20250115.0-kernel-*", plain()}},
		"plain Amazon Linux": {alias: v1.Alias{Family: "AL2023", Version: "latest"}, on: kubeadm, paths: []string{"/aws/service/ami-amazon-linux-latest/al2023-ami-kernel-default-x86_64", "/aws/service/ami-amazon-linux-latest/al2023-ami-kernel-default-arm64"}},
		"Amazon Linux for EKS": {alias: v1.Alias{Family: "AL2023", Version: "latest"}, on: eks, paths: []string{
			optimized + "amazon-linux-2023/x86_64/standard/recommended/image_id",
			optimized + "amazon-linux-2023/x86_64/nvidia/recommended/image_id",
			optimized + "amazon-linux-2023/x86_64/neuron/recommended/image_id",
			optimized + "amazon-linux-2023/arm64/standard/recommended/image_id",
			optimized + "amazon-linux-2023/arm64/nvidia/recommended/image_id",
		}},
		"one Amazon Linux for EKS": {alias: v1.Alias{Family: "AL2023", Version: "v20250115"}, on: eks, paths: []string{
			optimized + "amazon-linux-2023/x86_64/standard/amazon-eks-node-al2023-x86_64-standard-1.32-v20250115/image_id",
			optimized + "amazon-linux-2023/x86_64/nvidia/amazon-eks-node-al2023-x86_64-nvidia-1.32-v20250115/image_id",
			optimized + "amazon-linux-2023/x86_64/neuron/amazon-eks-node-al2023-x86_64-neuron-1.32-v20250115/image_id",
			optimized + "amazon-linux-2023/arm64/standard/amazon-eks-node-al2023-arm64-standard-1.32-v20250115/image_id",
			optimized + "amazon-linux-2023/arm64/nvidia/amazon-eks-node-al2023-arm64-nvidia-1.32-v20250115/image_id",
		}},
		"Amazon Linux 2": {alias: v1.Alias{Family: "AL2", Version: "latest"}, on: eks, paths: []string{
			optimized + "amazon-linux-2/recommended/image_id", optimized + "amazon-linux-2-arm64/recommended/image_id", optimized + "amazon-linux-2-gpu/recommended/image_id",
		}},
		"one Amazon Linux 2": {alias: v1.Alias{Family: "AL2", Version: "v20240625"}, on: eks, paths: []string{
			optimized + "amazon-linux-2/amazon-eks-node-1.32-v20240625/image_id", optimized + "amazon-linux-2-arm64/amazon-eks-arm64-node-1.32-v20240625/image_id", optimized + "amazon-linux-2-gpu/amazon-eks-gpu-node-1.32-v20240625/image_id",
		}},
		"Bottlerocket's releases have a v or none": {alias: v1.Alias{Family: "Bottlerocket", Version: "v1.20.0"}, on: kubeadm, paths: []string{
			"/aws/service/bottlerocket/aws-k8s-1.32/x86_64/1.20.0/image_id", "/aws/service/bottlerocket/aws-k8s-1.32/arm64/1.20.0/image_id",
			"/aws/service/bottlerocket/aws-k8s-1.32-nvidia/x86_64/1.20.0/image_id", "/aws/service/bottlerocket/aws-k8s-1.32-nvidia/arm64/1.20.0/image_id",
		}},
		"Windows": {alias: v1.Alias{Family: "Windows2022", Version: "latest"}, on: eks, paths: []string{
			"/aws/service/ami-windows-latest/Windows_Server-2022-English-Core-EKS_Optimized-1.32/image_id",
		}},
	}
}

func TestResolve(t *testing.T) {
	for name, tc := range resolveCases() {
		t.Run(name, func(t *testing.T) {
			g := NewWithT(t)
			got, err := resolve(tc.alias, tc.on)
			g.Expect(err).NotTo(HaveOccurred())
			g.Expect(lo.Map(got.parameters, func(p parameter, _ int) string { return p.path })).To(HaveExactElements(tc.paths))
			g.Expect(got.search).To(Equal(tc.found))
		})
	}
}

func TestAliasesThatAClusterCannotHave(t *testing.T) {
	for name, tc := range map[string]struct {
		alias v1.Alias
		minor int
		want  string
	}{
		"AL2 has ended":             {v1.Alias{Family: "AL2", Version: "latest"}, 33, "alias al2@latest: AWS publishes no AL2 images for Kubernetes 1.33 and later; use al2023"},
		"Windows 2025 has not come": {v1.Alias{Family: "Windows2025", Version: "latest"}, 34, "alias windows2025@latest: AWS publishes Windows Server 2025 images for Kubernetes 1.35 and later; use windows2022"},
		"nobody publishes Custom":   {v1.Alias{Family: "Custom", Version: "latest"}, 33, "alias custom@latest: nobody publishes images of this family; select images by id, name or tags"},
	} {
		t.Run(name, func(t *testing.T) {
			_, err := resolve(tc.alias, cluster.Cluster{Version: cluster.Version{Major: 1, Minor: tc.minor}})
			NewWithT(t).Expect(err).To(MatchError(tc.want))
		})
	}
}

func TestEveryFamilyWithADefaultIsPublished(t *testing.T) {
	g := NewWithT(t)
	for _, family := range []string{"Ubuntu", "Debian", "AL2023", "Bottlerocket", "Flatcar"} {
		alias, ok := defaultAlias(family)
		g.Expect(ok).To(BeTrue(), family)
		_, err := resolve(alias, cluster.Cluster{Mode: cluster.Kubeadm, Version: cluster.Version{Major: 1, Minor: 36}})
		g.Expect(err).NotTo(HaveOccurred(), family)
	}
	for _, family := range []string{"Custom", "AL2", "Windows2019", "Windows2022", "Windows2025"} {
		_, ok := defaultAlias(family)
		g.Expect(ok).To(BeFalse(), "the schema asks for a selector with "+family)
	}
}
