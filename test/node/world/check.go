package world

import (
	"errors"
	"fmt"
	"os"
	"slices"
	"strings"

	"golang.org/x/sys/unix"

	"github.com/karpenter-kubeadm/karpenter-provider-aws/test/node/cgroup"
)

// Check returns why this machine cannot run real nodes.
func Check() error {
	if os.Geteuid() != 0 {
		return errors.New("they need root")
	}
	if err := checkCapabilities(); err != nil {
		return err
	}
	release, err := os.ReadFile("/etc/os-release")
	if err != nil || !slices.Contains(strings.Split(string(release), "\n"), "ID=debian") {
		return errors.New("their images are built from this machine's Debian packages, and this is no Debian")
	}
	systems, err := os.ReadFile("/proc/filesystems")
	if err != nil || !strings.Contains(string(systems), "\toverlay\n") {
		return errors.New("the kernel has no overlay file system: modprobe overlay")
	}
	if _, err := os.Stat("/proc/sys/net/bridge"); err != nil {
		return errors.New("the kernel has no br_netfilter: modprobe br_netfilter")
	}
	_, err = cgroup.Own()
	return err
}

func checkCapabilities() error {
	var data [2]unix.CapUserData
	if err := unix.Capget(&unix.CapUserHeader{Version: unix.LINUX_CAPABILITY_VERSION_3}, &data[0]); err != nil {
		return fmt.Errorf("reading capabilities: %w", err)
	}
	for name, number := range map[string]uint{
		"CAP_SYS_ADMIN": unix.CAP_SYS_ADMIN, "CAP_NET_ADMIN": unix.CAP_NET_ADMIN, "CAP_MKNOD": unix.CAP_MKNOD, "CAP_SYS_CHROOT": unix.CAP_SYS_CHROOT,
	} {
		if data[number/32].Effective&(1<<(number%32)) == 0 {
			return fmt.Errorf("they need %s", name)
		}
	}
	return nil
}
