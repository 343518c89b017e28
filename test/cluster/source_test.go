package main

import (
	"testing"

	. "github.com/onsi/gomega"

	"github.com/karpenter-kubeadm/karpenter-provider-aws/test/cluster/binary"
)

func TestSource(t *testing.T) {
	for name, tc := range map[string]struct {
		asked, want string
		err         OmegaMatcher
	}{
		"nothing asked for":             {want: "v1.36.", err: BeNil()},
		"a minor":                       {asked: "1.34", want: "v1.34.", err: BeNil()},
		"a patch":                       {asked: "1.34.4", want: "v1.34.4", err: BeNil()},
		"with its v":                    {asked: "v1.36", want: "v1.36.", err: BeNil()},
		"a minor that starts like one":  {asked: "1.3", err: MatchError(ContainSubstring(`"1.3" cannot be built here; take one of 1.36.`))},
		"a patch that is not there":     {asked: "1.34.99", err: MatchError(ContainSubstring("1.34.4"))},
		"a minor that is not there yet": {asked: "1.99", err: MatchError(errRelease{asked: "1.99", known: []string{"1.36.3", "1.34.4"}})},
	} {
		t.Run(name, func(t *testing.T) {
			g := NewWithT(t)
			s, err := source(tc.asked)
			g.Expect(err).To(tc.err)
			if err == nil {
				g.Expect(s.Version(binary.Platform)).To(HavePrefix(tc.want))
				g.Expect(s).To(And(HaveLen(3), HaveKey("go.sum"), HaveKey("kube/main.go")))
			}
		})
	}
}
