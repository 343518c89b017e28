package image

import (
	"context"
	"fmt"
	"os"
	"path/filepath"
	"runtime"
)

// pureGo are the programs of test/node/programs that need no C library. Drivers of storage
// that nodes here do not have are left out of containerd.
func pureGo() []string {
	const containerd, plugins = "github.com/containerd/containerd/v2/cmd/", "github.com/containernetworking/plugins/plugins/"
	return []string{
		containerd + "containerd", containerd + "containerd-shim-runc-v2", containerd + "ctr",
		plugins + "ipam/host-local", plugins + "main/loopback", plugins + "main/ptp", plugins + "meta/portmap",
	}
}

const (
	containerdTags = "no_btrfs no_devmapper no_zfs no_aufs no_tracing"
	smallBinaries  = "-s -w"
)

// programs builds containerd, runc and the CNI plugins and returns their folder.
func (b Builder) programs(ctx context.Context) (string, error) {
	module := filepath.Join(b.Root, "test", "node", "programs")
	inputs := []string{containerdTags, runtime.Version(), runtime.GOARCH}
	for _, name := range []string{"go.mod", "go.sum"} {
		content, err := os.ReadFile(filepath.Join(module, name))
		if err != nil {
			return "", fmt.Errorf("reading the requirements of the node's programs: %w", err)
		}
		inputs = append(inputs, string(content))
	}
	return b.step("programs", inputs, func(dir string) error {
		out := dir + string(filepath.Separator)
		args := append([]string{"build", "-buildvcs=false", "-ldflags", smallBinaries, "-tags", containerdTags, "-o", out}, pureGo()...)
		if _, err := b.goTool(ctx, module, []string{"CGO_ENABLED=0"}, args...); err != nil {
			return err
		}
		_, err := b.goTool(ctx, module, []string{"CGO_ENABLED=1"}, "build", "-buildvcs=false", "-ldflags", smallBinaries, "-tags", "seccomp",
			"-o", out, "github.com/opencontainers/runc")
		return err
	})
}

// own builds a program of this module, statically, and returns its file.
func (b Builder) own(ctx context.Context, dir, name string) (string, error) {
	file := filepath.Join(dir, name)
	_, err := b.goTool(ctx, b.Root, []string{"CGO_ENABLED=0"}, "build", "-buildvcs=false", "-trimpath", "-ldflags", smallBinaries, "-o", file, "./test/node/"+name)
	return file, err
}
