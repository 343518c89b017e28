package emulator_test

import (
	"bytes"
	"os"
	"path/filepath"
	"testing"

	. "github.com/onsi/gomega"

	"github.com/karpenter-kubeadm/karpenter-provider-aws/test/contract/emulator"
)

// python is a shell script that plays a Python 3.x, its venv, its pip and moto's server. Its
// minor version and what goes wrong are in the environment.
const python = `#!/bin/sh
case "$*" in
"-c "*) echo "3 $MINOR" ;;
"-m venv "*) mkdir -p "$3/bin" && cp "$0" "$3/bin/python" ;;
*"pip install"*)
	echo "Collecting moto==5.2.5 (from -r list)"
	echo "pip $*" >>"$CALLS"
	if [ -n "$BROKEN_INDEX" ]; then echo "ERROR: no index today"; exit 1; fi
	echo "Installing collected packages: moto" ;;
*moto.server*) echo "ModuleNotFoundError: $HOME"; exit 3 ;;
*) echo "unexpected: $*" >&2; exit 9 ;;
esac
`

// machine has one Python on its PATH, beside the tools that the script needs. It returns the
// cache folder and the file with pip's calls.
func machine(t *testing.T, minor string) (cache, calls string) {
	t.Helper()
	g, bin, folder := NewWithT(t), t.TempDir(), t.TempDir()
	g.Expect(os.WriteFile(filepath.Join(bin, "python3"), []byte(python), 0o755)).To(Succeed())
	for _, tool := range []string{"mkdir", "cp"} {
		g.Expect(os.Symlink(filepath.Join("/bin", tool), filepath.Join(bin, tool))).To(Succeed())
	}
	calls = filepath.Join(folder, "calls")
	for key, value := range map[string]string{"PATH": bin, "HOME": folder, "PYENV_ROOT": "", "MINOR": minor, "CALLS": calls, "BROKEN_INDEX": ""} {
		t.Setenv(key, value)
	}
	return folder, calls
}

func named(t *testing.T, name string) emulator.Kind {
	t.Helper()
	kind, err := emulator.Named(name)
	NewWithT(t).Expect(err).NotTo(HaveOccurred())
	return kind
}

func TestNamed(t *testing.T) {
	g := NewWithT(t)
	for _, name := range emulator.Names() {
		g.Expect(named(t, name).Name).To(Equal(name))
	}
	_, err := emulator.Named("floci")
	g.Expect(err).To(MatchError(ContainSubstring("moto and localstack")))
}

func TestNoPythonIsYoungEnough(t *testing.T) {
	for name, minor := range map[string]string{"moto": "11", "localstack": "12"} {
		t.Run(name, func(t *testing.T) {
			g := NewWithT(t)
			cache, _ := machine(t, minor)
			_, err := emulator.Install(t.Context(), named(t, name), cache, &bytes.Buffer{})
			var missing *emulator.NoPythonError
			g.Expect(err).To(BeAssignableToTypeOf(missing))
			g.Expect(err).To(MatchError(MatchRegexp(name + ` needs Python 3\.1[23] or newer`)))
		})
	}
}

func TestInstallIsDoneOnce(t *testing.T) {
	g := NewWithT(t)
	cache, calls := machine(t, "13")
	var progress bytes.Buffer
	for range 2 {
		_, err := emulator.Install(t.Context(), named(t, "localstack"), cache, &progress)
		g.Expect(err).NotTo(HaveOccurred())
	}
	text, err := os.ReadFile(calls)
	g.Expect(err).NotTo(HaveOccurred())
	g.Expect(bytes.Count(text, []byte("--require-hashes"))).To(Equal(2), "build tools, then the rest: %s", text)
	g.Expect(string(text)).To(MatchRegexp(`(?s)requirements-build.txt --only-binary :all:.*requirements-localstack.txt --no-build-isolation`))
	g.Expect(progress.String()).To(And(ContainSubstring("1 of 113: moto==5.2.5"), ContainSubstring("localstack: installing")))
}

func TestAFailedInstallationSaysWhyAndIsMadeAnew(t *testing.T) {
	g := NewWithT(t)
	cache, _ := machine(t, "12")
	t.Setenv("BROKEN_INDEX", "1")
	_, err := emulator.Install(t.Context(), named(t, "moto"), cache, &bytes.Buffer{})
	g.Expect(err).To(MatchError(And(ContainSubstring("installing moto from the Python package index (check the network"), ContainSubstring("no index today"))))
	t.Setenv("BROKEN_INDEX", "")
	_, err = emulator.Install(t.Context(), named(t, "moto"), cache, &bytes.Buffer{})
	g.Expect(err).NotTo(HaveOccurred())
}

func TestAServerThatEndsIsReportedAndLeavesNothing(t *testing.T) {
	g := NewWithT(t)
	cache, _ := machine(t, "12")
	temporary := t.TempDir()
	t.Setenv("TMPDIR", temporary)
	installed, err := emulator.Install(t.Context(), named(t, "moto"), cache, &bytes.Buffer{})
	g.Expect(err).NotTo(HaveOccurred())
	_, err = installed.Start(t.Context(), "127.0.0.1")
	g.Expect(err).To(MatchError(And(ContainSubstring("starting moto: it ended"), ContainSubstring("ModuleNotFoundError: "+temporary))))
	left, err := os.ReadDir(temporary)
	g.Expect(err).NotTo(HaveOccurred())
	g.Expect(left).To(BeEmpty())
}
