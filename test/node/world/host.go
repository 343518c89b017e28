package world

import (
	"context"
	"errors"
	"fmt"
	"io/fs"
	"os"
	"os/exec"
	"path/filepath"
	"regexp"
	"slices"
	"strings"
)

// host is what scripts that make a machine a node change of it, line by line, by kind.
type host map[string][]string

// settings are the kernel's, below /proc/sys, that such scripts or the kubelet set.
func settings() []string {
	return []string{
		"kernel/hostname", "kernel/domainname", "kernel/panic", "kernel/panic_on_oops", "kernel/keys/root_maxkeys", "kernel/keys/root_maxbytes",
		"vm/overcommit_memory", "vm/panic_on_oom", "fs/inotify/max_user_instances", "fs/inotify/max_user_watches",
		"net/ipv4/ip_forward", "net/ipv4/conf/all/forwarding", "net/ipv4/conf/all/route_localnet", "net/ipv4/conf/all/rp_filter",
		"net/bridge/bridge-nf-call-iptables", "net/bridge/bridge-nf-call-ip6tables",
	}
}

// trees are folders that such scripts write to, by how many levels of them are looked at.
func trees() map[string]int {
	return map[string]int{
		"etc": 8, "usr/local/bin": 1, "usr/bin": 1, "usr/lib/systemd/system": 2, "opt": 2, "root": 1, "boot": 1,
		"var/lib/kubelet": 2, "var/lib/containerd": 2, "var/lib/cni": 2, "var/lib/dpkg": 1, "var/lib/cloud": 1, "run/containerd": 1,
	}
}

// look lists the state of the machine whose root folder is given.
func look(ctx context.Context, root string) (host, error) {
	h := host{"packet filter": packetFilter(ctx)}
	if err := h.kernel(root); err != nil {
		return nil, fmt.Errorf("looking at the machine: %w", err)
	}
	for tree, levels := range trees() {
		if err := h.walk(root, tree, levels); err != nil {
			return nil, fmt.Errorf("looking at the machine: %w", err)
		}
	}
	return h, nil
}

// kernel lists what is the kernel's, but its modules: machines cannot load any, and it loads what it is asked for itself.
func (h host) kernel(root string) error {
	for kind, file := range map[string]string{
		"mounts": "proc/self/mountinfo", "routes": "proc/net/route", "swaps": "proc/swaps",
	} {
		text, err := os.ReadFile(filepath.Join(root, file))
		if err != nil && !errors.Is(err, fs.ErrNotExist) {
			return err
		}
		h[kind] = strings.Split(strings.TrimSpace(string(text)), "\n")
	}
	for _, name := range settings() {
		value, err := os.ReadFile(filepath.Join(root, "proc/sys", name))
		if err == nil { // else this kernel has no such setting
			h["settings"] = append(h["settings"], name+"="+strings.TrimSpace(string(value)))
		}
	}
	interfaces, err := filepath.Glob(filepath.Join(root, "sys/class/net/*"))
	for _, path := range interfaces {
		h["interfaces"] = append(h["interfaces"], filepath.Base(path))
	}
	return err
}

// walk lists the files of a tree with what tells that one was written.
func (h host) walk(root, tree string, levels int) error {
	return fs.WalkDir(os.DirFS(root), tree, func(path string, entry fs.DirEntry, err error) error {
		if errors.Is(err, fs.ErrNotExist) {
			return nil
		}
		if err != nil {
			return err
		}
		if entry.IsDir() && strings.Count(strings.TrimPrefix(path, tree), "/") >= levels {
			return fs.SkipDir
		}
		info, err := entry.Info()
		if errors.Is(err, fs.ErrNotExist) {
			return nil
		}
		if err != nil {
			return err
		}
		line := fmt.Sprintf("/%s %s", path, info.Mode())
		if info.Mode().IsRegular() {
			line += fmt.Sprintf(" %d bytes of %s", info.Size(), info.ModTime().UTC().Format("2006-01-02T15:04:05.000"))
		}
		h["files"] = append(h["files"], line)
		return nil
	})
}

// counters are what changes in a list of rules by itself.
var counters = regexp.MustCompile(`\[\d+:\d+\]|counter packets \d+ bytes \d+|^#.*`)

// packetFilter lists the rules of this process's network namespace, by the tools that are installed.
func packetFilter(ctx context.Context) []string {
	var lines []string
	for _, tool := range [][]string{{"iptables-save"}, {"ip6tables-save"}, {"nft", "list", "ruleset"}} {
		out, err := exec.CommandContext(ctx, tool[0], tool[1:]...).Output()
		if err != nil {
			continue // not installed, or the kernel has none of it
		}
		for line := range strings.Lines(string(out)) {
			if line = strings.TrimSpace(counters.ReplaceAllString(line, "")); line != "" {
				lines = append(lines, tool[0]+": "+line)
			}
		}
	}
	return lines
}

// compare fails with all lines that are new or gone.
func (h host) compare(after host) error {
	var changes []string
	for kind := range after {
		for _, line := range without(after[kind], h[kind]) {
			changes = append(changes, kind+": now "+line)
		}
		for _, line := range without(h[kind], after[kind]) {
			changes = append(changes, kind+": no longer "+line)
		}
	}
	if len(changes) == 0 {
		return nil
	}
	slices.Sort(changes)
	return fmt.Errorf("the machine around the world has changed; unless somebody else did it, real nodes reached out of their namespaces:\n%s",
		strings.Join(changes, "\n"))
}

// without returns the lines that others have not.
func without(lines, others []string) []string {
	known := make(map[string]bool, len(others))
	for _, line := range others {
		known[line] = true
	}
	return slices.DeleteFunc(slices.Clone(lines), func(line string) bool { return known[line] })
}
