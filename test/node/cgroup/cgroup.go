// Package cgroup makes control groups for machines and for the world around them.
//
// It answers "where may processes be grouped, and how is a group taken away again?". It
// talks to the kernel's cgroup file systems, version 1, and makes nothing outside of the
// group that this process is in already. It remembers nothing. A machine with version 2 only
// is refused with ErrVersion2: there it takes a BPF program, and no file, to keep a group from
// the machine's disks, and the group of this process would have to be emptied first.
package cgroup

import (
	"bufio"
	"context"
	"errors"
	"fmt"
	"io/fs"
	"os"
	"path/filepath"
	"slices"
	"strconv"
	"strings"
	"time"
)

// ErrVersion2 says that the machine has no cgroup v1 hierarchies.
var ErrVersion2 = errors.New("this machine has cgroup v2 only; real nodes are written for v1 (v2 is untested)")

// needed are the hierarchies without which the kubelet or systemd does not start.
func needed() []string {
	return []string{"cpu", "cpuacct", "cpuset", "memory", "devices", "freezer", "blkio", "pids", "name=systemd"}
}

// Unified are the controllers of the version 2 hierarchy beside those of version 1. It has
// none to speak of there, but systemd keeps its services in it.
const Unified = ""

// Hierarchy is one tree of groups, and a group in it.
type Hierarchy struct {
	// Controllers as mount options, for example "cpu,cpuacct" or "name=systemd", or Unified.
	Controllers string
	Dir         string // of the group
}

// Group is one group in every hierarchy.
type Group []Hierarchy

// Own returns the group that this process is in.
func Own() (Group, error) {
	mounts, err := os.ReadFile("/proc/self/mountinfo")
	if err != nil {
		return nil, fmt.Errorf("reading mounts: %w", err)
	}
	own, err := os.ReadFile("/proc/self/cgroup")
	if err != nil {
		return nil, fmt.Errorf("reading cgroups: %w", err)
	}
	return parse(string(mounts), string(own))
}

// parse joins what is mounted with where a process is.
func parse(mounts, own string) (Group, error) {
	at := map[string]string{}
	for line := range strings.Lines(own) {
		fields := strings.SplitN(strings.TrimSpace(line), ":", 3)
		if len(fields) == 3 {
			at[fields[1]] = fields[2]
		}
	}
	var group Group
	for lines := bufio.NewScanner(strings.NewReader(mounts)); lines.Scan(); {
		before, after, _ := strings.Cut(lines.Text(), " - ")
		left, right := strings.Fields(before), strings.Fields(after)
		if len(left) < 5 || len(right) < 3 {
			continue
		}
		for controllers, path := range at {
			if !holds(right, controllers) {
				continue
			}
			below := strings.TrimPrefix(path, strings.TrimSuffix(left[3], "/"))
			group = append(group, Hierarchy{Controllers: controllers, Dir: filepath.Join(left[4], below)})
		}
	}
	slices.SortFunc(group, func(a, b Hierarchy) int { return strings.Compare(a.Controllers, b.Controllers) })
	if !slices.ContainsFunc(group, func(h Hierarchy) bool { return h.Controllers != Unified }) {
		return nil, ErrVersion2
	}
	return group, group.complete()
}

// holds reports whether a file system, given as type, source and options, is the hierarchy of controllers.
func holds(system []string, controllers string) bool {
	if controllers == Unified {
		return system[0] == "cgroup2"
	}
	return system[0] == "cgroup" && slices.Contains(options(system[2]), controllers)
}

// options lists what a mount's options may say of its controllers: each alone, and all together.
func options(super string) []string {
	words := slices.DeleteFunc(strings.Split(super, ","), func(w string) bool {
		return w == "rw" || w == "ro" || w == "xattr" || strings.HasPrefix(w, "release_agent=")
	})
	return append(words, strings.Join(words, ","))
}

