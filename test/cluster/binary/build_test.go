package binary

import (
	"bytes"
	"context"
	"errors"
	"io"
	"os"
	"path/filepath"
	"strings"
	"sync"
	"testing"
	"time"

	. "github.com/onsi/gomega"
	"k8s.io/utils/clock"

	"github.com/karpenter-kubeadm/karpenter-provider-aws/test/cluster/process"
)

// goScript stands for the Go command: it keeps a record of what it was asked, and "builds" a file.
const goScript = `#!/bin/sh
echo "$@" >>"$RECORD"
case $1 in
env) echo '{"GOVERSION":"go1.99","GOOS":"linux","GOARCH":"amd64","CGO_ENABLED":"1"}';;
list) printf 'a\nb\n';;
build)
  echo a >&2; echo b >&2
  if [ -n "$BROKEN" ]; then echo '# b' >&2; echo 'b/x.go:1: broken' >&2; exit 1; fi
  while [ "$1" != -o ]; do shift; done
  echo program >"$2"; chmod +x "$2";;
esac
`

// bench is a builder with its cache, and the record of its Go command.
type bench struct {
	Builder
	record string
}

func newBench(t *testing.T, env ...string) bench {
	g := NewWithT(t)
	dir := t.TempDir()
	tools, record := filepath.Join(dir, "tools"), filepath.Join(dir, "record")
	g.Expect(os.Mkdir(tools, 0o700)).To(Succeed())
	g.Expect(os.WriteFile(filepath.Join(tools, "go"), []byte(goScript), 0o700)).To(Succeed())
	group := process.New()
	t.Cleanup(group.Close)
	return bench{record: record, Builder: Builder{
		Source: Source{"go.mod": goMod, "kube/main.go": "package main"},
		Cache:  filepath.Join(dir, "cache"),
		Group:  group,
		Env:    append([]string{"PATH=" + tools + ":/usr/bin:/bin", "RECORD=" + record}, env...),
		Out:    io.Discard,
		Clock:  clock.RealClock{},
	}}
}

// builds counts the calls of "go build".
func (b bench) builds(g Gomega) int {
	text, err := os.ReadFile(b.record)
	g.Expect(err).NotTo(HaveOccurred())
	return strings.Count("\n"+string(text), "\nbuild ")
}

func TestBuild(t *testing.T) {
	g := NewWithT(t)
	b := newBench(t)
	var out bytes.Buffer
	b.Out = &out
	bin, err := b.Build(t.Context())
	g.Expect(err).NotTo(HaveOccurred())
	g.Expect(bin).To(Equal(filepath.Join(b.Cache, "kube", b.Source.Hash(), "go1.99-linux-amd64-cgo1")))
	for _, name := range []string{"etcd", "kube-apiserver", "kube-controller-manager", "kube-scheduler", "kubeadm", "kubectl", "kubelet", "kube-proxy"} {
		g.Expect(os.ReadFile(filepath.Join(bin, name))).To(Equal([]byte("program\n")), name)
	}
	g.Expect(os.ReadFile(filepath.Join(filepath.Dir(bin), "src", "kube", "main.go"))).To(Equal([]byte("package main")))
	g.Expect(filepath.Join(filepath.Dir(bin), "work")).NotTo(BeAnExistingFile())
	g.Expect(out.String()).To(ContainSubstring("built Kubernetes v1.36.3 in "))

	g.Expect(b.Build(t.Context())).To(Equal(bin))
	g.Expect(b.builds(g)).To(Equal(1), "what is there is not built again")

	b.Source = Source{"go.mod": goMod, "kube/main.go": "package other"}
	g.Expect(b.Build(t.Context())).NotTo(Equal(bin))
	g.Expect(b.builds(g)).To(Equal(2), "other sources are")
}

func TestTwoBuildersBuildOnce(t *testing.T) {
	g := NewWithT(t)
	b := newBench(t)
	var wg sync.WaitGroup
	bins, errs := make([]string, 4), make([]error, 4)
	for i := range bins {
		wg.Go(func() { bins[i], errs[i] = b.Build(t.Context()) })
	}
	wg.Wait()
	g.Expect(errors.Join(errs...)).NotTo(HaveOccurred())
	g.Expect(bins).To(HaveEach(Equal(bins[0])))
	g.Expect(b.builds(g)).To(Equal(1))
}

func TestABrokenBuildIsToldAndTriedAgain(t *testing.T) {
	g := NewWithT(t)
	b := newBench(t, "BROKEN=yes")
	_, err := b.Build(t.Context())
	g.Expect(err).To(MatchError(And(ContainSubstring("building the Kubernetes programs"), ContainSubstring("b/x.go:1: broken"))))
	b.Env = b.Env[:2]
	bin, err := b.Build(t.Context())
	g.Expect(err).NotTo(HaveOccurred())
	g.Expect(filepath.Join(bin, "kubeadm")).To(BeAnExistingFile())
}

func TestLeftoversOfAKilledBuilderAreNoObstacle(t *testing.T) {
	g := NewWithT(t)
	b := newBench(t)
	stale := filepath.Join(b.Cache, "kube", b.Source.Hash(), "work", "out")
	g.Expect(os.MkdirAll(filepath.Join(stale, "etcd"), 0o755)).To(Succeed())
	bin, err := b.Build(t.Context())
	g.Expect(err).NotTo(HaveOccurred())
	g.Expect(os.ReadFile(filepath.Join(bin, "etcd"))).To(Equal([]byte("program\n")))
}

func TestWaitingForAnotherBuilderEndsWithTheContext(t *testing.T) {
	g := NewWithT(t)
	b := newBench(t)
	path := filepath.Join(t.TempDir(), "lock")
	unlock, err := b.lock(t.Context(), path)
	g.Expect(err).NotTo(HaveOccurred())
	reason := errors.New("no longer wanted")
	ctx, cancel := context.WithTimeoutCause(t.Context(), time.Millisecond, reason)
	defer cancel()
	var out bytes.Buffer
	b.Out = &out
	_, err = b.lock(ctx, path)
	g.Expect(err).To(MatchError(reason))
	g.Expect(out.String()).To(Equal("waiting for another process that builds the same programs\n"))
	unlock()
	unlock, err = b.lock(t.Context(), path)
	g.Expect(err).NotTo(HaveOccurred())
	unlock()
}

func TestNoGoCommand(t *testing.T) {
	g := NewWithT(t)
	b := newBench(t)
	b.Env = []string{"PATH=" + t.TempDir()}
	_, err := b.Build(t.Context())
	g.Expect(err).To(MatchError(errNoGo))
}

func TestLinkerFlags(t *testing.T) {
	g := NewWithT(t)
	flags := linkerFlags("v1.36.3")
	g.Expect(flags).To(HavePrefix("-s -w "))
	for _, want := range []string{"gitVersion=v1.36.3", "gitMajor=1", "gitMinor=36"} {
		g.Expect(flags).To(ContainSubstring("-X k8s.io/component-base/version." + want))
	}
}
