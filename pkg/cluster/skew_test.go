package cluster_test

import (
	"testing"

	. "github.com/onsi/gomega"

	"github.com/karpenter-kubeadm/karpenter-provider-aws/pkg/cluster"
)

func TestSupportsKubelet(t *testing.T) {
	for name, tc := range map[string]struct {
		server, kubelet int
		want            bool
	}{
		"the same":                 {36, 36, true},
		"three older":              {31, 28, true},
		"four older":               {32, 28, false},
		"newer":                    {31, 32, false},
		"three older since 1.25":   {28, 25, true},
		"two older before 1.25":    {26, 24, true},
		"three older before 1.25":  {27, 24, false},
		"the oldest of the newest": {37, 34, true},
		"one less than that":       {37, 33, false},
	} {
		t.Run(name, func(t *testing.T) {
			g := NewWithT(t)
			server := cluster.Version{Major: 1, Minor: tc.server, Patch: 1}
			g.Expect(server.SupportsKubelet(cluster.Version{Major: 1, Minor: tc.kubelet, Patch: 9})).To(Equal(tc.want))
		})
	}
	g := NewWithT(t)
	g.Expect(cluster.Version{Major: 2, Minor: 36}.SupportsKubelet(cluster.Version{Major: 1, Minor: 36})).To(BeFalse())
}
