package binary

import (
	"os"
	"path/filepath"
	"testing"

	. "github.com/onsi/gomega"
)

func TestEnvironment(t *testing.T) {
	const tool = "/home/u/go/pkg/mod/golang.org/toolchain@v0.0.1-go1.99.0.linux-amd64"
	cases := map[string]struct {
		in, out []string
	}{
		"what is not Go's stays":                    {in: []string{"HOME=/home/u", "GOPROXY=p", "GOTOOLCHAIN=auto"}, out: []string{"HOME=/home/u", "GOPROXY=p", "GOTOOLCHAIN=auto"}},
		"flags and workspaces of the caller do not": {in: []string{"GOFLAGS=-race", "GOWORK=/w"}},
		"a downloaded release goes last":            {in: []string{"PATH=" + tool + "/bin:/usr/local/go/bin:/bin"}, out: []string{"PATH=/usr/local/go/bin:/bin:" + tool + "/bin"}},
		"and its GOROOT is forgotten":               {in: []string{"GOROOT=" + tool}},
		"the GOROOT of an installed release stays":  {in: []string{"GOROOT=/usr/local/go"}, out: []string{"GOROOT=/usr/local/go"}},
		"the switch's own marks go":                 {in: []string{"GOTOOLCHAIN_INTERNAL_SWITCH_COUNT=1"}},
		"the caller's folder goes":                  {in: []string{"PWD=/somewhere"}},
	}
	for name, c := range cases {
		t.Run(name, func(t *testing.T) {
			NewWithT(t).Expect(environment(c.in)).To(Equal(append(c.out, "GOFLAGS=", "GOWORK=off")))
		})
	}
}

func TestGoTool(t *testing.T) {
	g := NewWithT(t)
	without, notExecutable, with, later := t.TempDir(), t.TempDir(), t.TempDir(), t.TempDir()
	g.Expect(os.WriteFile(filepath.Join(notExecutable, "go"), nil, 0o600)).To(Succeed())
	for _, dir := range []string{with, later} {
		g.Expect(os.WriteFile(filepath.Join(dir, "go"), nil, 0o700)).To(Succeed())
	}
	g.Expect(goTool([]string{"PATH=" + without + ":" + notExecutable + ":" + with + ":" + later})).To(Equal(filepath.Join(with, "go")))
	_, err := goTool([]string{"HOME=" + with, "PATH=" + without})
	g.Expect(err).To(MatchError(errNoGo))
	_, err = goTool(nil)
	g.Expect(err).To(MatchError(errNoGo))
}
