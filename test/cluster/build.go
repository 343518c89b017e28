package main

import (
	"context"
	"flag"
	"fmt"
	"os"

	"golang.org/x/term"
	"k8s.io/utils/clock"

	"github.com/karpenter-kubeadm/karpenter-provider-aws/test/cluster/binary"
	"github.com/karpenter-kubeadm/karpenter-provider-aws/test/cluster/process"
)

func build(ctx context.Context, arguments []string) error {
	var o options
	flags := flag.NewFlagSet("build", flag.ContinueOnError)
	buildFlags(flags, &o)
	if err := parse(flags, arguments); err != nil {
		return err
	}
	group := process.New()
	defer group.Close()
	bin, err := o.programs(ctx, group)
	if err != nil {
		return err
	}
	_, err = fmt.Println(bin)
	return err
}

// programs returns the folder of the programs, built where they are missing.
func (o *options) programs(ctx context.Context, group *process.Group) (string, error) {
	cache, err := o.cacheFolder()
	if err != nil {
		return "", err
	}
	sources, err := source(o.kubernetes)
	if err != nil {
		return "", err
	}
	return binary.Builder{
		Source: sources,
		Cache:  cache,
		Group:  group,
		Env:    os.Environ(),
		Out:    os.Stderr,
		Live:   term.IsTerminal(int(os.Stderr.Fd())),
		Clock:  clock.RealClock{},
	}.Build(ctx)
}
