package cloudprovider

import (
	"context"
	"errors"

	"github.com/awslabs/operatorpkg/status"
	"k8s.io/utils/clock"
	"sigs.k8s.io/controller-runtime/pkg/client"
	karpv1 "sigs.k8s.io/karpenter/pkg/apis/v1"
	karpenter "sigs.k8s.io/karpenter/pkg/cloudprovider"
	"sigs.k8s.io/karpenter/pkg/events"

	v1 "github.com/karpenter-kubeadm/karpenter-provider-aws/pkg/apis/v1"
	"github.com/karpenter-kubeadm/karpenter-provider-aws/pkg/cluster"
	"github.com/karpenter-kubeadm/karpenter-provider-aws/pkg/instance"
	"github.com/karpenter-kubeadm/karpenter-provider-aws/pkg/join"
	"github.com/karpenter-kubeadm/karpenter-provider-aws/pkg/kubelet"
	"github.com/karpenter-kubeadm/karpenter-provider-aws/pkg/providers/launch"
)

// Types knows what can be launched. What it returns is shared: the slice may be changed,
// what it points to may not.
type Types interface {
	InstanceTypes(ctx context.Context, class *v1.EC2NodeClass) ([]*karpenter.InstanceType, error)
	// Sizes are those that the scheduler was told for a type.
	Sizes(ctx context.Context, class *v1.EC2NodeClass, instanceType string) (kubelet.Sizes, error)
}

// Launcher starts instances.
type Launcher interface {
	Launch(ctx context.Context, req launch.Request) (instance.Instance, error)
	// DryRun asks whether req could be launched. It starts nothing.
	DryRun(ctx context.Context, req launch.Request) error
}

// Inventory knows and changes the instances that exist.
type Inventory interface {
	Get(ctx context.Context, id instance.ID) (instance.Instance, error)
	List(ctx context.Context) ([]instance.Instance, error)
	Terminate(ctx context.Context, id instance.ID) error
	Reboot(ctx context.Context, id instance.ID) error
}

// Clusters knows what a node must know of the cluster.
type Clusters interface {
	Get(ctx context.Context) (cluster.Cluster, error)
}

// Tokens has bootstrap tokens.
type Tokens interface {
	// Current returns a token that is known to work and outlives a registration.
	Current(ctx context.Context) (join.Token, error)
	// Signed reports whether cluster-info bears the signature of the token with this id.
	Signed(ctx context.Context, id string) (bool, error)
}

// Delivery puts a token where nodes fetch it.
type Delivery interface {
	// Deliver returns the name of the parameter that holds token from now on.
	Deliver(ctx context.Context, token join.Token) (string, error)
}

// Overlays changes prices and capacities as NodeOverlays say.
type Overlays interface {
	ApplyAll(nodePool string, types []*karpenter.InstanceType) ([]*karpenter.InstanceType, error)
}

// Deps are what a CloudProvider works with. Overlays is nil where the feature is off, and
// Delivery where tokens are in user data; all else is needed.
type Deps struct {
	Kube      client.Client
	Recorder  events.Recorder
	Clock     clock.PassiveClock
	Types     Types
	Launcher  Launcher
	Inventory Inventory
	Clusters  Clusters
	Tokens    Tokens
	Delivery  Delivery
	Overlays  Overlays
}

// Config is what the controller was started with.
type Config struct {
	Region string
	// RelaxMinValues: launch though fewer values of a key than minValues are left.
	RelaxMinValues bool
	// LegacyRepair: the repair policies of the controller that repaired nodes before 1.15.
	LegacyRepair bool
	// RebootForRepair: reboot nodes with faults that a reboot clears, in place of replacing them.
	RebootForRepair bool
	// ReservedCapacity: instances stay out of open capacity reservations.
	ReservedCapacity bool
	// KubeletSkew is by how many minors a node's kubelet may be older than the control plane.
	KubeletSkew int
	// InstanceParameter names the parameter in which each instance finds a token of its own, with
	// join.InstanceID in the place of its id; empty where tokens are shared.
	InstanceParameter string
	// Sources are where nodes get packages and images from.
	Sources join.Sources
}

// CloudProvider implements Karpenter's interface of that name.
type CloudProvider struct {
	Deps
	config Config
}

var _ karpenter.CloudProvider = (*CloudProvider)(nil)

// New returns a CloudProvider.
func New(deps Deps, config Config) *CloudProvider { return &CloudProvider{Deps: deps, config: config} }

// Name is what the AWS provider's is, since it is a label of core's metrics.
func (c *CloudProvider) Name() string { return "aws" }

// GetSupportedNodeClasses returns EC2NodeClass, the only and default one.
func (c *CloudProvider) GetSupportedNodeClasses() []status.Object {
	return []status.Object{&v1.EC2NodeClass{}}
}

// GetInstanceTypes returns all types as nodes of pool's class, also those that cannot be had
// now. It returns none, and no error, for a pool whose class does not exist.
func (c *CloudProvider) GetInstanceTypes(ctx context.Context, pool *karpv1.NodePool) ([]*karpenter.InstanceType, error) {
	class, err := c.classOfPool(ctx, pool)
	if errors.Is(err, errNoClass) {
		return nil, nil
	}
	if err != nil {
		return nil, err
	}
	return c.Types.InstanceTypes(ctx, class)
}

// Get returns the instance with providerID as a NodeClaim, of which only what EC2 says is
// filled in.
func (c *CloudProvider) Get(ctx context.Context, providerID string) (*karpv1.NodeClaim, error) {
	i, err := c.instance(ctx, providerID)
	if err != nil {
		return nil, err
	}
	return toNodeClaim(i, nil, c.Clock.Now()), nil
}

// instance returns the instance with providerID, or EC2's error translated for core.
func (c *CloudProvider) instance(ctx context.Context, providerID string) (instance.Instance, error) {
	id, err := instance.ParseProviderID(providerID)
	if err != nil {
		return instance.Instance{}, err
	}
	i, err := c.Inventory.Get(ctx, id)
	if err != nil {
		return instance.Instance{}, translate(err)
	}
	return i, nil
}

// List returns all instances of the cluster as NodeClaims, as Get does.
func (c *CloudProvider) List(ctx context.Context) ([]*karpv1.NodeClaim, error) {
	instances, err := c.Inventory.List(ctx)
	if err != nil {
		return nil, err
	}
	claims := make([]*karpv1.NodeClaim, len(instances))
	for n, i := range instances {
		claims[n] = toNodeClaim(i, nil, c.Clock.Now())
	}
	return claims, nil
}
