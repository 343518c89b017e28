package operator

import (
	"context"
	"fmt"
	"io"
	"time"

	awssdk "github.com/aws/aws-sdk-go-v2/aws"
	"github.com/awslabs/operatorpkg/controller"
	"k8s.io/utils/clock"
	"sigs.k8s.io/controller-runtime/pkg/log"
	crmetrics "sigs.k8s.io/controller-runtime/pkg/metrics"
	karpenter "sigs.k8s.io/karpenter/pkg/cloudprovider"
	"sigs.k8s.io/karpenter/pkg/cloudprovider/metrics"
	"sigs.k8s.io/karpenter/pkg/cloudprovider/overlay"
	corecontrollers "sigs.k8s.io/karpenter/pkg/controllers"
	"sigs.k8s.io/karpenter/pkg/controllers/node/health"
	"sigs.k8s.io/karpenter/pkg/controllers/state"
	coreoperator "sigs.k8s.io/karpenter/pkg/operator"
	coreoptions "sigs.k8s.io/karpenter/pkg/operator/options"

	"github.com/karpenter-kubeadm/karpenter-provider-aws/pkg/aws"
	"github.com/karpenter-kubeadm/karpenter-provider-aws/pkg/cloudprovider"
	"github.com/karpenter-kubeadm/karpenter-provider-aws/pkg/cluster"
	"github.com/karpenter-kubeadm/karpenter-provider-aws/pkg/controllers/capacity"
	"github.com/karpenter-kubeadm/karpenter-provider-aws/pkg/join"
	"github.com/karpenter-kubeadm/karpenter-provider-aws/pkg/operator/options"
	"github.com/karpenter-kubeadm/karpenter-provider-aws/pkg/providers/parameter"
)

// Operator is a controller that is ready to run.
type Operator struct {
	core    *coreoperator.Operator
	options *options.Options
	region  string
	mode    cluster.Mode

	Providers Providers
}

// Start reads args and the environment, finds out whether AWS and the cluster can be worked
// with, and runs the controller until ctx ends. Its error is for a person to read.
func Start(ctx context.Context, args []string, help io.Writer) error {
	coreOptions, own, err := options.Read(args, help)
	if err != nil {
		return err
	}
	if err := TellCore(); err != nil {
		return err
	}
	cfg, err := reachAWS(ctx)
	if err != nil {
		return err
	}
	coreCtx, core, err := newCore(ctx, own.SystemNamespace)
	if err != nil {
		return err
	}
	o, err := New(coreCtx, cfg, core, own)
	if err != nil {
		return err
	}
	if err := o.register(coreCtx, coreOptions); err != nil {
		return err
	}
	if err := core.Manager.Start(coreCtx); err != nil {
		return fmt.Errorf("running: %w", err)
	}
	return nil
}

// reachAWS returns the configuration of an account that answers.
func reachAWS(ctx context.Context) (awssdk.Config, error) {
	cfg, err := aws.Load(ctx, coreoperator.Version, crmetrics.Registry)
	if err != nil {
		return awssdk.Config{}, err
	}
	return cfg, aws.Check(ctx, cfg)
}

// New wires the providers, and learns from AWS and the cluster what controllers need from
// their first moment on: which cluster this is, and the region's instance types.
func New(ctx context.Context, cfg awssdk.Config, core *coreoperator.Operator, own *options.Options) (*Operator, error) {
	kube := Kube{Config: core.GetConfig(), Client: core.GetClient(), Reader: core.GetAPIReader()}
	providers, err := NewProviders(cfg, kube, own, clock.RealClock{})
	if err != nil {
		return nil, err
	}
	ctx, cancel := context.WithTimeout(ctx, startTimeout)
	defer cancel()
	where, err := providers.Clusters.Get(ctx)
	if err != nil {
		return nil, err
	}
	if err := providers.Types.Update(ctx); err != nil {
		return nil, fmt.Errorf("learning the region's instance types: %w", err)
	}
	if err := capacity.NewStore(kube.Reader, kube.Client, own.SystemNamespace, clock.RealClock{}).Load(ctx, providers.Types); err != nil {
		log.FromContext(ctx).Error(err, "loading what nodes were measured to have: instance types are reckoned with by estimate until nodes are measured again")
	}
	log.FromContext(ctx).Info("discovered cluster", "region", cfg.Region, "mode", where.Mode, "cluster", where.Name,
		"kube-system-uid", where.UID, "endpoint", where.Endpoint, "version", where.Version.String(), "cloud-provider", where.CloudProvider)
	if gates := own.Gates.Unsupported(); len(gates) > 0 {
		log.FromContext(ctx).Info("feature gates have no effect here yet", "aws-feature-gates", gates)
	}
	return &Operator{core: core, options: own, region: cfg.Region, mode: where.Mode, Providers: providers}, nil
}

