// Command kind runs specs on a real kind cluster with LocalStack as its EC2. It needs root
// on Linux; see package kind. It is called in the repository's root folder.
//
//	kind check          says whether this machine can run it, exit code 3 when not
//	kind build          builds what it needs into the cache; reads what `node build` printed, and prints likewise
//	kind run [FLAG...] COMMAND [ARG...]
//	                    runs a command with the cluster's E2E_KUBECONFIG and AWS_ENDPOINT_URL; fails
//	                    when it fails, and when the machine is not as it was before
//
// kind inside, kind world and kind dockerd are for it to call itself.
package main

import (
	"context"
	"encoding/json"
	"errors"
	"fmt"
	"os"
	"os/signal"
	"path/filepath"
	"syscall"

	"github.com/karpenter-kubeadm/karpenter-provider-aws/test/contract/emulator"
	"github.com/karpenter-kubeadm/karpenter-provider-aws/test/env/cache"
	"github.com/karpenter-kubeadm/karpenter-provider-aws/test/kind/docker"
	"github.com/karpenter-kubeadm/karpenter-provider-aws/test/kind/image"
	"github.com/karpenter-kubeadm/karpenter-provider-aws/test/node/world"
)

const usage = `usage: kind check | kind build | kind run [FLAG...] COMMAND [ARG...]`

// exitUnable says that this machine cannot run a kind cluster.
const exitUnable = 3

func main() {
	ctx, stop := signal.NotifyContext(context.Background(), os.Interrupt, syscall.SIGTERM)
	code, err := run(ctx, os.Args[1:])
	stop()
	if err != nil {
		fmt.Fprintln(os.Stderr, "kind:", err)
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
			fmt.Println("skipped: a kind cluster: its nodes are made as real nodes are, and", err)
			return exitUnable, nil
		}
		return 0, nil
	case "build":
		return 0, build(ctx)
	case "run":
		return isolate(ctx, rest)
	case inner:
		return inside(ctx, rest)
	case world.Inner:
		return world.Main(ctx, rest)
	case docker.Inner:
		return 1, docker.Main(rest) // returns on an error only
	}
	return 2, errors.New(usage)
}

// build builds the images, and prints where they are.
func build(ctx context.Context) error {
	var b image.Builder
	if err := json.NewDecoder(os.Stdin).Decode(&b.Node); err != nil {
		return fmt.Errorf("reading what `node build` printed: %w", err)
	}
	root, err := os.Getwd()
	if err != nil {
		return err
	}
	folder, err := cache.Folder()
	if err != nil {
		return err
	}
	b.Root, b.Cache, b.Out = root, filepath.Join(folder, "kind"), os.Stderr
	made, err := b.Build(ctx)
	if err != nil {
		return err
	}
	if _, err := localStack(ctx); err != nil {
		return err
	}
	return json.NewEncoder(os.Stdout).Encode(made)
}

// localStack installs LocalStack where it is not in the cache.
func localStack(ctx context.Context) (emulator.Installed, error) {
	kind, err := emulator.Named("localstack")
	if err != nil {
		return emulator.Installed{}, err
	}
	folder, err := cache.Folder()
	if err != nil {
		return emulator.Installed{}, err
	}
	return emulator.Install(ctx, kind, folder, os.Stderr)
}
