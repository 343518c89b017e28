package main

import (
	"net/netip"
	"slices"
	"testing"

	. "github.com/onsi/gomega"
)

func TestCandidates(t *testing.T) {
	for name, tc := range map[string]struct {
		address string
		err     OmegaMatcher
	}{
		"loopback":                            {address: "127.3.2.1", err: BeNil()},
		"private, as that of a test's bridge": {address: "10.0.255.10", err: BeNil()},
		"public":                              {address: "198.51.100.7", err: MatchError(ContainSubstring(`--address: "198.51.100.7" is not`))},
		"all addresses":                       {address: "0.0.0.0", err: MatchError(ContainSubstring(`"0.0.0.0" is not`))},
		"link-local":                          {address: "169.254.169.254", err: MatchError(ContainSubstring("is not"))},
		"IPv6":                                {address: "fd00::1", err: MatchError(ContainSubstring("is not"))},
		"no address":                          {address: "localhost", err: MatchError(ContainSubstring(`"localhost" is not`))},
	} {
		t.Run(name, func(t *testing.T) {
			g := NewWithT(t)
			found, err := (&options{address: tc.address}).candidates()
			g.Expect(err).To(tc.err)
			if err == nil {
				g.Expect(slices.Collect(found)).To(Equal([]netip.Addr{netip.MustParseAddr(tc.address)}))
			}
		})
	}
}
