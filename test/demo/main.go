// Command demo shows the main job on this machine: a kubeadm control plane, a pretended
// AWS account, the controller as its chart installs it, the seed manifests, ten pods that
// fit nowhere, the nodes that come for them, and how they go again. Nothing leaves
// loopback, nothing costs money. It ends with exit code 0 only if all of it happened.
package main

import (
	"context"
	"errors"
	"flag"
	"fmt"
	"os"
	"os/signal"
	"path/filepath"
	"syscall"

	"github.com/karpenter-kubeadm/karpenter-provider-aws/test/env"
)

func main() {
	keep := flag.Bool("keep", false, "leave it running after the scale-up and say how to use it")
	broken := flag.String("break", "", "make one mistake (token, endpoint, ca, taint or providerid) and show how it is explained")
	flag.Parse()
	ctx, stop := signal.NotifyContext(context.Background(), os.Interrupt, syscall.SIGTERM)
	err := run(ctx, *keep, *broken)
	stop()
	switch {
	case errors.Is(err, context.Canceled):
		fmt.Fprintln(os.Stderr, "demo: interrupted; everything it started has ended")
		os.Exit(130)
	case err != nil:
		fmt.Fprintln(os.Stderr, "demo:", err)
		os.Exit(1)
	}
}

func run(ctx context.Context, keep bool, broken string) (err error) {
	mistake, err := findFault(broken)
	if err != nil {
		return err
	}
	logs, err := os.MkdirTemp("", "karpenter-demo-*")
	if err != nil {
		return err
	}
	// A demo that failed leaves its logs, one that did not leaves nothing.
	defer func() {
		if err == nil || errors.Is(err, context.Canceled) {
			err = errors.Join(err, os.RemoveAll(logs))
		} else {
			err = fmt.Errorf("%w\n      the output of every part is in %s", err, logs)
		}
	}()
	ctx, interrupt := context.WithCancel(ctx)
	defer interrupt()
	out := newScreen(interrupt)
	defer out.Close()

	world, err := env.Start(ctx, env.Options{Logs: logs, Policies: true, Progress: out.Line})
	if err != nil {
		return err
	}
	defer world.Stop()
	out.Line("starting the controller")
	if err := mistake.prepare(ctx, world); err != nil {
		return err
	}
	s := newStory(world, out)
	if broken != "" {
		return s.breakDown(ctx, seed(world), mistake)
	}
	return s.tellAll(ctx, seed(world), keep)
}

// seed is the folder of the manifests that the demo applies.
func seed(world *env.Env) string {
	return filepath.Join(world.Binaries.Root, "charts", "karpenter", "examples", "seed")
}

// stay leaves everything running until the user interrupts.
func stay(ctx context.Context, world *env.Env, out screen) error {
	out.Close()
	fmt.Printf(`
It keeps running. In another terminal:

  export KUBECONFIG=%s PATH=%s:$PATH
  export AWS_ENDPOINT_URL=%s AWS_REGION=ap-northeast-2 AWS_ACCESS_KEY_ID=demo AWS_SECRET_ACCESS_KEY=demo
  kubectl get nodepools,nodeclaims,nodes,pods
  kubectl scale deployment demo --replicas=3

The controller writes to %s. Ctrl-C ends everything.
`, world.Kubeconfig(), world.ProgramPath(), world.AWS.URL, world.ControllerLog())
	<-ctx.Done()
	return ctx.Err()
}
