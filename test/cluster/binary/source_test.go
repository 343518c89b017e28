package binary

import (
	"testing"

	. "github.com/onsi/gomega"
)

const goMod = `module example.test/cluster

go 1.26.0

require (
	k8s.io/kubernetes v1.36.3
	k8s.io/kubernetes-extra v9.9.9 // indirect
)

require example.test/alone v0.1.0
`

func TestHash(t *testing.T) {
	base := Source{"go.mod": "a", "kube/main.go": "b"}
	cases := map[string]struct {
		files Source
		same  bool
	}{
		"the same files have the same hash":     {files: Source{"kube/main.go": "b", "go.mod": "a"}, same: true},
		"another content has another":           {files: Source{"go.mod": "a", "kube/main.go": "c"}},
		"another name has another":              {files: Source{"go.mod": "a", "kube/other.go": "b"}},
		"content that moves over a border, too": {files: Source{"go.mod": "ab", "kube/main.go": ""}},
		"one file more has another":             {files: Source{"go.mod": "a", "kube/main.go": "b", "go.sum": ""}},
	}
	for name, c := range cases {
		t.Run(name, func(t *testing.T) {
			g := NewWithT(t)
			want := base.Hash()
			g.Expect(want).To(HaveLen(16))
			g.Expect(c.files.Hash() == want).To(Equal(c.same))
		})
	}
}

func TestVersion(t *testing.T) {
	cases := map[string]struct {
		module, version, err string
	}{
		"in a list":                        {module: "k8s.io/kubernetes", version: "v1.36.3"},
		"on a line of its own":             {module: "example.test/alone", version: "v0.1.0"},
		"a longer name is another module":  {module: "k8s.io/kubernetes-extra", version: "v9.9.9"},
		"a module that is not required":    {module: "k8s.io/absent", err: "does not require k8s.io/absent"},
		"a dot in the name is only a dot":  {module: "k8sXio/kubernetes", err: "does not require"},
		"the module itself is no requirer": {module: "example.test/cluster", err: "does not require"},
	}
	for name, c := range cases {
		t.Run(name, func(t *testing.T) {
			g := NewWithT(t)
			version, err := Source{"go.mod": goMod}.Version(c.module)
			if c.err != "" {
				g.Expect(err).To(MatchError(ContainSubstring(c.err)))
				return
			}
			g.Expect(err).NotTo(HaveOccurred())
			g.Expect(version).To(Equal(c.version))
		})
	}
}
