package join_test

import (
	"os"
	"os/exec"
	"path/filepath"
	"strings"
	"testing"

	. "github.com/onsi/gomega"
)

// The scripts of all goldens pass ShellCheck as they are rendered, so that a variable that
// nothing sets is found. `make shellcheck` names the program.
func TestShellCheck(t *testing.T) {
	program := os.Getenv("SHELLCHECK")
	if program == "" {
		t.Skip("SHELLCHECK does not name the program; make shellcheck does")
	}
	g := NewWithT(t)
	dir := t.TempDir()
	var files []string
	seen := map[string]bool{}
	for name, s := range goldens(t) {
		for _, script := range ownScripts(t, string(read(t, "golden/"+name+".golden"))) {
			// Patches of the version make no other script.
			if minorless := strings.ReplaceAll(script, s.Cluster.Version.MinorString(), ""); !seen[minorless] {
				seen[minorless] = true
				files = append(files, filepath.Join(dir, strings.ReplaceAll(name, "/", "-")+".sh"))
				g.Expect(os.WriteFile(files[len(files)-1], []byte(script), 0o600)).To(Succeed())
			}
		}
	}
	g.Expect(len(files)).To(BeNumerically(">", 2*len(families)), "of each family those of kubeadm's two APIs")
	report, err := exec.CommandContext(t.Context(), program, append([]string{"--severity=style", "--shell=bash"}, files...)...).CombinedOutput()
	g.Expect(err).NotTo(HaveOccurred(), string(report))
}

// ownScripts are those in user data that are ours.
func ownScripts(t *testing.T, userData string) []string {
	t.Helper()
	var found []string
	if strings.HasPrefix(userData, `{"ignition":`) {
		found = append(found, ignitionScript(t, []byte(userData)))
	}
	switch {
	case strings.HasPrefix(userData, "{"):
		found = append(found, ignitionScript(t, []byte(userData)))
	case strings.HasPrefix(userData, "MIME-Version:"):
		for _, part := range parse(t, strings.NewReader(userData)) {
			if strings.Contains(part.body, "karpenter-join phase=") {
				found = append(found, part.body)
			}
		}
	}
	return found
}
