package binary

import (
	"context"
	"encoding/json"
	"fmt"
	"io"
	"os"
	"path/filepath"
	"strings"
	"time"

	"k8s.io/utils/clock"

	"github.com/karpenter-kubeadm/karpenter-provider-aws/test/cluster/process"
)

// Platform is the module whose release names a build.
const Platform = "k8s.io/kubernetes"

const program = "kube"

// names are what the program can be called by; see its main.
func names() []string {
	return []string{"etcd", "kube-apiserver", "kube-controller-manager", "kube-scheduler", "kubeadm", "kubectl", "kubelet", "kube-proxy"}
}

// Builder builds the program of Source into Cache. All fields are needed.
type Builder struct {
	Source Source
	Cache  string
	// Group runs the Go command.
	Group *process.Group
	// Env is what the Go command inherits, as os.Environ.
	Env []string
	// Out takes the progress. Live says that it is a terminal.
	Out   io.Writer
	Live  bool
	Clock clock.WithTicker
}

// toolchain is what decides, beside the sources, what comes out.
type toolchain struct {
	Release string `json:"GOVERSION"`
	OS      string `json:"GOOS"`
	Arch    string `json:"GOARCH"`
	Cgo     string `json:"CGO_ENABLED"`
}

func (t toolchain) String() string {
	return fmt.Sprintf("%s-%s-%s-cgo%s", t.Release, t.OS, t.Arch, t.Cgo)
}

// Build returns the folder with the programs, and builds them where they are not there yet.
func (b Builder) Build(ctx context.Context) (string, error) {
	home := filepath.Join(b.Cache, program, b.Source.Hash())
	if err := os.MkdirAll(home, 0o755); err != nil {
		return "", fmt.Errorf("making the cache folder: %w", err)
	}
	unlock, err := b.lock(ctx, filepath.Join(home, "lock"))
	if err != nil {
		return "", err
	}
	defer unlock()
	return b.locked(ctx, home)
}

// locked is Build with the lock held, so that nobody else touches home.
func (b Builder) locked(ctx context.Context, home string) (string, error) {
	b.Env = append(environment(b.Env), "PWD="+home)
	src := filepath.Join(home, "src")
	if err := os.MkdirAll(src, 0o755); err != nil {
		return "", fmt.Errorf("making the source folder: %w", err)
	}
	if err := b.Source.write(src); err != nil {
		return "", fmt.Errorf("writing the sources: %w", err)
	}
	tool, err := b.toolchain(ctx, src)
	if err != nil {
		return "", err
	}
	bin := filepath.Join(home, tool.String())
	switch _, err := os.Stat(bin); {
	case err == nil:
		return bin, nil
	case !os.IsNotExist(err):
		return "", fmt.Errorf("looking for built programs: %w", err)
	}
	if err := b.build(ctx, src, bin); err != nil {
		return "", fmt.Errorf("building the Kubernetes programs: %w", err)
	}
	return bin, nil
}

func (b Builder) toolchain(ctx context.Context, src string) (toolchain, error) {
	var t toolchain
	answer, err := b.run(ctx, src, nil, "env", "-json", "GOVERSION", "GOOS", "GOARCH", "CGO_ENABLED")
	if err != nil {
		return t, fmt.Errorf("asking the Go command for its release: %w", err)
	}
	if err := json.Unmarshal(answer, &t); err != nil {
		return t, fmt.Errorf("reading the Go command's release: %w", err)
	}
	return t, nil
}

// build leaves the finished folder at bin, or nothing.
func (b Builder) build(ctx context.Context, src, bin string) error {
	version, err := b.Source.Version(Platform)
	if err != nil {
		return err
	}
	work := filepath.Join(filepath.Dir(bin), "work")
	// A builder that was killed may have left one, and we hold the lock.
	if err := os.RemoveAll(work); err != nil {
		return err
	}
	defer func() { _ = os.RemoveAll(work) }() // what stays is removed by the next builder
	out := filepath.Join(work, "out")
	if err := os.MkdirAll(out, 0o755); err != nil {
		return err
	}
	b.Env = append(b.Env, "GOTMPDIR="+work)
	if err := b.compile(ctx, src, filepath.Join(out, program), version); err != nil {
		return err
	}
	for _, name := range names() {
		if err := os.Symlink(program, filepath.Join(out, name)); err != nil {
			return err
		}
	}
	return os.Rename(out, bin)
}

func (b Builder) compile(ctx context.Context, src, out, version string) error {
	m := newMeter("Kubernetes "+version, b.Out, b.Live, b.Clock)
	every := quietEvery
	if b.Live {
		every = liveEvery
	}
	ticker := b.Clock.NewTicker(every)
	defer ticker.Stop()
	stop, shown := make(chan string), make(chan struct{})
	go func() {
		defer close(shown)
		m.show(ticker.C(), stop)
	}()
	err := b.measured(ctx, m, src, out, version)
	last := fmt.Sprintf("built %s in %s", m.what, b.Clock.Since(m.start).Round(time.Second))
	if err != nil {
		last = "building " + m.what + " did not succeed"
	}
	stop <- last
	<-shown
	return err
}

func (b Builder) measured(ctx context.Context, m *meter, src, out, version string) error {
	list, err := b.run(ctx, src, m, "list", "-buildvcs=false", "-deps", "-f", "{{if .Stale}}{{.ImportPath}}{{end}}", "./"+program)
	if err != nil {
		return err
	}
	m.expect(strings.Fields(string(list)))
	_, err = b.run(ctx, src, m, "build", "-buildvcs=false", "-v", "-ldflags", linkerFlags(version), "-o", out, "./"+program)
	return err
}

// linkerFlags stamps the release into the program: without, it calls itself v0.0.0-master, and kubeadm refuses
// to make a cluster of any release. Symbols are left out: nobody debugs these programs, and the file is smaller.
func linkerFlags(version string) string {
	major, rest, _ := strings.Cut(strings.TrimPrefix(version, "v"), ".")
	minor, _, _ := strings.Cut(rest, ".")
	flags := []string{"-s", "-w"}
	for _, pkg := range []string{"k8s.io/component-base/version", "k8s.io/client-go/pkg/version"} {
		flags = append(flags,
			"-X", pkg+".gitVersion="+version, "-X", pkg+".gitMajor="+major, "-X", pkg+".gitMinor="+minor,
			"-X", pkg+".gitTreeState=clean", "-X", pkg+".gitCommit=")
	}
	return strings.Join(flags, " ")
}

// run runs the Go command in dir and returns what it printed.
func (b Builder) run(ctx context.Context, dir string, stderr io.Writer, args ...string) ([]byte, error) {
	tool, err := goTool(b.Env)
	if err != nil {
		return nil, err
	}
	return b.Group.Run(ctx, process.Command{Path: tool, Args: args, Dir: dir, Env: b.Env}, stderr)
}
