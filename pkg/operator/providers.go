package operator

import (
	"context"
	"fmt"
	"time"

	"github.com/aws/aws-sdk-go-v2/aws"
	"github.com/aws/aws-sdk-go-v2/service/ec2"
	"github.com/aws/aws-sdk-go-v2/service/iam"
	"github.com/aws/aws-sdk-go-v2/service/pricing"
	"github.com/aws/aws-sdk-go-v2/service/ssm"
	"github.com/aws/aws-sdk-go-v2/service/sts"
	"k8s.io/client-go/rest"
	"k8s.io/utils/clock"
	"sigs.k8s.io/controller-runtime/pkg/client"

	v1 "github.com/karpenter-kubeadm/karpenter-provider-aws/pkg/apis/v1"
	"github.com/karpenter-kubeadm/karpenter-provider-aws/pkg/cloudprovider"
	"github.com/karpenter-kubeadm/karpenter-provider-aws/pkg/cluster"
	"github.com/karpenter-kubeadm/karpenter-provider-aws/pkg/operator/options"
	"github.com/karpenter-kubeadm/karpenter-provider-aws/pkg/providers/ami"
	"github.com/karpenter-kubeadm/karpenter-provider-aws/pkg/providers/clusterinfo"
	"github.com/karpenter-kubeadm/karpenter-provider-aws/pkg/providers/identity"
	"github.com/karpenter-kubeadm/karpenter-provider-aws/pkg/providers/instancetype"
	"github.com/karpenter-kubeadm/karpenter-provider-aws/pkg/providers/inventory"
	"github.com/karpenter-kubeadm/karpenter-provider-aws/pkg/providers/launch"
	"github.com/karpenter-kubeadm/karpenter-provider-aws/pkg/providers/network"
	"github.com/karpenter-kubeadm/karpenter-provider-aws/pkg/providers/offering"
	"github.com/karpenter-kubeadm/karpenter-provider-aws/pkg/providers/parameter"
	"github.com/karpenter-kubeadm/karpenter-provider-aws/pkg/providers/token"
)

// Clock is the one clock of all providers.
type Clock interface {
	clock.WithTicker
	clock.WithDelayedExecution
}

// Kube is the way to the API server.
type Kube struct {
	Config *rest.Config
	Client client.Client // cached reads
	Reader client.Reader // reads from the API server itself
}

// Providers are all providers, wired to each other.
type Providers struct {
	Clusters  *clusterinfo.Provider
	Tokens    *token.Provider
	Delivery  cloudprovider.Delivery // nil when no shared token is fetched
	Own       *parameter.Instances   // nil unless each instance has a token of its own
	Types     *instancetype.Provider
	Offerings *offering.Provider
	Images    *ami.Provider
	Network   *network.Provider
	Profiles  *identity.Provider
	Inventory *inventory.Provider
	Launcher  *launch.Provider
}

// NewProviders wires the providers to the AWS account that cfg reaches and the cluster that
// kube does. Production passes those of the options; tests pass awsfake's and a test
// cluster's. There is no second wiring to keep in step. It makes no call.
func NewProviders(cfg aws.Config, kube Kube, o *options.Options, clk Clock) (Providers, error) {
	var p Providers
	var err error
	api := ec2.NewFromConfig(cfg)
	if p.Clusters, err = clusterinfo.New(kube.Config, clusterOptions(o), clk); err != nil {
		return Providers{}, fmt.Errorf("reading the cluster: %w", err)
	}
	if err := p.addTokens(cfg, kube, o, clk); err != nil {
		return Providers{}, err
	}
	p.Types = instancetype.New(api, instancetype.Config{
		Region: cfg.Region, MemoryOverheadPercent: o.VMMemoryOverheadPercent, ReservedENIs: int64(o.ReservedENIs),
	})
	p.Offerings, err = offering.New(
		offering.Config{Region: cfg.Region, IsolatedVPC: o.IsolatedVPC},
		offering.Sources{Types: p.Types, Clusters: p.Clusters, Spot: api, OnDemand: priceAPI(cfg), Clock: clk},
	)
	if err != nil {
		return Providers{}, fmt.Errorf("reading the built-in prices: %w", err)
	}
	p.Images = ami.New(ami.Sources{Images: api, Parameters: ssm.NewFromConfig(cfg), Clusters: p.Clusters}, clk, o.AMIRefreshInterval)
	p.Network = network.New(api, clk, network.Refresh{Subnets: o.SubnetRefreshInterval, SecurityGroups: o.SecurityGroupRefreshInterval})
	p.Profiles = identity.New(iam.NewFromConfig(cfg), clk)
	p.Inventory = inventory.New(inventory.Deps{API: api, Consoles: api, Clusters: p.Clusters, Clock: clk, Observe: observeBatch})
	p.Launcher = launch.New(launch.Deps{
		API: api, Finder: p.Inventory, Claims: claims{kube.Reader}, Addresses: p.Network, Refuser: p.Offerings, Clock: clk,
		Observe: func(items int, took time.Duration) { observeBatch("create_fleet", items, took) },
	})
	return p, nil
}

