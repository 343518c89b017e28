// Package trace takes down what a run must leave on the machine as it found it.
//
// It answers what is different: firewall rules, forwarding, network interfaces and routes,
// mounts, control groups and processes of container runtimes. It reads files of the kernel's and asks ip and
// iptables, where they are there. It remembers nothing, and fails when a file cannot be read.
package trace

import (
	"context"
	"errors"
	"fmt"
	"io/fs"
	"os"
	"os/exec"
	"path/filepath"
	"slices"
	"strings"
)

// Trace is what was found: lines by where they are from.
type Trace map[string][]string

// settings are files with one value each.
func settings() []string {
	return []string{
		"/proc/sys/net/ipv4/ip_forward", "/proc/sys/net/ipv6/conf/all/forwarding", "/proc/sys/net/ipv4/conf/all/route_localnet",
		"/proc/sys/net/bridge/bridge-nf-call-iptables", "/proc/sys/net/netfilter/nf_conntrack_max",
		// kubelets set these
		"/proc/sys/kernel/keys/root_maxbytes", "/proc/sys/kernel/keys/root_maxkeys", "/proc/sys/kernel/panic", "/proc/sys/kernel/panic_on_oops",
		"/proc/sys/vm/overcommit_memory", "/proc/sys/vm/panic_on_oom",
	}
}

// commands print what the kernel shows in no file. Counters are not part of it.
func commands() [][]string {
	return [][]string{
		{"ip", "-brief", "link"}, {"ip", "-brief", "address"}, {"ip", "route", "show", "table", "all"}, {"ip", "netns", "list"},
		{"iptables-save"}, {"ip6tables-save"}, {"nft", "list", "ruleset"},
	}
}

// Take takes down the state of this machine.
func Take(ctx context.Context) (Trace, error) {
	t := Trace{}
	for _, file := range settings() {
		content, err := os.ReadFile(file)
		if errors.Is(err, fs.ErrNotExist) {
			continue
		}
		if err != nil {
			return nil, err
		}
		t[file] = lines(string(content))
	}
	mounts, err := os.ReadFile("/proc/self/mounts")
	if err != nil {
		return nil, err
	}
	t["mounts"] = lines(string(mounts))
	for _, command := range commands() {
		out, err := exec.CommandContext(ctx, command[0], command[1:]...).Output()
		if errors.Is(err, exec.ErrNotFound) {
			continue
		}
		if err != nil {
			return nil, fmt.Errorf("running %s: %w", command[0], err)
		}
		t[strings.Join(command, " ")] = lines(string(out))
	}
	if t["processes"], err = processes("/proc"); err != nil {
		return nil, err
	}
	return t, t.groups("/sys/fs/cgroup")
}

// runtimes are the programs that a container engine leaves when it leaves any.
func runtimes() []string {
	return []string{"containerd", "containerd-shim", "docker-proxy", "dockerd", "kind", "runc"}
}

// processes lists those of container runtimes by number and name. What is in a process
// namespace of its own, as others' worlds are, ends with it and is left out.
func processes(proc string) ([]string, error) {
	names, err := filepath.Glob(filepath.Join(proc, "[0-9]*", "comm"))
	if err != nil {
		return nil, err
	}
	own, err := os.Readlink(filepath.Join(proc, "self", "ns", "pid"))
	if err != nil {
		return nil, err
	}
	found := []string{}
	for _, name := range names {
		space, err := os.Readlink(filepath.Join(filepath.Dir(name), "ns", "pid"))
		if err != nil || space != own {
			continue
		}
		content, err := os.ReadFile(name)
		if err != nil {
			continue // it ended meanwhile
		}
		if comm := strings.TrimSpace(string(content)); slices.Contains(runtimes(), comm) {
			found = append(found, filepath.Base(filepath.Dir(name))+" "+comm)
		}
	}
	return found, nil
}

// groups lists the control groups that container engines and kubelets make. Those in worlds
// are left out: worlds say themselves when one cannot be removed.
func (t Trace) groups(root string) error {
	found := []string{}
	err := filepath.WalkDir(root, func(path string, entry fs.DirEntry, err error) error {
		switch name := entry.Name(); {
		case errors.Is(err, fs.ErrNotExist): // removed meanwhile
			return nil
		case err != nil || !entry.IsDir():
			return err
		case strings.HasPrefix(name, "karpenter-world-"):
			return fs.SkipDir
		case name == "docker" || strings.HasPrefix(name, "kube"):
			found = append(found, path)
			return fs.SkipDir
		}
		return nil
	})
	t["control groups"] = found
	return err
}

// Since says what is different from before, one line each.
func (t Trace) Since(before Trace) []string {
	var changes []string
	for name, now := range t {
		for _, line := range now {
			if !slices.Contains(before[name], line) {
				changes = append(changes, name+": + "+line)
			}
		}
		for _, line := range before[name] {
			if !slices.Contains(now, line) {
				changes = append(changes, name+": - "+line)
			}
		}
	}
	slices.Sort(changes)
	return changes
}

// lines are those of a text that are not comments.
func lines(text string) []string {
	var out []string
	for line := range strings.Lines(text) {
		if line = strings.TrimSpace(line); line != "" && !strings.HasPrefix(line, "#") {
			out = append(out, line)
		}
	}
	return out
}
