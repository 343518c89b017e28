package ami

import (
	"fmt"
	"strings"

	v1 "github.com/karpenter-kubeadm/karpenter-provider-aws/pkg/apis/v1"
	"github.com/karpenter-kubeadm/karpenter-provider-aws/pkg/cluster"
)

const optimized = "/aws/service/eks/optimized-ami/"

// al2 is AWS's image for EKS with Amazon Linux 2.
func al2(alias v1.Alias, c cluster.Cluster) published {
	minor := c.Version.MinorString()
	path := func(folder, name string) string {
		image := "recommended"
		if alias.Version != v1.AliasVersionLatest {
			image = fmt.Sprintf("%s-%s-%s", name, minor, alias.Version)
		}
		return optimized + minor + "/" + folder + "/" + image + "/image_id"
	}
	return published{parameters: []parameter{
		{path: path("amazon-linux-2", "amazon-eks-node"), serves: []requirements{plain()}},
		{path: path("amazon-linux-2-arm64", "amazon-eks-arm64-node"), serves: []requirements{plain()}},
		{path: path("amazon-linux-2-gpu", "amazon-eks-gpu-node"), serves: []requirements{neuron(), nvidia()}},
	}}
}

// al2023ForEKS is AWS's image for EKS with Amazon Linux 2023.
func al2023ForEKS(alias v1.Alias, minor string) published {
	var p published
	for _, variant := range []struct {
		arch, name string
		serves     requirements
	}{
		{"x86_64", "standard", plain()},
		{"x86_64", "nvidia", nvidia()},
		{"x86_64", "neuron", neuron()},
		{"arm64", "standard", plain()},
		{"arm64", "nvidia", nvidia()},
	} {
		image := "recommended"
		if alias.Version != v1.AliasVersionLatest {
			image = fmt.Sprintf("amazon-eks-node-al2023-%s-%s-%s-%s", variant.arch, variant.name, minor, alias.Version)
		}
		p.parameters = append(p.parameters, parameter{
			path:   optimized + minor + "/amazon-linux-2023/" + variant.arch + "/" + variant.name + "/" + image + "/image_id",
			serves: []requirements{variant.serves},
		})
	}
	return p
}

// bottlerocket is AWS's image for any Kubernetes of its minor version. Releases are called
// v1.20.0 where they are announced and 1.20.0 in SSM; both are taken.
func bottlerocket(alias v1.Alias, c cluster.Cluster) published {
	path := func(variant, arch string) string {
		return fmt.Sprintf("/aws/service/bottlerocket/aws-k8s-%s%s/%s/%s/image_id",
			c.Version.MinorString(), variant, arch, strings.TrimPrefix(alias.Version, "v"))
	}
	return published{parameters: []parameter{
		{path: path("", "x86_64"), serves: []requirements{plain(), neuron()}},
		{path: path("", "arm64"), serves: []requirements{plain()}},
		{path: path("-nvidia", "x86_64"), serves: []requirements{nvidia()}},
		{path: path("-nvidia", "arm64"), serves: []requirements{nvidia()}},
	}}
}

// windowsCore is AWS's image for EKS with a release of Windows Server.
func windowsCore(release, build string) func(v1.Alias, cluster.Cluster) published {
	return func(_ v1.Alias, c cluster.Cluster) published {
		return published{parameters: []parameter{{
			path: fmt.Sprintf("/aws/service/ami-windows-latest/Windows_Server-%s-English-Core-EKS_Optimized-%s/image_id",
				release, c.Version.MinorString()),
			serves: []requirements{windows(build)},
		}}}
	}
}
