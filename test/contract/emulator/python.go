package emulator

import (
	"cmp"
	"context"
	"fmt"
	"os"
	"os/exec"
	"path/filepath"
	"slices"
	"time"
)

// probeTimeout bounds the question to a Python for its version; a broken one may hang.
const probeTimeout = 20 * time.Second

// NoPythonError says that no Python on the machine will do.
type NoPythonError struct {
	Kind  string
	Want  Version
	Tried []string
}

// Error says what to install.
func (e *NoPythonError) Error() string {
	return fmt.Sprintf("%s needs Python %s or newer with its venv module, which was found neither on PATH nor with pyenv (tried %d): install it", e.Kind, e.Want, len(e.Tried))
}

// interpreter is a Python that can make virtual environments.
type interpreter struct {
	path    string
	version Version
}

// findPython returns the oldest Python that k works with: the one nearest to what k's
// dependencies were published for.
func findPython(ctx context.Context, k Kind) (interpreter, error) {
	var found []interpreter
	tried := candidates()
	for _, path := range tried {
		if p, ok := probe(ctx, path); ok && !p.version.less(k.oldest) {
			found = append(found, p)
		}
	}
	if len(found) == 0 {
		return interpreter{}, &NoPythonError{Kind: k.Name, Want: k.oldest, Tried: tried}
	}
	return slices.MinFunc(found, func(a, b interpreter) int {
		return cmp.Or(cmp.Compare(a.version.Major, b.version.Major), cmp.Compare(a.version.Minor, b.version.Minor))
	}), nil
}

// candidates are the Pythons of the machine, by where machines keep them.
func candidates() []string {
	var out []string
	add := func(pattern string) {
		matches, _ := filepath.Glob(pattern) // the patterns are well formed
		out = append(out, matches...)
	}
	for _, folder := range filepath.SplitList(os.Getenv("PATH")) {
		add(filepath.Join(folder, "python3"))
		add(filepath.Join(folder, "python3.[0-9]*[0-9]"))
	}
	if root := os.Getenv("PYENV_ROOT"); root != "" {
		add(filepath.Join(root, "versions", "*", "bin", "python3"))
	}
	if home, err := os.UserHomeDir(); err == nil {
		add(filepath.Join(home, ".pyenv", "versions", "*", "bin", "python3"))
	}
	slices.Sort(out)
	return slices.Compact(out)
}

// probe asks a Python for its version, and whether it can make a virtual environment with pip.
func probe(ctx context.Context, path string) (interpreter, bool) {
	ctx, cancel := context.WithTimeout(ctx, probeTimeout)
	defer cancel()
	out, err := exec.CommandContext(ctx, path, "-c", "import sys, venv, ensurepip; print(*sys.version_info[:2])").Output()
	if err != nil {
		return interpreter{}, false // a shim of another version, or one without venv
	}
	p := interpreter{path: path}
	n, err := fmt.Sscan(string(out), &p.version.Major, &p.version.Minor)
	return p, err == nil && n == 2
}
