package main

import (
	"testing"

	. "github.com/onsi/gomega"
)

func TestCheck(t *testing.T) {
	for name, tc := range map[string]struct {
		importer string
		imported string
		fault    string // empty: allowed
	}{
		"a provider uses vocabulary":                   {"pkg/providers/launch", module + "pkg/pool", ""},
		"a provider uses the SDK":                      {"pkg/providers/launch", sdk + "/service/ec2", ""},
		"a provider uses its own inner package":        {"pkg/providers/offering", module + "pkg/providers/offering/pricetable", ""},
		"a provider does not use a sibling":            {"pkg/providers/launch", module + "pkg/providers/ami", "siblings"},
		"a provider does not look up":                  {"pkg/providers/launch", module + "pkg/cloudprovider", "above layer 2"},
		"a provider reads no environment":              {"pkg/providers/launch", "os", "does not know os"},
		"an actor sees no SDK type":                    {"pkg/cloudprovider", sdk + "/service/ec2/types", "does not know " + sdk},
		"an actor uses a provider's results":           {"pkg/controllers/csr", module + "pkg/providers/token", ""},
		"controllers do not know each other":           {"pkg/controllers/csr", module + "pkg/controllers/token", "siblings"},
		"vocabulary does no I/O":                       {"pkg/join", "net/http", "does not know net/http"},
		"production code never imports tests":          {"pkg/operator", module + "test/awsfake", "above layer 4"},
		"the wiring knows all":                         {"pkg/operator", module + "pkg/controllers/csr", ""},
		"a package without a row is a fault":           {"pkg/utils", "fmt", "has no row"},
		"a folder's name is not a prefix of another's": {"pkg/joiner", "fmt", "has no row"},
	} {
		t.Run(name, func(t *testing.T) {
			g := NewWithT(t)
			faults := check(pkg{ImportPath: module + tc.importer, Imports: []string{tc.imported}})
			if tc.fault == "" {
				g.Expect(faults).To(BeEmpty())
				return
			}
			g.Expect(faults).To(ConsistOf(ContainSubstring(tc.fault)))
		})
	}
}
