package docker

import (
	"os"
	"path/filepath"
	"strings"
	"testing"

	. "github.com/onsi/gomega"
)

// stand writes a program that stands for docker's client, and returns the Docker it makes.
func stand(t *testing.T, script string) Docker {
	t.Helper()
	dir := t.TempDir()
	NewWithT(t).Expect(os.WriteFile(filepath.Join(dir, "docker"), []byte("#!/bin/sh\n"+script), 0o700)).To(Succeed())
	return Docker{Path: dir + string(filepath.ListSeparator) + os.Getenv("PATH")}
}

func TestRunReturnsWhatDockerPrinted(t *testing.T) {
	g := NewWithT(t)
	out, err := stand(t, `echo "$@"; cat`).Run(t.Context(), strings.NewReader("from stdin\n"), "import", "-")
	g.Expect(err).NotTo(HaveOccurred())
	g.Expect(out).To(Equal("import -\nfrom stdin"))
}

func TestRunFailsWithWhatDockerSaid(t *testing.T) {
	_, err := stand(t, "echo no such network >&2; exit 1").Run(t.Context(), nil, "network", "rm", "kind")
	NewWithT(t).Expect(err).To(MatchError(And(ContainSubstring("docker network"), ContainSubstring("no such network"))))
}

func TestSweepRemovesWhatIsLabelledAndNothingElse(t *testing.T) {
	g := NewWithT(t)
	log := filepath.Join(t.TempDir(), "calls")
	d := stand(t, `echo "$@" >> `+log+`; case "$*" in "ps --all --quiet --filter label=`+Label+`") echo a; echo b ;; esac`)
	g.Expect(d.Sweep(t.Context())).To(Succeed())
	calls, err := os.ReadFile(log)
	g.Expect(err).NotTo(HaveOccurred())
	g.Expect(strings.Split(strings.TrimSpace(string(calls)), "\n")).To(Equal([]string{
		"ps --all --quiet --filter label=" + Label, "rm --force --volumes a", "rm --force --volumes b",
		"network ls --quiet --filter label=" + Label, "image ls --quiet --filter label=" + Label,
	}))
}

func TestRunningIsWhatAnswers(t *testing.T) {
	for name, tc := range map[string]struct {
		script string
		want   bool
	}{
		"a daemon that answers":     {script: "echo 28.0", want: true},
		"a client without a daemon": {script: "echo cannot connect >&2; exit 1"},
	} {
		t.Run(name, func(t *testing.T) {
			t.Setenv("PATH", stand(t, tc.script).Path)
			_, running := Running(t.Context())
			NewWithT(t).Expect(running).To(Equal(tc.want))
		})
	}
}
