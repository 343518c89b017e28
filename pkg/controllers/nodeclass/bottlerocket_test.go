package nodeclass

import (
	"testing"

	. "github.com/onsi/gomega"
	"github.com/onsi/gomega/types"

	"github.com/karpenter-kubeadm/karpenter-provider-aws/pkg/cluster"
)

func TestBottlerocketFault(t *testing.T) {
	for name, tc := range map[string]struct {
		image string
		want  types.GomegaMatcher
	}{
		"the cluster's own minor":           {"bottlerocket-aws-k8s-1.33-x86_64-v1.46.0-431fe75a", BeEmpty()},
		"an older minor":                    {"bottlerocket-aws-k8s-1.31-aarch64-v1.21.0-431fe75a", BeEmpty()},
		"with drivers":                      {"bottlerocket-aws-k8s-1.33-nvidia-x86_64-v1.46.0-431fe75a", BeEmpty()},
		"with a FIPS build":                 {"bottlerocket-aws-k8s-1.33-nvidia-fips-aarch64-v1.46.0-431fe75a", BeEmpty()},
		"a kubelet newer than the cluster":  {"bottlerocket-aws-k8s-1.34-x86_64-v1.46.0-431fe75a", ContainSubstring("has a kubelet of 1.34, and the cluster's API servers are 1.33.5")},
		"a release that knows no such name": {"bottlerocket-aws-k8s-1.30-x86_64-v1.20.5-431fe75a", ContainSubstring("is release 1.20")},
		"a variant for other clusters":      {"bottlerocket-aws-ecs-2-x86_64-v1.46.0-431fe75a", ContainSubstring("does not say in its name")},
		"another system":                    {"ubuntu/images/hvm-ssd-gp3/ubuntu-noble-24.04-amd64-server-1", ContainSubstring("does not say in its name")},
		"no name":                           {"", ContainSubstring("use amiFamily Custom")},
	} {
		t.Run(name, func(t *testing.T) {
			NewWithT(t).Expect(bottlerocketFault(tc.image, cluster.Version{Major: 1, Minor: 33, Patch: 5})).To(tc.want)
		})
	}
}
