package nodeclass

import (
	"context"

	"k8s.io/utils/clock"
	"sigs.k8s.io/controller-runtime/pkg/client"
	"sigs.k8s.io/karpenter/pkg/events"

	v1 "github.com/karpenter-kubeadm/karpenter-provider-aws/pkg/apis/v1"
	"github.com/karpenter-kubeadm/karpenter-provider-aws/pkg/cluster"
	"github.com/karpenter-kubeadm/karpenter-provider-aws/pkg/join"
	"github.com/karpenter-kubeadm/karpenter-provider-aws/pkg/providers/identity"
)

// Images finds images.
type Images interface {
	// List returns at least one image, newest first, or an error: an *ami.NotFoundError or
	// *ami.UnsupportedAliasError when a person must act.
	List(ctx context.Context, class *v1.EC2NodeClass) ([]v1.AMI, error)
}

// Network finds subnets and security groups. That none matches is an empty answer.
type Network interface {
	Subnets(ctx context.Context, class *v1.EC2NodeClass) ([]v1.Subnet, error)
	SecurityGroups(ctx context.Context, class *v1.EC2NodeClass) ([]v1.SecurityGroup, error)
}

// Profiles finds and makes instance profiles.
type Profiles interface {
	// Get fails with identity.ErrNotFound, or identity.ErrDenied when it may not look.
	Get(ctx context.Context, name string) (identity.Profile, error)
	// Ensure fails with an *identity.RoleNotFoundError when a person must act.
	Ensure(ctx context.Context, wanted identity.Wanted) error
	Delete(ctx context.Context, name string) error
	// List fails with identity.ErrDenied when it may not look.
	List(ctx context.Context, path string) ([]string, error)
}

// Clusters knows what nodes must know of the cluster.
type Clusters interface {
	Get(ctx context.Context) (cluster.Cluster, error)
}

// DryRunner asks EC2 whether the controller may launch what a class describes, and
// launches nothing.
type DryRunner interface {
	// DryRun returns nil when it may. The class's status holds images, subnets, security
	// groups and instance profile; its conditions do not say Ready yet. A refusal that
	// stands until a person acts is an error that implements Refusal. Everything else,
	// throttling and AWS's own faults among it, is trouble that passes and is tried again.
	DryRun(ctx context.Context, class *v1.EC2NodeClass) error
}

// Refusal is an error that stands until a person acts.
type Refusal interface {
	error
	// Condition says in what words the condition ValidationSucceeded is False: one of the
	// Reason constants and a message that is the same at every attempt.
	Condition() (reason, message string)
}

// Templates are the launch templates made for classes.
type Templates interface {
	// DeleteAll deletes those of class, which is going.
	DeleteAll(ctx context.Context, class *v1.EC2NodeClass) error
}

// Deps are what a Controller works with. All are needed but DryRun.
type Deps struct {
	Kube      client.Client
	Recorder  events.Recorder
	Clock     clock.Clock
	Images    Images
	Network   Network
	Profiles  Profiles
	Clusters  Clusters
	Templates Templates
	// DryRun is nil where dry-run calls are turned off.
	DryRun DryRunner
}

// Config is what the controller was started with.
type Config struct {
	ClusterName, Region string
	// IsolatedVPC: IAM cannot be reached, so that profiles are neither looked at nor removed.
	IsolatedVPC bool
	// Sources are where nodes get packages and images from.
	Sources join.Sources
	// TokenParameter is what the parameter may be called that nodes fetch their token from; empty
	// where the token is in user data. Some families cannot fetch it.
	TokenParameter string
}
