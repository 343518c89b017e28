package main

import (
	"errors"
	"flag"
	"fmt"
	"os"
	"path/filepath"
	"strings"
	"time"

	"github.com/karpenter-kubeadm/karpenter-provider-aws/test/cluster/plane"
)

// options are the flags of build and up.
type options struct {
	cache, kubernetes string

	bin, dir                          string
	address                           string
	config                            plane.Config
	anonymousAuth                     bool
	monitorGrace                      time.Duration
	apiServer, controllerManager, sch args
	untilStdinClosed                  bool
}

// args collects a repeated flag of the form name=value.
type args []plane.Arg

func (a *args) String() string { return "" }

func (a *args) Set(text string) error {
	name, value, found := strings.Cut(strings.TrimLeft(text, "-"), "=")
	if !found || name == "" {
		return fmt.Errorf("%q is not of the form NAME=VALUE", text)
	}
	*a = append(*a, plane.Arg{Name: name, Value: value})
	return nil
}

// buildFlags are those of every command that may build.
func buildFlags(flags *flag.FlagSet, o *options) {
	flags.StringVar(&o.cache, "cache", "", "folder for built programs (default $KARPENTER_CACHE, else the user's cache folder)")
	flags.StringVar(&o.kubernetes, "kubernetes", "", "release to build, a minor or a patch (default the newest)")
}

func upFlags(o *options) *flag.FlagSet {
	flags := flag.NewFlagSet("up", flag.ContinueOnError)
	buildFlags(flags, o)
	flags.StringVar(&o.bin, "bin", "", "folder of the programs (default: built where they are missing)")
	flags.StringVar(&o.dir, "dir", os.TempDir(), "where the cluster's folder is made")
	flags.StringVar(&o.address, "address", "", "loopback or private address (default a free one of 127.64.0.0/10)")
	flags.StringVar(&o.config.ServiceCIDR, "service-cidr", "10.96.0.0/12", "addresses of Services")
	flags.StringVar(&o.config.PodCIDR, "pod-cidr", "10.244.0.0/16", "addresses of pods; empty: nodes get none")
	flags.BoolVar(&o.anonymousAuth, "anonymous-auth", true, "allow anonymous requests")
	flags.DurationVar(&o.monitorGrace, "node-monitor-grace-period", 0, "how long a node may be silent (default the controller manager's own)")
	flags.Var(&o.apiServer, "apiserver-arg", "NAME=VALUE for kube-apiserver; may be repeated")
	flags.Var(&o.controllerManager, "controller-manager-arg", "NAME=VALUE for kube-controller-manager; may be repeated")
	flags.Var(&o.sch, "scheduler-arg", "NAME=VALUE for kube-scheduler; may be repeated")
	flags.BoolVar(&o.untilStdinClosed, "until-stdin-closed", false, "end when standard input does")
	return flags
}

// parse reads a command line that has flags only.
func parse(flags *flag.FlagSet, arguments []string) error {
	switch err := flags.Parse(arguments); {
	case errors.Is(err, flag.ErrHelp):
		return err
	case err != nil:
		return errUsage // the flag package has explained it
	case flags.NArg() > 0:
		return explain(fmt.Sprintf("%s takes no argument %q", flags.Name(), flags.Arg(0)))
	}
	return nil
}

// clusterConfig is what the flags say about the cluster. The address is still to be claimed.
func (o *options) clusterConfig() plane.Config {
	c := o.config
	c.APIServer, c.ControllerManager, c.Scheduler = o.apiServer, o.controllerManager, o.sch
	if !o.anonymousAuth {
		c.APIServer = append(c.APIServer, plane.Arg{Name: "anonymous-auth", Value: "false"})
	}
	if o.monitorGrace > 0 {
		c.ControllerManager = append(c.ControllerManager, plane.Arg{Name: "node-monitor-grace-period", Value: o.monitorGrace.String()})
	}
	return c
}

func (o *options) cacheFolder() (string, error) {
	if o.cache == "" {
		o.cache = os.Getenv("KARPENTER_CACHE")
	}
	if o.cache == "" {
		user, err := os.UserCacheDir()
		if err != nil {
			return "", fmt.Errorf("finding the cache folder: %w; name one with --cache", err)
		}
		o.cache = filepath.Join(user, "karpenter-provider-aws")
	}
	return filepath.Abs(o.cache)
}
