// Command controller is Karpenter for kubeadm clusters on EC2.
package main

import (
	"context"
	"errors"
	"fmt"
	"os"
	"os/signal"
	"syscall"

	"github.com/karpenter-kubeadm/karpenter-provider-aws/pkg/operator"
	"github.com/karpenter-kubeadm/karpenter-provider-aws/pkg/operator/options"
)

func main() {
	ctx, stop := signal.NotifyContext(context.Background(), os.Interrupt, syscall.SIGTERM)
	defer stop()
	err := operator.Start(ctx, os.Args[1:], os.Stdout)
	if err != nil && !errors.Is(err, options.ErrHelp) {
		fmt.Fprintln(os.Stderr, "karpenter:", err)
		os.Exit(1)
	}
}
