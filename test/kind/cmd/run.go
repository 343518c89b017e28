package main

import (
	"context"
	"encoding/json"
	"errors"
	"flag"
	"fmt"
	"os"
	"os/exec"
	"path/filepath"
	"strings"
	"syscall"
	"time"

	"github.com/karpenter-kubeadm/karpenter-provider-aws/test/kind/cluster"
	"github.com/karpenter-kubeadm/karpenter-provider-aws/test/kind/docker"
	"github.com/karpenter-kubeadm/karpenter-provider-aws/test/kind/image"
	"github.com/karpenter-kubeadm/karpenter-provider-aws/test/kind/trace"
	"github.com/karpenter-kubeadm/karpenter-provider-aws/test/node/world"
)

const (
	// inner is the command that isolate has this program call itself with.
	inner = "inside"
	// region is where LocalStack has a default VPC.
	region = "us-east-1"
	// clusterName is what the product calls the cluster; test/env says the same.
	clusterName = "seed"
	// stopPatience is for the command's own cleaning up.
	stopPatience = 5 * time.Minute
)

// settings are the flags of run.
type settings struct {
	setup, archive, image string
	command               []string
}

func parse(args []string) (settings, error) {
	var s settings
	flags := flag.NewFlagSet("kind run", flag.ContinueOnError)
	flags.StringVar(&s.setup, "setup", "bin/kind.json", "file with what `kind build` printed")
	flags.StringVar(&s.archive, "archive", "bin/controller-image.tar", "image archive of the controller")
	flags.StringVar(&s.image, "image", "", "what the image in it is called, REPOSITORY:TAG")
	if err := flags.Parse(args); err != nil {
		return s, err
	}
	if s.command = flags.Args(); len(s.command) == 0 || s.image == "" {
		return s, errors.New(usage)
	}
	return s, nil
}

// isolate runs everything where it changes nothing of the machine, and makes sure of that.
func isolate(ctx context.Context, args []string) (code int, err error) {
	if _, err := parse(args); err != nil {
		return 2, err
	}
	before, err := trace.Take(ctx)
	if err != nil {
		return 1, fmt.Errorf("taking down how the machine is: %w", err)
	}
	defer func() {
		after, failed := trace.Take(context.WithoutCancel(ctx))
		if failed == nil {
			if changes := after.Since(before); len(changes) > 0 {
				failed = fmt.Errorf("the machine is not as it was:\n  %s", strings.Join(changes, "\n  "))
			}
		}
		err = errors.Join(err, failed)
	}()
	self, err := os.Executable()
	if err != nil {
		return 1, fmt.Errorf("finding this program's file: %w", err)
	}
	dir, err := os.Getwd()
	if err != nil {
		return 1, err
	}
	args = append([]string{inner}, args...)
	if _, running := docker.Running(ctx); running {
		return borrow(ctx, args)
	}
	return world.Run(ctx, dir, append([]string{self}, args...))
}

// borrow has this program call itself with args on the Docker that runs on this machine: in
// the machine's network, where that Docker's bridges are, and with nothing of its own but mounts.
func borrow(ctx context.Context, args []string) (code int, err error) {
	self, err := os.Executable()
	if err != nil {
		return 1, fmt.Errorf("finding this program's file: %w", err)
	}
	home, err := os.MkdirTemp("", "karpenter-kind-")
	if err != nil {
		return 1, fmt.Errorf("making a folder: %w", err)
	}
	for _, name := range []string{"logs", "machines"} {
		if err := os.Mkdir(filepath.Join(home, name), 0o755); err != nil {
			return 1, fmt.Errorf("making a folder: %w", err)
		}
	}
	cmd := exec.CommandContext(ctx, self, args...) //nolint:gosec // the arguments are this program's own: whoever runs it may run anything
	cmd.Env = append(os.Environ(), world.Folder+"="+home)
	cmd.Stdin, cmd.Stdout, cmd.Stderr = os.Stdin, os.Stdout, os.Stderr
	cmd.SysProcAttr = &syscall.SysProcAttr{Unshareflags: syscall.CLONE_NEWNS, Setpgid: true} // whose mounts the Go runtime makes private
	cmd.Cancel = func() error { return cmd.Process.Signal(syscall.SIGTERM) }
	cmd.WaitDelay = stopPatience
	err = cmd.Run()
	if exit, ok := errors.AsType[*exec.ExitError](err); ok {
		code, err = exit.ExitCode(), nil // it has said what is wrong
	}
	if code != 0 || err != nil {
		fmt.Fprintln(os.Stderr, "kind: logs are in", filepath.Join(home, "logs"))
		return code, err
	}
	return 0, os.RemoveAll(home)
}

// inside makes the cluster, runs the command, and takes everything away again.
func inside(ctx context.Context, args []string) (code int, err error) {
	s, err := parse(args)
	if err != nil {
		return 2, err
	}
	var setup image.Image
	text, err := os.ReadFile(s.setup)
	if err != nil {
		return 1, fmt.Errorf("reading what `kind build` printed: %w", err)
	}
	if err := json.Unmarshal(text, &setup); err != nil {
		return 1, fmt.Errorf("reading %s: %w", s.setup, err)
	}
	d, running := docker.Running(ctx)
	if !running {
		daemon, err := docker.Start(ctx, setup.Docker, filepath.Join(world.Machines(), "docker"), world.Logs())
		if err != nil {
			return 1, err
		}
		defer daemon.Stop()
		d = daemon.Docker
	}
	dir := filepath.Join(world.Logs(), "kind")
	if err := os.MkdirAll(dir, 0o755); err != nil {
		return 1, err
	}
	made, err := cluster.Create(ctx, d, setup, dir, os.Stderr)
	if err != nil {
		return 1, err
	}
	defer func() { err = errors.Join(err, made.Delete(context.WithoutCancel(ctx))) }()
	return s.serve(ctx, made, d)
}

// serve starts EC2, installs the product, and runs the command.
func (s settings) serve(ctx context.Context, c *cluster.Cluster, d docker.Docker) (code int, err error) {
	installed, err := localStack(ctx)
	if err != nil {
		return 1, err
	}
	server, err := installed.Start(ctx, cluster.Gateway)
	if err != nil {
		return 1, err
	}
	defer func() { err = errors.Join(err, server.Stop()) }()
	repository, tag, _ := strings.Cut(s.image, ":")
	err = c.Install(ctx, cluster.Product{
		Charts: "charts", Archive: s.archive, Repository: repository, Tag: tag, Endpoint: server.URL, Region: region, ClusterName: clusterName,
	})
	if err != nil {
		c.Explain(ctx)
		return 1, err
	}
	cmd := exec.CommandContext(ctx, s.command[0], s.command[1:]...)
	cmd.Env = append(os.Environ(), "E2E_KUBECONFIG="+c.Kubeconfig, "AWS_ENDPOINT_URL="+server.URL, "PATH="+d.Path, "KARPENTER_KIND_IMAGE="+c.Image, "KARPENTER_KIND_LOGS="+world.Logs())
	cmd.Stdout, cmd.Stderr = os.Stdout, os.Stderr
	cmd.Cancel = func() error { return cmd.Process.Signal(syscall.SIGTERM) }
	cmd.WaitDelay = stopPatience
	err = cmd.Run()
	if exit, ok := errors.AsType[*exec.ExitError](err); ok {
		c.Explain(ctx)
		return exit.ExitCode(), nil // the command has said what is wrong
	}
	return 0, err
}
