package env

import (
	"context"
	"time"
)

// Options say what world to make. The zero value is one that answers at once.
type Options struct {
	// Logs is a folder for the output of every part; it must exist.
	Logs string
	// Values go to the chart over its own and ours.
	Values map[string]any
	// Environment goes to the controller over the chart's; an empty value removes a variable.
	Environment map[string]string
	// Delays of the pretended EC2.
	Pending, ShuttingDown, Visible time.Duration
	// Kubeconfig, where set, is an administrator's of somebody else's cluster to use in the place
	// of an embedded one. Where the product is installed there, it is used as it is, Values
	// and Environment have no meaning, and nobody can stop it.
	Kubeconfig string
	// Endpoint, where set, is the address of somebody else's AWS to use in the place of a
	// pretended one; delays and Policies have no meaning there.
	Endpoint string
	// Region, ap-northeast-2 by default, us-east-1 with an Endpoint: it is where every EC2 has its default VPC.
	Region string
	// ClusterName, "seed" by default.
	ClusterName string
	// Policies: whether the controller's calls are held to the IAM policy in charts/karpenter/iam.
	Policies bool
	// ControlPlane are more arguments of `cluster up`.
	ControlPlane []string
	// Boot, where set, boots what EC2 launches in the place of hollow machines, until stop is called.
	Boot func(context.Context, *Env) (stop func(), err error)
	// Progress, where set, is told what is being started.
	Progress func(string)
}

func (o *Options) complete() {
	if o.Region == "" {
		o.Region = "ap-northeast-2"
		if o.Endpoint != "" {
			o.Region = "us-east-1"
		}
	}
	if o.ClusterName == "" {
		o.ClusterName = "seed"
	}
	if o.Progress == nil {
		o.Progress = func(string) {}
	}
}
