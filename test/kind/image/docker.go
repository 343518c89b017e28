package image

import (
	"context"
	"os"
	"path/filepath"
	"strings"
)

const (
	mirror = "http://deb.debian.org/debian"
	// dockerRelease is the first Debian whose Docker asks, for a privileged container, only
	// for the capabilities that it has itself: not every machine leaves root all of them.
	dockerRelease = "trixie"
)

func dockerPackages() string {
	return strings.Join([]string{"ca-certificates", "docker.io", "docker-cli", "iptables"}, ",")
}

// docker bootstraps a root file system with Docker in it. None of its packages is installed
// on this machine, so nothing here is started, configured or upgraded by them.
func (b Builder) docker(ctx context.Context) (string, error) {
	return b.step("docker", []string{mirror, dockerRelease, dockerPackages()}, func(dir string) error {
		// debootstrap mounts, and leaves mounts when it fails: they are of a namespace that ends with it.
		_, err := run(ctx, "/", "unshare", "--mount", "--propagation", "private", "debootstrap", "--variant=minbase", "--include="+dockerPackages(), dockerRelease, dir, mirror)
		if err != nil {
			return err
		}
		// Mount points, made here: what runs there shall not change the cache.
		for _, name := range []string{"var/lib/docker", "var/cache/apt/archives", "lib/modules"} {
			if err := os.RemoveAll(filepath.Join(dir, name)); err != nil {
				return err
			}
			if err := os.MkdirAll(filepath.Join(dir, name), 0o755); err != nil {
				return err
			}
		}
		return nil
	})
}