// startTimeout is for a region's instance types, some ten pages, on a throttled account.
const startTimeout = 2 * time.Minute

// register adds all controllers and what runs beside them to the manager.
func (o *Operator) register(ctx context.Context, coreOptions *coreoptions.Options) error {
	provider := o.cloudProvider(coreOptions)
	counted := metrics.Decorate(provider)
	overlaid := overlay.Decorate(counted, o.core.GetClient(), o.core.InstanceTypeStore)
	w := wiring{
		providers: o.Providers, provider: provider, overlaid: overlaid, recorder: o.core.EventRecorder, clock: clock.RealClock{},
		kube:    Kube{Config: o.core.GetConfig(), Client: o.core.GetClient(), Reader: o.core.GetAPIReader()},
		plain:   o.core.GetEventRecorderFor(coreoperator.AppName), //nolint:staticcheck // SA1019: the status controller of operatorpkg takes no other recorder
		options: o.options, region: o.region, mode: o.mode,
		relaxMinValues: relaxMinValues(coreOptions),
	}
	fromCore, err := o.coreControllers(ctx, counted, overlaid)
	if err != nil {
		return err
	}
	for _, c := range append(fromCore, w.controllers()...) {
		if err := c.Register(ctx, o.core.Manager); err != nil {
			return fmt.Errorf("adding a controller: %w", err)
		}
	}
	if err := o.core.Add(o.Providers.Clusters); err != nil {
		return fmt.Errorf("adding the refresh of cluster information: %w", err)
	}
	if err := o.core.Add(&recovery{claims: claims{w.kube.Reader}, launcher: o.Providers.Launcher}); err != nil {
		return fmt.Errorf("adding the recovery of lost launches: %w", err)
	}
	return nil
}

func (o *Operator) cloudProvider(coreOptions *coreoptions.Options) *cloudprovider.CloudProvider {
	p := o.Providers
	deps := cloudprovider.Deps{
		Kube: o.core.GetClient(), Recorder: o.core.EventRecorder, Clock: clock.RealClock{},
		Types: p.Offerings, Launcher: p.Launcher, Inventory: p.Inventory, Clusters: p.Clusters, Tokens: p.Tokens, Delivery: p.Delivery,
	}
	if coreOptions.FeatureGates.NodeOverlay {
		deps.Overlays = o.core.InstanceTypeStore
	}
	return cloudprovider.New(deps, cloudprovider.Config{
		Region:            o.region,
		RelaxMinValues:    relaxMinValues(coreOptions),
		LegacyRepair:      coreOptions.LegacyNodeRepair,
		RebootForRepair:   o.options.Gates.RebootForRepair,
		ReservedCapacity:  coreOptions.FeatureGates.ReservedCapacity,
		KubeletSkew:       o.options.KubeletVersionSkew,
		InstanceParameter: o.instanceParameter(),
		Sources:           o.options.Sources,
	})
}

// instanceParameter is where each instance finds a token of its own, empty where it shares one.
func (o *Operator) instanceParameter() string {
	if o.Providers.Own == nil {
		return ""
	}
	return parameter.InstanceName(o.options.ClusterName, join.InstanceID)
}

func relaxMinValues(o *coreoptions.Options) bool {
	return o.MinValuesPolicy == coreoptions.MinValuesPolicyBestEffort
}

// coreControllers are core's. It plans with overlaid, the provider as NodeOverlays change it,
// and computes the overlays from plain.
func (o *Operator) coreControllers(ctx context.Context, plain, overlaid karpenter.CloudProvider) ([]controller.Controller, error) {
	matcher, err := health.NewRepairPolicyMatcher(ctx, overlaid)
	if err != nil {
		return nil, fmt.Errorf("reading repair policies: %w", err)
	}
	nodes := state.NewCluster(o.core.Clock, o.core.GetClient(), overlaid, state.WithRepairPolicyMatcher(matcher))
	return corecontrollers.NewControllers(ctx, o.core.Manager, o.core.Clock, o.core.GetClient(), o.core.EventRecorder,
		overlaid, plain, nodes, o.core.InstanceTypeStore, o.core.PredictionStore), nil
}
