// Command hollow boots the instances of an EC2 endpoint as hollow nodes, until it is interrupted.
//
//	AWS_ENDPOINT_URL=http://127.0.0.1:4579 AWS_REGION=ap-northeast-2 hollow --kubeconfig admin.conf
//
// AWS credentials and endpoint are taken as every AWS program takes them. The kubeconfig
// is used to play pods and for nothing else: each node has the certificate that it got itself.
// Where the endpoint is awsfake, --control gives it the consoles for GetConsoleOutput.
package main

import (
	"context"
	"errors"
	"flag"
	"fmt"
	"io"
	"os"
	"os/signal"
	"strings"
	"syscall"
	"time"

	"github.com/aws/aws-sdk-go-v2/aws"
	"github.com/aws/aws-sdk-go-v2/config"
	"github.com/aws/aws-sdk-go-v2/service/ec2"
	"k8s.io/client-go/tools/clientcmd"
	"sigs.k8s.io/controller-runtime/pkg/log"
	"sigs.k8s.io/controller-runtime/pkg/log/zap"

	"github.com/karpenter-kubeadm/karpenter-provider-aws/test/hollow"
	"github.com/karpenter-kubeadm/karpenter-provider-aws/test/hollow/hypervisor"
	"github.com/karpenter-kubeadm/karpenter-provider-aws/test/hollow/kubelet"
	"github.com/karpenter-kubeadm/karpenter-provider-aws/test/hollow/machine"
)

func main() {
	ctx, stop := signal.NotifyContext(context.Background(), os.Interrupt, syscall.SIGTERM)
	defer stop()
	if err := run(ctx, os.Args[1:], os.Stderr); err != nil {
		if !errors.Is(err, flag.ErrHelp) {
			fmt.Fprintln(os.Stderr, "hollow:", err)
		}
		os.Exit(1)
	}
}

// options are the command line.
type options struct {
	kubeconfig, control, reachable, kubernetes string
	all                                        bool
	poll, lease                                time.Duration
	speed                                      int
	overhead                                   float64
}

func parse(args []string, out io.Writer) (options, error) {
	var o options
	flags := flag.NewFlagSet("hollow", flag.ContinueOnError)
	flags.SetOutput(out)
	flags.StringVar(&o.kubeconfig, "kubeconfig", os.Getenv("KUBECONFIG"), "kubeconfig to play pods with; empty plays none")
	flags.StringVar(&o.control, "control", "", "address of an awsfake server that takes console output, as http://127.0.0.1:4579")
	flags.StringVar(&o.kubernetes, "kubernetes-version", "v1.36.3", "newest patch that the package repository of its minor has")
	flags.StringVar(&o.reachable, "reachable", "", "hosts, separated by commas, that curl on a machine may really reach")
	flags.BoolVar(&o.all, "all", false, "boot every instance, not only those with the tag karpenter.sh/nodepool")
	flags.DurationVar(&o.poll, "poll", hollow.DefaultPoll, "time between two looks at EC2")
	flags.DurationVar(&o.lease, "lease-interval", 0, "time between two renewals of a node's lease; 0 is a quarter of the lease")
	flags.IntVar(&o.speed, "speed", hollow.DefaultSpeed, "how many times faster than real time scripts sleep")
	flags.Float64Var(&o.overhead, "memory-overhead", hollow.DefaultMemoryOverhead, "share of an instance type's memory that its kernel keeps")
	if err := flags.Parse(args); err != nil {
		return o, err
	}
	if flags.NArg() > 0 {
		return o, fmt.Errorf("unexpected argument %q", flags.Arg(0))
	}
	return o, nil
}

func run(ctx context.Context, args []string, out io.Writer) error {
	o, err := parse(args, out)
	if err != nil {
		return err
	}
	log.SetLogger(zap.New(zap.WriteTo(out), zap.UseDevMode(true)))
	settings, err := config.LoadDefaultConfig(ctx)
	if err != nil {
		return fmt.Errorf("loading AWS configuration: %w", err)
	}
	if settings.Region == "" {
		return errors.New("AWS_REGION is not set; set it to the region whose instances shall boot")
	}
	booted := hollow.Config{
		EC2: ec2.NewFromConfig(settings), Region: settings.Region, All: o.all, Poll: o.poll,
		Machine: machine.Config{AWS: aws.ToString(settings.BaseEndpoint), Kubernetes: o.kubernetes, Speed: o.speed, Reachable: strings.FieldsFunc(o.reachable, func(r rune) bool { return r == ',' })},
		Kubelet: kubelet.Options{MemoryOverhead: o.overhead, LeaseInterval: o.lease},
	}
	if o.control != "" {
		control := hypervisor.New(o.control, settings.Region)
		booted.Hypervisor, booted.Roles = control, control
	}
	if o.kubeconfig != "" {
		if booted.Cluster, err = clientcmd.BuildConfigFromFlags("", o.kubeconfig); err != nil {
			return fmt.Errorf("reading kubeconfig: %w", err)
		}
	}
	return hollow.New(booted).Run(ctx)
}
