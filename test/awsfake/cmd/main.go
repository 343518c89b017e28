// Command awsfake runs a pretended AWS account by itself, until it is interrupted. See package
// awsfake for what it answers and Server.Handler for how to steer it.
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

	"github.com/karpenter-kubeadm/karpenter-provider-aws/test/awsfake"
	"github.com/karpenter-kubeadm/karpenter-provider-aws/test/awsfake/policy"
)

func main() {
	ctx, stop := signal.NotifyContext(context.Background(), os.Interrupt, syscall.SIGTERM)
	defer stop()
	if err := run(ctx, os.Args[1:], os.Stdout); err != nil {
		if errors.Is(err, flag.ErrHelp) {
			return
		}
		fmt.Fprintln(os.Stderr, "awsfake:", err)
		os.Exit(1)
	}
}

// settings are the flags.
type settings struct {
	options  awsfake.Options
	address  string
	seed     bool
	policies policyFlags
	cluster  string
}

// parse reads the flags. Their help goes to out.
func parse(args []string, out io.Writer) (settings, error) {
	var s settings
	flags := flag.NewFlagSet("awsfake", flag.ContinueOnError)
	flags.SetOutput(out)
	flags.StringVar(&s.address, "listen", "127.0.0.1:4579", "Host and port to listen on. Port 0 takes a free one.")
	flags.StringVar(&s.options.Region, "region", awsfake.DefaultRegion, "Region to seed. The others exist and are empty.")
	flags.StringVar(&s.options.Account, "account", awsfake.DefaultAccount, "Number of the account, 12 digits.")
	flags.StringVar(&s.options.Discovery, "discovery", "true", "Value of the tag karpenter.sh/discovery on the seed's subnets and security group.")
	flags.BoolVar(&s.seed, "seed", true, "Put a network, images and an instance profile into the region.")
	flags.Uint64Var(&s.options.IDSeed, "id-seed", 1, "The ids that the account hands out follow from it.")
	flags.DurationVar(&s.options.Delays.Pending, "boot-delay", 0, "Time from launch to running.")
	flags.DurationVar(&s.options.Delays.ShuttingDown, "terminate-delay", 0, "Time from TerminateInstances to terminated.")
	flags.DurationVar(&s.options.Delays.Stopping, "stop-delay", 0, "Time from StopInstances to stopped.")
	flags.DurationVar(&s.options.Delays.Visible, "visibility-delay", 0, "Time for which a new instance is unknown to all calls but the one that made it.")
	flags.DurationVar(&s.options.Delays.TemplateVisible, "template-visibility-delay", 0, "The same for launch templates.")
	flags.StringVar(&s.cluster, "cluster-name", "kubernetes", "What ${CLUSTER_NAME} stands for in policies. ${AWS_PARTITION}, ${AWS_REGION} and ${AWS_ACCOUNT_ID} are known.")
	flags.Var(&s.policies, "policy", "KEY=FILE gives the access key KEY the IAM policy in FILE. May be repeated. Keys without a policy may do everything.")
	if err := flags.Parse(args); err != nil {
		return s, err
	}
	if flags.NArg() > 0 {
		return s, fmt.Errorf("unexpected argument %q; there are flags only, see -help", flags.Arg(0))
	}
	s.options.Empty = !s.seed
	return s, nil
}

func run(ctx context.Context, args []string, out io.Writer) error {
	s, err := parse(args, out)
	if err != nil {
		return err
	}
	server, err := awsfake.New(s.options)
	if err != nil {
		return err
	}
	if err := s.grant(server); err != nil {
		return err
	}
	return server.Serve(ctx, s.address, func() { announce(out, server) })
}

// grant gives each access key its policies.
func (s settings) grant(server *awsfake.Server) error {
	for key, files := range s.policies {
		var p policy.Principal
		for _, file := range files {
			document, err := policy.Load(file, map[string]string{
				"AWS_PARTITION": "aws", "AWS_REGION": server.Region(), "AWS_ACCOUNT_ID": s.options.Account, "CLUSTER_NAME": s.cluster,
			})
			if err != nil {
				return err
			}
			p.Documents = append(p.Documents, document)
		}
		server.Policy.SetPrincipal(key, p)
	}
	return nil
}

// announce prints what a shell can evaluate to reach the account.
func announce(out io.Writer, server *awsfake.Server) {
	for _, line := range []string{
		"AWS_ENDPOINT_URL=" + server.URL, "AWS_REGION=" + server.Region(), "AWS_ACCESS_KEY_ID=" + awsfake.AccessKey,
		"AWS_SECRET_ACCESS_KEY=secret", "AWS_EC2_METADATA_DISABLED=true",
	} {
		_, _ = fmt.Fprintln(out, "export "+line)
	}
}

// policyFlags are the files with policies of access keys.
type policyFlags map[string][]string

// String is for package flag.
func (p *policyFlags) String() string { return "" }

// Set reads one KEY=FILE.
func (p *policyFlags) Set(text string) error {
	key, file, ok := strings.Cut(text, "=")
	if !ok || key == "" || file == "" {
		return fmt.Errorf("%q is not KEY=FILE", text)
	}
	if *p == nil {
		*p = policyFlags{}
	}
	(*p)[key] = append((*p)[key], file)
	return nil
}
