package machine

import (
	"encoding/json"
	"errors"
	"fmt"
	"io"
	"os"
	"path/filepath"
	"runtime"
	"strings"

	"golang.org/x/sys/unix"

	"github.com/karpenter-kubeadm/karpenter-provider-aws/test/node/cgroup"
)

// beginFile is the pipe that ends when the machine may boot.
const beginFile = 3

// Main is a machine's first process before it becomes systemd. It returns on an error only.
func Main(args []string) error {
	// Namespaces belong to threads; the one that calls exec decides.
	runtime.LockOSThread()
	if len(args) != 1 {
		return errors.New("boot is for a booter to call")
	}
	text, err := os.ReadFile(args[0])
	if err != nil {
		return err
	}
	var spec Spec
	if err := json.Unmarshal(text, &spec); err != nil {
		return fmt.Errorf("reading %s: %w", args[0], err)
	}
	begin := os.NewFile(beginFile, "begin")
	if _, err := io.Copy(io.Discard, begin); err != nil {
		return err
	}
	_ = begin.Close()
	for _, step := range []func(Spec) error{separate, mountRoot, mountDevices, mountGroups, mountHardware, mountSettings, pivot, limit} {
		if err := step(spec); err != nil {
			return fmt.Errorf("booting %s: %w", spec.ID, err)
		}
	}
	// systemd takes `container` for the reason why it need not load modules or set the clock.
	return unix.Exec("/sbin/init", []string{"/sbin/init"}, []string{"container=machine", "PATH=/usr/sbin:/usr/bin:/sbin:/bin"})
}

// separate makes the group that the machine was put into the root of what it sees.
func separate(spec Spec) error {
	if err := unix.Unshare(unix.CLONE_NEWCGROUP); err != nil {
		return fmt.Errorf("making a cgroup namespace: %w", err)
	}
	if err := unix.Mount("", "/", "", unix.MS_REC|unix.MS_PRIVATE, ""); err != nil {
		return fmt.Errorf("making mounts private: %w", err)
	}
	return unix.Sethostname([]byte(spec.Hostname))
}

// mounted is one mount, of a path in the machine.
type mounted struct {
	source, target, kind string
	flags                uintptr
	data                 string
}

func (s Spec) mount(list ...mounted) error {
	for _, m := range list {
		target := filepath.Join(s.path("root"), m.target)
		if err := unix.Mount(m.source, target, m.kind, m.flags, m.data); err != nil {
			return fmt.Errorf("mounting %s on %s: %w", m.source, m.target, err)
		}
	}
	return nil
}

// bind shows a file or folder of this machine in the other one.
func bind(source, target string) mounted {
	return mounted{source: source, target: target, flags: unix.MS_BIND}
}

func mountRoot(s Spec) error {
	data := fmt.Sprintf("lowerdir=%s,upperdir=%s,workdir=%s", strings.Join(s.Layers, ":"), s.path("upper"), s.path("work"))
	err := s.mount(
		mounted{source: "overlay", target: "/", kind: "overlay", data: data},
		mounted{source: "proc", target: "/proc", kind: "proc", flags: unix.MS_NOSUID | unix.MS_NODEV | unix.MS_NOEXEC},
		mounted{source: "sysfs", target: "/sys", kind: "sysfs", flags: unix.MS_NOSUID | unix.MS_NODEV | unix.MS_NOEXEC},
		mounted{source: "tmpfs", target: "/run", kind: "tmpfs", flags: unix.MS_NOSUID | unix.MS_NODEV, data: "mode=755"},
		mounted{source: "tmpfs", target: "/tmp", kind: "tmpfs", flags: unix.MS_NOSUID | unix.MS_NODEV, data: "mode=1777"},
	)
	if err != nil {
		return err
	}
	// containerd's snapshots are overlays, which cannot lie on one.
	for name, target := range map[string]string{"containerd": "/var/lib/containerd", "kubelet": "/var/lib/kubelet"} {
		if err := os.MkdirAll(filepath.Join(s.path("root"), target), 0o755); err != nil {
			return err
		}
		if err := s.mount(bind(s.path(name), target)); err != nil {
			return err
		}
	}
	return nil
}

