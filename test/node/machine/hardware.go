package machine

import (
	"errors"
	"fmt"
	"io/fs"
	"os"
	"path/filepath"
	"runtime"
	"strings"

	"golang.org/x/sys/unix"

	"github.com/karpenter-kubeadm/karpenter-provider-aws/test/node/cgroup"
)

// mountHardware shows the instance type's processors and memory. The kubelet reads processors
// from sysfs and memory from /proc/meminfo.
func mountHardware(s Spec) error {
	dir := s.path("hardware")
	if err := s.writeProcessors(filepath.Join(dir, "cpu")); err != nil {
		return err
	}
	if err := os.Mkdir(filepath.Join(dir, "node"), 0o755); err != nil {
		return err
	}
	for name, describe := range map[string]func(string) string{"meminfo": s.meminfo, "cpuinfo": s.cpuinfo} {
		text, err := os.ReadFile("/proc/" + name)
		if err != nil {
			return err
		}
		if err := os.WriteFile(filepath.Join(dir, name), []byte(describe(string(text))), 0o444); err != nil {
			return err
		}
	}
	return s.mount(
		bind(filepath.Join(dir, "cpu"), "/sys/devices/system/cpu"),
		bind(filepath.Join(dir, "node"), "/sys/devices/system/node"),
		bind(filepath.Join(dir, "meminfo"), "/proc/meminfo"),
		bind(filepath.Join(dir, "cpuinfo"), "/proc/cpuinfo"),
	)
}

// writeProcessors writes what sysfs has of processors, two threads to a core.
func (s Spec) writeProcessors(dir string) error {
	content := map[string]string{}
	for _, list := range []string{"online", "present", "possible"} {
		content[list] = fmt.Sprintf("0-%d\n", s.CPUs-1)
	}
	for i := range s.CPUs {
		topology := fmt.Sprintf("cpu%d/topology/", i)
		content[topology+"core_id"] = fmt.Sprintf("%d\n", i/2)
		content[topology+"physical_package_id"] = "0\n"
	}
	for name, text := range content {
		file := filepath.Join(dir, name)
		if err := os.MkdirAll(filepath.Dir(file), 0o755); err != nil {
			return err
		}
		if err := os.WriteFile(file, []byte(text), 0o444); err != nil {
			return err
		}
	}
	return nil
}

// meminfo is /proc/meminfo with the instance type's memory, a tenth of it in use.
func (s Spec) meminfo(own string) string {
	total := s.MemoryMiB << 10
	var out strings.Builder
	for line := range strings.Lines(own) {
		switch name, _, _ := strings.Cut(line, ":"); name {
		case "MemTotal":
			line = fmt.Sprintf("MemTotal: %d kB\n", total)
		case "MemFree", "MemAvailable":
			line = fmt.Sprintf("%s: %d kB\n", name, total/10*9)
		}
		out.WriteString(line)
	}
	return out.String()
}

// cpuinfo is /proc/cpuinfo with as many processors as the instance type has, each like the first.
func (s Spec) cpuinfo(own string) string {
	first, _, _ := strings.Cut(own, "\n\n")
	_, rest, _ := strings.Cut(first, "\n") // the line "processor : 0"
	var out strings.Builder
	for i := range s.CPUs {
		fmt.Fprintf(&out, "processor\t: %d\n%s\n\n", i, rest)
	}
	return out.String()
}

// podGroup is the kubelet's, for all pods, with the systemd driver.
const podGroup = "kubepods.slice"

// allowProcessors makes the kubelet's group for pods where the instance type has more
// processors than this machine: the kubelet would give it all of the type's, and the kernel
// knows no more than there are. A group that exists the kubelet takes as it is.
func (s Spec) allowProcessors() error {
	if s.CPUs <= int64(runtime.NumCPU()) {
		return nil
	}
	for _, controllers := range s.Controllers {
		if controllers == cgroup.Unified {
			continue
		}
		dir := filepath.Join(s.path("root"), "sys/fs/cgroup", strings.TrimPrefix(controllers, "name="))
		h := cgroup.Group{{Controllers: controllers, Dir: dir}}
		if _, err := h.Child(podGroup); err != nil {
			return err
		}
	}
	return nil
}

// mountSettings gives the machine its own copy of the kernel's settings that all machines
// share. Those of /proc/sys/net are its network namespace's already, and stay as they are.
func mountSettings(s Spec) error {
	for _, group := range []string{"kernel", "vm", "fs"} {
		source, copied := "/proc/sys/"+group, filepath.Join(s.path("hardware"), "sys", group)
		if err := copyReadable(source, copied); err != nil {
			return fmt.Errorf("copying %s: %w", source, err)
		}
		if err := s.mount(bind(copied, source)); err != nil {
			return err
		}
	}
	// These change by themselves: random numbers, and the name that systemd sets.
	return s.mount(
		bind("/proc/sys/kernel/random", "/proc/sys/kernel/random"),
		bind("/proc/sys/kernel/hostname", "/proc/sys/kernel/hostname"),
		bind("/proc/sys/kernel/domainname", "/proc/sys/kernel/domainname"),
	)
}

// copyReadable copies a tree of the kernel's files, without those that nobody may read.
func copyReadable(from, to string) error {
	return filepath.WalkDir(from, func(path string, entry fs.DirEntry, err error) error {
		if err != nil {
			return err
		}
		target := to + strings.TrimPrefix(path, from)
		if entry.IsDir() {
			return os.MkdirAll(target, 0o755)
		}
		content, err := os.ReadFile(path)
		if errors.Is(err, fs.ErrPermission) || errors.Is(err, unix.EIO) || errors.Is(err, unix.EINVAL) || errors.Is(err, unix.EOPNOTSUPP) {
			return nil
		}
		if err != nil {
			return err
		}
		return os.WriteFile(target, content, 0o644)
	})
}
