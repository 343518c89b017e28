package image

import (
	"bufio"
	"context"
	"fmt"
	"os"
	"path/filepath"
	"slices"
	"strings"
)

// mirror is where Debian's packages come from.
const mirror = "http://deb.debian.org/debian"

// operatingSystem are the packages beside Debian's minimal system: an init, and what a cloud
// image has for scripts and for the kubelet.
func operatingSystem() []string {
	return []string{
		"systemd", "systemd-sysv", "dbus", "busybox-static", "ca-certificates", "conntrack", "curl", "ethtool", "iproute2", "iptables",
		"kmod", "libseccomp2", "mount", "procps", "socat", "util-linux",
	}
}

// idle are units that a machine without hardware or users, whose network is there before it
// boots, has no work for. Each would cost time at boot, or wait for ever.
func idle() []string {
	return []string{
		"apt-daily.timer", "apt-daily-upgrade.timer", "dpkg-db-backup.timer", "e2scrub_all.timer", "e2scrub_reap.service", "fstrim.timer",
		"systemd-logind.service", "systemd-user-sessions.service", "console-getty.service", "getty@.service", "getty.target",
		"systemd-update-utmp.service", "systemd-update-utmp-runlevel.service", "systemd-binfmt.service", "systemd-sysctl.service",
		"systemd-networkd.service", "systemd-networkd.socket", "systemd-networkd-wait-online.service", "systemd-network-generator.service",
		"systemd-modules-load.service", "systemd-udevd.service", "systemd-udev-trigger.service", "systemd-tmpfiles-clean.timer",
		"proc-sys-fs-binfmt_misc.automount", "sys-fs-fuse-connections.mount", "sys-kernel-config.mount", "sys-kernel-debug.mount",
		"sys-kernel-tracing.mount", "dev-hugepages.mount", "dev-mqueue.mount", "systemd-remount-fs.service",
	}
}

// base bootstraps the operating system of this machine's own release, so that programs
// which were linked here run there.
func (b Builder) base(ctx context.Context) (string, error) {
	release, err := codename("/etc/os-release")
	if err != nil {
		return "", err
	}
	packages := slices.Sorted(slices.Values(operatingSystem()))
	inputs := append([]string{release, mirror, architecture(), strings.Join(idle(), " ")}, packages...)
	return b.step("base", inputs, func(dir string) error {
		args := []string{"debootstrap", "--variant=minbase", "--include=" + strings.Join(packages, ","), release, dir, mirror}
		if _, err := (command{Path: "nice", Args: args}).run(ctx); err != nil {
			return err
		}
		mask := append([]string{"mask"}, idle()...)
		if _, err := (command{Path: "/usr/bin/systemctl", Args: mask, Root: dir}).run(ctx); err != nil {
			return err
		}
		return clean(dir)
	})
}

// clean removes what a machine must not share with another, and what came from the network.
func clean(dir string) error {
	for _, pattern := range []string{"etc/machine-id", "var/lib/dbus/machine-id", "etc/resolv.conf", "etc/apt/sources.list", "etc/apt/sources.list.d/*", "var/cache/apt/archives/*.deb", "var/lib/apt/lists/*", "dev/*"} {
		found, err := filepath.Glob(filepath.Join(dir, pattern))
		if err != nil {
			return err
		}
		for _, file := range found {
			if err := os.RemoveAll(file); err != nil {
				return fmt.Errorf("cleaning the image: %w", err)
			}
		}
	}
	return nil
}

// codename reads a Debian release's name off an os-release file.
func codename(file string) (string, error) {
	f, err := os.Open(file)
	if err != nil {
		return "", fmt.Errorf("reading this machine's release: %w", err)
	}
	defer func() { _ = f.Close() }()
	values := map[string]string{}
	for lines := bufio.NewScanner(f); lines.Scan(); {
		name, value, _ := strings.Cut(lines.Text(), "=")
		values[name] = strings.Trim(value, `"`)
	}
	if values["ID"] != "debian" || values["VERSION_CODENAME"] == "" {
		return "", fmt.Errorf("this machine runs %q: real nodes are built on Debian only", values["PRETTY_NAME"])
	}
	return values["VERSION_CODENAME"], nil
}