func mountDevices(s Spec) error {
	if err := s.mount(mounted{source: "tmpfs", target: "/dev", kind: "tmpfs", flags: unix.MS_NOSUID, data: "mode=755"}); err != nil {
		return err
	}
	dev := filepath.Join(s.path("root"), "dev")
	// apt gives its downloads to a user of its own, who must be able to write to /dev/null.
	defer unix.Umask(unix.Umask(0))
	for name, number := range map[string]uint32{"null": 3, "zero": 5, "full": 7, "random": 8, "urandom": 9, "kmsg": 11} {
		if err := unix.Mknod(filepath.Join(dev, name), unix.S_IFCHR|0o666, int(unix.Mkdev(1, number))); err != nil {
			return fmt.Errorf("making /dev/%s: %w", name, err)
		}
	}
	if err := unix.Mknod(filepath.Join(dev, "tty"), unix.S_IFCHR|0o666, int(unix.Mkdev(5, 0))); err != nil {
		return fmt.Errorf("making /dev/tty: %w", err)
	}
	for _, name := range []string{"pts", "shm", "mqueue"} {
		if err := os.Mkdir(filepath.Join(dev, name), 0o755); err != nil {
			return err
		}
	}
	for name, target := range map[string]string{"ptmx": "pts/ptmx", "fd": "/proc/self/fd", "stdin": "fd/0", "stdout": "fd/1", "stderr": "fd/2"} {
		if err := os.Symlink(target, filepath.Join(dev, name)); err != nil {
			return err
		}
	}
	if err := os.WriteFile(filepath.Join(dev, "console"), nil, 0o600); err != nil {
		return err
	}
	return s.mount(
		mounted{source: "devpts", target: "/dev/pts", kind: "devpts", flags: unix.MS_NOSUID | unix.MS_NOEXEC, data: "newinstance,ptmxmode=666,mode=620"},
		mounted{source: "tmpfs", target: "/dev/shm", kind: "tmpfs", flags: unix.MS_NOSUID | unix.MS_NODEV},
		mounted{source: "mqueue", target: "/dev/mqueue", kind: "mqueue", flags: unix.MS_NOSUID | unix.MS_NODEV | unix.MS_NOEXEC},
		bind(s.path("console"), "/dev/console"),
	)
}

// mountGroups shows the machine the cgroup hierarchies from its own group downwards.
func mountGroups(s Spec) error {
	const at = "/sys/fs/cgroup"
	if err := s.mount(mounted{source: "tmpfs", target: at, kind: "tmpfs", flags: unix.MS_NOSUID | unix.MS_NODEV | unix.MS_NOEXEC, data: "mode=755"}); err != nil {
		return err
	}
	for _, controllers := range s.Controllers {
		if controllers == cgroup.Unified {
			continue // systemd mounts it
		}
		name, named := strings.CutPrefix(controllers, "name=")
		data := controllers
		if named {
			data = "none," + controllers
		}
		if err := os.Mkdir(filepath.Join(s.path("root"), at, name), 0o755); err != nil {
			return err
		}
		if err := s.mount(mounted{source: "cgroup", target: at + "/" + name, kind: "cgroup", flags: unix.MS_NOSUID | unix.MS_NODEV | unix.MS_NOEXEC, data: data}); err != nil {
			return err
		}
	}
	return s.allowProcessors()
}

// pivot makes the new root the only one there is.
func pivot(s Spec) error {
	if err := os.Chdir(s.path("root")); err != nil {
		return err
	}
	// The old root comes to lie over the new one and is taken off.
	if err := unix.PivotRoot(".", "."); err != nil {
		return fmt.Errorf("changing the root: %w", err)
	}
	if err := unix.Unmount(".", unix.MNT_DETACH); err != nil {
		return fmt.Errorf("leaving the old root: %w", err)
	}
	if err := os.Chdir("/"); err != nil {
		return err
	}
	// As systemd has it on a machine: mounts for pods show in the kubelet's namespace and back.
	return unix.Mount("", "/", "", unix.MS_REC|unix.MS_SHARED, "")
}

// limit takes away for good what would reach beyond the machine.
func limit(Spec) error {
	for _, capability := range []uintptr{unix.CAP_SYS_MODULE, unix.CAP_SYS_TIME, unix.CAP_SYS_RAWIO, unix.CAP_SYS_BOOT} {
		if err := unix.Prctl(unix.PR_CAPBSET_DROP, capability, 0, 0, 0); err != nil {
			return fmt.Errorf("dropping capability %d: %w", capability, err)
		}
	}
	return nil
}
