package docker

import (
	"context"
	"errors"
	"fmt"
	"os"
	"path/filepath"
	"runtime"
	"strings"
	"time"

	"golang.org/x/sys/unix"

	"github.com/karpenter-kubeadm/karpenter-provider-aws/test/env/process"
	"github.com/karpenter-kubeadm/karpenter-provider-aws/test/node/cgroup"
)

// Inner is the command that Start has this program call itself with.
const Inner = "dockerd"

const (
	// startPatience is for a machine that is busy; on an idle one it takes a second.
	startPatience = 2 * time.Minute
	stopPatience  = 30 * time.Second
	pollEvery     = 100 * time.Millisecond
	// bridge is the default network's, which nothing here uses; it must not overlap with that of a cluster.
	bridge = "10.201.0.1/24"
	data   = "/var/lib/docker"
)

// client calls the daemon's own client, among the daemon's mounts.
const client = "#!/bin/sh\nexec nsenter --target %d --mount docker \"$@\"\n"

// Daemon is a Docker of our own that runs.
type Daemon struct {
	Docker

	process *process.Process
}

// Start starts the daemon of the root file system at root, with its data in the folder dir
// and its log in the folder logs. It dies with this process.
func Start(ctx context.Context, root, dir, logs string) (*Daemon, error) {
	self, err := os.Executable()
	if err != nil {
		return nil, fmt.Errorf("finding this program's file: %w", err)
	}
	for _, name := range []string{"data", "upper", "work", "root", "bin"} {
		if err := os.MkdirAll(filepath.Join(dir, name), 0o755); err != nil {
			return nil, fmt.Errorf("making Docker's folders: %w", err)
		}
	}
	child, err := process.Start(process.Spec{
		Path: self, Args: []string{Inner, root, dir}, Env: []string{"PATH=/usr/sbin:/usr/bin"}, Log: filepath.Join(logs, "dockerd.log"),
	})
	if err != nil {
		return nil, err
	}
	d := &Daemon{Docker: Docker{Path: filepath.Join(dir, "bin") + string(filepath.ListSeparator) + os.Getenv("PATH")}, process: child}
	if err := os.WriteFile(filepath.Join(dir, "bin", "docker"), fmt.Appendf(nil, client, child.PID()), 0o755); err != nil {
		d.Stop()
		return nil, fmt.Errorf("writing Docker's client: %w", err)
	}
	if err := d.ready(ctx); err != nil {
		d.Stop()
		return nil, fmt.Errorf("starting Docker's daemon, whose log is in %s: %w", logs, err)
	}
	return d, nil
}

func (d *Daemon) ready(ctx context.Context) error {
	ctx, cancel := context.WithTimeout(ctx, startPatience)
	defer cancel()
	tick := time.NewTicker(pollEvery)
	defer tick.Stop()
	for {
		_, err := d.Run(ctx, nil, "version")
		if err == nil {
			return nil
		}
		select {
		case <-d.process.Done():
			return errors.New("it ended")
		case <-ctx.Done():
			return err
		case <-tick.C:
		}
	}
}

// Stop ends the daemon; its containers must be gone.
func (d *Daemon) Stop() { d.process.Stop(stopPatience) }

// Main is the daemon's first process before it becomes dockerd. It returns on an error only.
func Main(args []string) error {
	if len(args) != 2 {
		return errors.New("dockerd is for this program to call")
	}
	groups, err := cgroup.Own()
	if err != nil {
		return err
	}
	// Namespaces belong to threads; the one that calls exec decides.
	runtime.LockOSThread()
	if err := unix.Unshare(unix.CLONE_NEWNS | unix.CLONE_NEWCGROUP); err != nil {
		return fmt.Errorf("making mount and cgroup namespaces: %w", err)
	}
	if err := enter(args[0], args[1], groups); err != nil {
		return fmt.Errorf("entering Docker's root file system: %w", err)
	}
	return unix.Exec("/usr/sbin/dockerd", []string{
		"dockerd", "--data-root=" + data, "--storage-driver=overlay2", "--bip=" + bridge,
		"--exec-opt=native.cgroupdriver=cgroupfs",
	}, []string{"PATH=/usr/sbin:/usr/bin"})
}

// mounted is one mount, of a path below the new root.
type mounted struct {
	source, target, kind string
	flags                uintptr
	data                 string
}

// enter makes root, under a layer that takes changes, this process's root folder.
func enter(root, dir string, groups cgroup.Group) error {
	at := filepath.Join(dir, "root")
	if err := unix.Mount("", "/", "", unix.MS_REC|unix.MS_PRIVATE, ""); err != nil {
		return err
	}
	overlay := fmt.Sprintf("lowerdir=%s,upperdir=%s,workdir=%s", root, filepath.Join(dir, "upper"), filepath.Join(dir, "work"))
	mounts := append([]mounted{
		{"overlay", "", "overlay", 0, overlay},
		{"proc", "proc", "proc", 0, ""},
		{"/sys", "sys", "", unix.MS_BIND | unix.MS_REC, ""},
		{"/dev", "dev", "", unix.MS_BIND | unix.MS_REC, ""},
		{"tmpfs", "run", "tmpfs", 0, "mode=755"},
		{"tmpfs", "tmp", "tmpfs", 0, "mode=1777"},
		// layers of containers are overlays, which cannot lie on one
		{filepath.Join(dir, "data"), data, "", unix.MS_BIND, ""},
	}, hierarchies(groups)...)
	for _, m := range mounts {
		place := filepath.Join(at, m.target)
		if m.kind == "cgroup" {
			if err := os.Mkdir(place, 0o755); err != nil {
				return err
			}
		}
		if err := unix.Mount(m.source, place, m.kind, m.flags, m.data); err != nil {
			return fmt.Errorf("mounting %s: %w", m.target, err)
		}
	}
	if err := os.Chdir(at); err != nil {
		return err
	}
	// The old root comes to lie over the new one and is taken off.
	if err := unix.PivotRoot(".", "."); err != nil {
		return err
	}
	if err := unix.Unmount(".", unix.MNT_DETACH); err != nil {
		return err
	}
	return os.Chdir("/")
}

// hierarchies mounts the control groups from this process's own downwards: those of
// containers are in it, in every hierarchy, and go with it.
func hierarchies(groups cgroup.Group) []mounted {
	const at = "sys/fs/cgroup"
	mounts := []mounted{{"tmpfs", at, "tmpfs", 0, "mode=755"}}
	for _, h := range groups {
		if h.Controllers == cgroup.Unified {
			continue // has no controllers beside those of version 1
		}
		name, named := strings.CutPrefix(h.Controllers, "name=")
		options := h.Controllers
		if named {
			options = "none," + h.Controllers
		}
		mounts = append(mounts, mounted{"cgroup", filepath.Join(at, name), "cgroup", 0, options})
	}
	return mounts
}