func (g Group) complete() error {
	for _, name := range needed() {
		has := slices.ContainsFunc(g, func(h Hierarchy) bool { return slices.Contains(strings.Split(h.Controllers, ","), name) })
		if !has {
			return fmt.Errorf("cgroup v1 hierarchy %q is not mounted", name)
		}
	}
	return nil
}

// Below is the group called name below g, whether it exists or not.
func (g Group) Below(name string) Group {
	below := make(Group, 0, len(g))
	for _, h := range g {
		below = append(below, Hierarchy{Controllers: h.Controllers, Dir: filepath.Join(h.Dir, name)})
	}
	return below
}

// Child makes a group below g in every hierarchy.
func (g Group) Child(name string) (Group, error) {
	child := g.Below(name)
	for i, made := range child {
		err := os.Mkdir(made.Dir, 0o755)
		if errors.Is(err, fs.ErrExist) { // some hierarchies are mounted at two places
			err = nil
		}
		if err == nil {
			err = made.inherit(g[i].Dir)
		}
		if err != nil {
			// Nothing has entered it whose end would have to be waited for.
			return nil, errors.Join(fmt.Errorf("making cgroup: %w", err), child.removeOnce())
		}
	}
	return child, nil
}

// inherit copies what a new cpuset must have before a process can enter it.
func (h Hierarchy) inherit(parent string) error {
	if !slices.Contains(strings.Split(h.Controllers, ","), "cpuset") {
		return nil
	}
	for _, name := range []string{"cpuset.cpus", "cpuset.mems"} {
		value, err := os.ReadFile(filepath.Join(parent, name))
		if err != nil {
			return fmt.Errorf("reading cpuset: %w", err)
		}
		if err := os.WriteFile(filepath.Join(h.Dir, name), value, 0o644); err != nil {
			return fmt.Errorf("setting cpuset: %w", err)
		}
	}
	return nil
}

// DenyDisks keeps processes of the group from block devices, which are the whole machine's.
func (g Group) DenyDisks() error {
	for _, h := range g {
		if h.Controllers != "devices" {
			continue
		}
		if err := os.WriteFile(filepath.Join(h.Dir, "devices.deny"), []byte("b *:* rw"), 0o644); err != nil {
			return fmt.Errorf("denying block devices: %w", err)
		}
	}
	return nil
}

// Enter moves a process into the group.
func (g Group) Enter(pid int) error {
	for _, h := range g {
		if err := os.WriteFile(filepath.Join(h.Dir, "cgroup.procs"), []byte(strconv.Itoa(pid)), 0o644); err != nil {
			return fmt.Errorf("entering cgroup: %w", err)
		}
	}
	return nil
}

// removePatience is for processes that are dead and not yet gone.
const removePatience = 10 * time.Second

// Remove removes the group and those below it, once the last process in them is gone.
func (g Group) Remove(ctx context.Context) error {
	ctx, cancel := context.WithTimeout(ctx, removePatience)
	defer cancel()
	again := time.NewTicker(20 * time.Millisecond)
	defer again.Stop()
	for {
		err := g.removeOnce()
		if err == nil {
			return nil
		}
		select {
		case <-ctx.Done():
			return err
		case <-again.C:
		}
	}
}

func (g Group) removeOnce() error {
	var errs []error
	for _, h := range g {
		var dirs []string
		err := filepath.WalkDir(h.Dir, func(path string, entry fs.DirEntry, err error) error {
			if err == nil && entry.IsDir() {
				dirs = append(dirs, path)
			}
			if errors.Is(err, fs.ErrNotExist) {
				return nil
			}
			return err
		})
		errs = append(errs, err)
		for _, dir := range slices.Backward(dirs) {
			if err := os.Remove(dir); err != nil && !errors.Is(err, fs.ErrNotExist) {
				errs = append(errs, fmt.Errorf("removing cgroup: %w", err))
			}
		}
	}
	return errors.Join(errs...)
}
