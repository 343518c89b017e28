package emulator

import (
	"bufio"
	"context"
	"crypto/sha256"
	"errors"
	"fmt"
	"io"
	"os"
	"os/exec"
	"path/filepath"
	"strings"
	"syscall"
	"time"

	"github.com/karpenter-kubeadm/karpenter-provider-aws/test/contract"
)

// complete is a file that an environment has when everything is in it.
const complete = ".complete"

// Installed is an endpoint that can be started.
type Installed struct {
	kind   Kind
	python string
}

// Install finds a Python and makes a virtual environment with what k needs in the folder
// cache, unless it is there. It tells progress what it does. Its error is a
// *NoPythonError when the machine has no Python for it.
func Install(ctx context.Context, k Kind, cache string, progress io.Writer) (Installed, error) {
	base, err := findPython(ctx, k)
	if err != nil {
		return Installed{}, err
	}
	files, identity, err := requirements(k)
	if err != nil {
		return Installed{}, err
	}
	folder := filepath.Join(cache, "python", fmt.Sprintf("%s-%s-%s", k.Name, base.version, identity))
	if err := os.MkdirAll(filepath.Dir(folder), 0o750); err != nil {
		return Installed{}, fmt.Errorf("making the folder for Python environments: %w", err)
	}
	unlock, err := lock(folder + ".lock")
	if err != nil {
		return Installed{}, err
	}
	defer unlock()
	v := environment{folder: folder, progress: progress}
	if err := v.fill(ctx, k, base, files); err != nil {
		return Installed{}, fmt.Errorf("installing %s from the Python package index (check the network, and which index pip is set to): %w", k.Name, err)
	}
	return Installed{kind: k, python: v.python()}, nil
}

// requirements returns k's requirement files, those of build tools first, and what
// identifies them.
func requirements(k Kind) (map[string][]byte, string, error) {
	names, files, sum := []string{k.Name}, map[string][]byte{}, sha256.New()
	if k.built {
		names = append(names, "build")
	}
	for _, name := range names {
		text, err := contract.Requirements.ReadFile("requirements-" + name + ".txt")
		if err != nil {
			return nil, "", fmt.Errorf("reading requirements: %w", err)
		}
		files[name] = text
		sum.Write(text)
	}
	return files, fmt.Sprintf("%x", sum.Sum(nil))[:12], nil
}

// lock keeps other processes from filling the same environment.
func lock(path string) (func(), error) {
	file, err := os.OpenFile(path, os.O_CREATE|os.O_RDWR, 0o600)
	if err != nil {
		return nil, fmt.Errorf("opening lock: %w", err)
	}
	if err := syscall.Flock(int(file.Fd()), syscall.LOCK_EX); err != nil {
		return nil, errors.Join(fmt.Errorf("locking %s: %w", path, err), file.Close())
	}
	return func() { _ = file.Close() }, nil // closing unlocks
}

// environment is a virtual one.
type environment struct {
	folder   string
	progress io.Writer
}

func (e environment) python() string { return filepath.Join(e.folder, "bin", "python") }

// fill makes the environment, from nothing where an earlier try was cut off.
func (e environment) fill(ctx context.Context, k Kind, base interpreter, files map[string][]byte) error {
	if _, err := os.Stat(filepath.Join(e.folder, complete)); err == nil {
		return nil
	}
	if err := os.RemoveAll(e.folder); err != nil {
		return fmt.Errorf("removing an unfinished environment: %w", err)
	}
	_, _ = fmt.Fprintf(e.progress, "%s: making an environment with Python %s\n", k.Name, base.version)
	if out, err := exec.CommandContext(ctx, base.path, "-m", "venv", e.folder).CombinedOutput(); err != nil {
		return fmt.Errorf("making a virtual environment: %w: %s", err, out)
	}
	if k.built {
		if err := e.pip(ctx, "build", files["build"], "--only-binary", ":all:"); err != nil {
			return err
		}
	}
	// What is built is built with the tools above, whose hashes are known, and not with the newest.
	how := []string{"--only-binary", ":all:"}
	if k.built {
		how = []string{"--no-build-isolation"}
	}
	if err := e.pip(ctx, k.Name, files[k.Name], how...); err != nil {
		return err
	}
	if err := os.WriteFile(filepath.Join(e.folder, complete), nil, 0o600); err != nil {
		return fmt.Errorf("marking the environment as complete: %w", err)
	}
	return nil
}

// pip installs what a requirement file lists, and nothing whose hash is not in it.
func (e environment) pip(ctx context.Context, name string, requirements []byte, how ...string) error {
	list := filepath.Join(e.folder, "requirements-"+name+".txt")
	if err := os.WriteFile(list, requirements, 0o600); err != nil {
		return fmt.Errorf("writing requirements: %w", err)
	}
	args := append([]string{"-m", "pip", "install", "--require-hashes", "--no-input", "--disable-pip-version-check", "--progress-bar", "off", "-r", list}, how...)
	cmd := exec.CommandContext(ctx, e.python(), args...)
	cmd.WaitDelay = 10 * time.Second // a child of pip's may keep the pipe
	reader, writer, err := os.Pipe()
	if err != nil {
		return fmt.Errorf("making a pipe: %w", err)
	}
	defer func() { _ = reader.Close() }()
	cmd.Stdout, cmd.Stderr = writer, writer
	err = cmd.Start()
	_ = writer.Close() // the child has its own
	if err != nil {
		return fmt.Errorf("starting pip: %w", err)
	}
	last := e.follow(name, reader, strings.Count(string(requirements), "=="))
	if err := cmd.Wait(); err != nil {
		return fmt.Errorf("pip install (%s): %w:\n%s", name, err, strings.Join(last, "\n"))
	}
	return nil
}

// kept is how many of pip's last lines an error has.
const kept = 15

// follow tells progress which package pip is at, of about total, and returns its last lines.
func (e environment) follow(name string, output io.Reader, total int) []string {
	var last []string
	n := 0
	for lines := bufio.NewScanner(output); lines.Scan(); {
		line := strings.TrimSpace(lines.Text())
		if last = append(last, line); len(last) > kept {
			last = last[1:]
		}
		what, found := strings.CutPrefix(line, "Collecting ")
		if found {
			n++
			_, _ = fmt.Fprintf(e.progress, "%s: %d of %d: %s\n", name, n, total, strings.Fields(what)[0])
		} else if strings.HasPrefix(line, "Installing collected") {
			_, _ = fmt.Fprintf(e.progress, "%s: installing\n", name)
		}
	}
	return last
}