// addTokens adds what has to do with bootstrap tokens.
func (p *Providers) addTokens(cfg aws.Config, kube Kube, o *options.Options, clk Clock) error {
	store := ssm.NewFromConfig(cfg)
	t := tokenOptions(o)
	if o.TokenDelivery == options.SSM {
		p.Delivery = parameter.New(store, o.ClusterName, clk)
	}
	if t.PerInstance {
		p.Own = parameter.NewInstances(store, sts.NewFromConfig(cfg), cfg.Region, o.ClusterName, clk)
	}
	if o.BootstrapTokenFile != "" {
		t.Source = tokenFile(o.BootstrapTokenFile)
	}
	if o.BootstrapTokenParameter != "" {
		given := parameter.NewGiven(store, o.BootstrapTokenParameter)
		t.Source = given
		if p.Delivery != nil {
			p.Delivery = given // nodes fetch it from where it is
		}
	}
	var err error
	if p.Tokens, err = token.New(kube.Config, t, clk); err != nil {
		return fmt.Errorf("making bootstrap tokens: %w", err)
	}
	return nil
}

// priceAPI is in the region whose API knows the prices of cfg's.
func priceAPI(cfg aws.Config) *pricing.Client {
	return pricing.NewFromConfig(cfg, func(o *pricing.Options) { o.Region = offering.PricingRegion(cfg.Region) })
}

func clusterOptions(o *options.Options) clusterinfo.Options {
	return clusterinfo.Options{
		Mode:          cluster.Mode(unlessAuto(o.BootstrapMode)),
		Name:          o.ClusterName,
		Endpoint:      o.ClusterEndpoint,
		CABundle:      o.ClusterCABundle,
		CloudProvider: cluster.CloudProvider(unlessAuto(o.CloudProvider)),
		PodNetwork:    clusterinfo.PodNetwork(unlessAuto(o.PodNetwork)),
	}
}

func tokenOptions(o *options.Options) token.Options {
	t := token.Options{Namespace: o.SystemNamespace, TTL: o.BootstrapTokenTTL, PerInstance: o.TokenDelivery == options.SSMPerInstance}
	if o.CSRApproval == options.Kubeadm {
		t.Group = token.KubeadmGroup
	}
	return t
}

// unlessAuto is what was asked for, empty when it is to be found out.
func unlessAuto(value string) string {
	if value == options.Auto {
		return ""
	}
	return value
}

// templates are the launch templates of classes, for who knows a class and not the cluster.
type templates struct {
	launcher *launch.Provider
	clusters *clusterinfo.Provider
}

// DeleteAll deletes those of class.
func (t templates) DeleteAll(ctx context.Context, class *v1.EC2NodeClass) error {
	where, err := t.clusters.Get(ctx)
	if err != nil {
		return err
	}
	return t.launcher.DeleteTemplates(ctx, where.UID, class.Name)
}
