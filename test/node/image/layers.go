package image

import (
	"context"
	"errors"
	"fmt"
	"os"
	"path"
	"path/filepath"
	"strings"

	"golang.org/x/sys/unix"
)

// Folders beside the results of steps, while steps are made.
const (
	guestPrefix = "guest-"
	mountPrefix = "mount-"
)

// builtin are the kernel modules that scripts load. A node shares its kernel with everything
// else on the machine and must not load modules into it: to modprobe these are part of the
// kernel, which world.Check has made sure of.
const builtin = "kernel/fs/overlayfs/overlay.ko\nkernel/net/bridge/br_netfilter.ko\n"

// stock is the layer that makes the operating system a cloud's image: a stand-in for
// cloud-init, the sources of packages, the archives of container images.
func (b Builder) stock(ctx context.Context, base, repositories string) (string, error) {
	text, err := treeText("files/machine")
	if err != nil {
		return "", err
	}
	release, err := kernelRelease()
	if err != nil {
		return "", err
	}
	own, err := os.MkdirTemp(b.Cache, guestPrefix)
	if err != nil {
		return "", err
	}
	defer func() { _ = os.RemoveAll(own) }()
	inputs := []string{filepath.Base(base), filepath.Base(repositories), text, release, builtin}
	programs := map[string]string{}
	for _, name := range []string{"guest", "pause"} {
		if programs[name], err = b.own(ctx, own, name); err != nil {
			return "", err
		}
		content, err := os.ReadFile(programs[name])
		if err != nil {
			return "", err
		}
		inputs = append(inputs, string(content))
	}
	return b.step("stock", inputs, func(dir string) error {
		if err := furnish(dir, release, programs); err != nil {
			return err
		}
		if err := copyFile(filepath.Join(repositories, distributionKey), filepath.Join(dir, "etc/apt/keyrings", distributionKey), 0o644); err != nil {
			return err
		}
		if err := b.images(ctx, filepath.Join(dir, "opt/images"), programs["pause"], base); err != nil {
			return err
		}
		return within(ctx, mounts{upper: dir, lower: []string{base}}, "/sbin/depmod", release)
	})
}

func furnish(dir, release string, programs map[string]string) error {
	if err := lay("files/machine", dir, strings.NewReplacer()); err != nil {
		return err
	}
	if err := copyFile(programs["guest"], filepath.Join(dir, "usr/bin/cloud-init"), 0o755); err != nil {
		return err
	}
	const units = "etc/systemd/system/"
	for at, target := range map[string]string{
		units + "multi-user.target.wants/cloud-final.service": "../cloud-final.service",
		units + "default.target":                              "/lib/systemd/system/multi-user.target",
	} {
		if err := link(target, filepath.Join(dir, at)); err != nil {
			return err
		}
	}
	modules := filepath.Join(dir, "usr/lib/modules", release)
	if err := os.MkdirAll(modules, 0o755); err != nil {
		return err
	}
	for name, content := range map[string]string{"modules.builtin": builtin, "modules.order": ""} {
		if err := os.WriteFile(filepath.Join(modules, name), []byte(content), 0o644); err != nil {
			return err
		}
	}
	return nil
}

// baked is the layer that has every package of the repositories installed.
func (b Builder) baked(ctx context.Context, stock []string, repositories string) (string, error) {
	inputs := append(make([]string, 0, 1+len(stock)), filepath.Base(repositories))
	for _, layer := range stock {
		inputs = append(inputs, filepath.Base(layer))
	}
	return b.step("baked", inputs, func(dir string) error {
		return within(ctx, mounts{upper: dir, lower: stock, shown: repositories},
			"/bin/sh", "-ec", fmt.Sprintf("dpkg --install /mnt/%s/*.deb /mnt/%s/*.deb",
				path.Join(archiveHost, archivePath), path.Join(kubernetesHost, b.kubernetesPath())))
	})
}

// mounts are what a program of an image sees: upper over lower, and shown at /mnt.
type mounts struct {
	upper string
	lower []string // the upper one first
	shown string
}

// mountScript makes the mounts in a mount namespace of its own, which takes them along when
// it ends, and runs the rest of its arguments in them.
const mountScript = `
mount -t overlay overlay -o "lowerdir=$1,upperdir=$2,workdir=$3" "$4"
mount --bind /dev "$4/dev"
mount -t proc proc "$4/proc"
if [ -n "$5" ]; then mount --bind -o ro "$5" "$4/mnt"; fi
root=$4
shift 5
exec chroot "$root" "$@"
`

// within runs a program of an image, whose changes stay in m.upper.
func within(ctx context.Context, m mounts, program ...string) (err error) {
	place, err := os.MkdirTemp(filepath.Dir(m.upper), mountPrefix)
	if err != nil {
		return err
	}
	defer func() { err = errors.Join(err, os.RemoveAll(place)) }()
	work, root := filepath.Join(place, "work"), filepath.Join(place, "root")
	for _, dir := range []string{work, root} {
		if err := os.Mkdir(dir, 0o755); err != nil {
			return err
		}
	}
	// With a process namespace of its own, whatever ends unshare ends all that the program has started.
	args := []string{"--mount", "--propagation", "private", "--pid", "--fork", "--kill-child", "sh", "-ec", mountScript, "sh", strings.Join(m.lower, ":"), m.upper, work, root, m.shown}
	_, err = command{Path: "unshare", Args: append(args, program...), Env: []string{
		"PATH=/usr/local/sbin:/usr/local/bin:/usr/sbin:/usr/bin:/sbin:/bin", "DEBIAN_FRONTEND=noninteractive",
	}}.run(ctx)
	return err
}

func kernelRelease() (string, error) {
	var name unix.Utsname
	if err := unix.Uname(&name); err != nil {
		return "", fmt.Errorf("asking for the kernel's release: %w", err)
	}
	return unix.ByteSliceToString(name.Release[:]), nil
}
