// Command node builds and isolates real nodes. It needs root on Linux; see package node.
//
//	node check                     says whether this machine can run them, exit code 3 when not
//	node build [RELEASE]           builds the images into the cache, prints them as JSON; the Kubernetes
//	                               release is a minor or a patch that `cluster build --kubernetes` takes
//	node run DIR COMMAND [ARG...]  runs a command in a world of its own (see package world)
//
// node boot and node world are for it to call itself.
package main

import (
	"context"
	"encoding/json"
	"errors"
	"fmt"
	"os"
	"os/signal"
	"path/filepath"
	"strings"
	"syscall"

	"github.com/karpenter-kubeadm/karpenter-provider-aws/test/env"
	"github.com/karpenter-kubeadm/karpenter-provider-aws/test/env/cache"
	"github.com/karpenter-kubeadm/karpenter-provider-aws/test/node/image"
	"github.com/karpenter-kubeadm/karpenter-provider-aws/test/node/machine"
	"github.com/karpenter-kubeadm/karpenter-provider-aws/test/node/world"
)

const usage = `usage: node check | node build [RELEASE] | node run DIR COMMAND [ARG...]`

// exitUnable says that this machine cannot run real nodes.
const exitUnable = 3

func main() {
	ctx, stop := signal.NotifyContext(context.Background(), os.Interrupt, syscall.SIGTERM)
	defer stop()
	code, err := run(ctx, os.Args[1:])
	if err != nil {
		fmt.Fprintln(os.Stderr, "node:", err)
		code = max(code, 1)
	}
	os.Exit(code)
}

func run(ctx context.Context, args []string) (int, error) {
	if len(args) == 0 {
		return 2, errors.New(usage)
	}
	switch name, rest := args[0], args[1:]; name {
	case "check":
		if err := world.Check(); err != nil {
			fmt.Println("skipped: real nodes:", err)
			return exitUnable, nil
		}
		return 0, nil
	case "build":
		if len(rest) > 1 {
			return 2, errors.New(usage)
		}
		return 0, build(ctx, strings.Join(rest, ""))
	case "run":
		if len(rest) < 2 {
			return 2, errors.New(usage)
		}
		return world.Run(ctx, rest[0], rest[1:])
	case world.Inner:
		return world.Main(ctx, rest)
	case machine.Boot:
		return 1, machine.Main(rest) // returns on an error only
	}
	return 2, errors.New(usage)
}

// build builds the images of a Kubernetes release, the newest when it is empty, and prints them.
func build(ctx context.Context, release string) error {
	programs, err := env.Locate()
	if err != nil {
		return err
	}
	kubernetes, err := programs.KubernetesBinaries(ctx, "--kubernetes", release)
	if err != nil {
		return err
	}
	version, err := image.KubernetesVersion(ctx, kubernetes)
	if err != nil {
		return err
	}
	folder, err := cache.Folder()
	if err != nil {
		return err
	}
	made, err := image.Builder{Root: programs.Root, Cache: filepath.Join(folder, "node"), Kubernetes: kubernetes, Version: version, Out: os.Stderr}.Build(ctx)
	if err != nil {
		return err
	}
	return json.NewEncoder(os.Stdout).Encode(made)
}
