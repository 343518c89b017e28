package cloudprovider

import (
	"context"
	"errors"
	"fmt"

	apierrors "k8s.io/apimachinery/pkg/api/errors"
	"k8s.io/apimachinery/pkg/types"
	karpv1 "sigs.k8s.io/karpenter/pkg/apis/v1"
	karpenter "sigs.k8s.io/karpenter/pkg/cloudprovider"

	v1 "github.com/karpenter-kubeadm/karpenter-provider-aws/pkg/apis/v1"
	"github.com/karpenter-kubeadm/karpenter-provider-aws/pkg/cluster"
)

// Create launches an instance for claim and returns it as a NodeClaim with the labels,
// sizes and annotations that claim shall have.
func (c *CloudProvider) Create(ctx context.Context, claim *karpv1.NodeClaim) (*karpv1.NodeClaim, error) {
	class, err := c.readyClass(ctx, claim)
	if err != nil {
		return nil, err
	}
	types, err := c.launchableTypes(ctx, class, claim)
	if err != nil {
		return nil, err
	}
	chosen, err := choose(claim, types, c.config.RelaxMinValues)
	if err != nil {
		return nil, karpenter.NewInsufficientCapacityError(err)
	}
	where, err := c.readyCluster(ctx, class)
	if err != nil {
		return nil, err
	}
	groups, err := c.render(ctx, order{claim: claim, class: class, cluster: where, choice: chosen})
	if err != nil {
		return nil, translate(err)
	}
	got, err := c.Launcher.Launch(ctx, newRequest(claim, class, where, groups, chosen.capacityType))
	if err != nil {
		c.reportRefusal(claim, err)
		return nil, translate(err)
	}
	launched := annotated(toNodeClaim(got, findType(types, got.Pool.InstanceType), c.Clock.Now()), class, where)
	if c.config.InstanceParameter != "" && usesSizes(class) {
		launched.Annotations[v1.AnnotationTokenDelivery] = v1.TokenDeliveryPerInstance
	}
	return launched, nil
}

// readyClass returns claim's class when its status describes its spec. Trouble with the
// API server is neither "absent" nor "not ready": it stays a plain error, which is retried.
func (c *CloudProvider) readyClass(ctx context.Context, claim *karpv1.NodeClaim) (*v1.EC2NodeClass, error) {
	class, err := c.class(ctx, claim.Spec.NodeClassRef.Name)
	if apierrors.IsNotFound(err) {
		c.Recorder.Publish(classNotFound(claim, claim.UID, claim.Spec.NodeClassRef.Name))
		return nil, karpenter.NewInsufficientCapacityError(err) // without its class no type is available
	}
	if err != nil {
		return nil, err
	}
	ready := class.StatusConditions().Root()
	switch {
	case ready.IsFalse():
		return nil, karpenter.NewNodeClassNotReadyError(errors.New(ready.Message))
	case ready.IsUnknown():
		return nil, karpenter.NewCreateError(fmt.Errorf("EC2NodeClass %s is not checked yet: %s", class.Name, ready.Message),
			"NodeClassReadinessUnknown", "EC2NodeClass "+class.Name+" is not checked yet")
	case ready.ObservedGeneration != class.Generation:
		return nil, karpenter.NewNodeClassNotReadyError(fmt.Errorf("the status of EC2NodeClass %s is of an older spec", class.Name))
	}
	return class, nil
}

// class returns the EC2NodeClass of this name. One that is being deleted counts as absent.
func (c *CloudProvider) class(ctx context.Context, name string) (*v1.EC2NodeClass, error) {
	class := &v1.EC2NodeClass{}
	if err := c.Kube.Get(ctx, types.NamespacedName{Name: name}, class); err != nil {
		return nil, fmt.Errorf("reading EC2NodeClass %s: %w", name, err)
	}
	if !class.DeletionTimestamp.IsZero() {
		gone := apierrors.NewNotFound(v1.GroupVersion().WithResource("ec2nodeclasses").GroupResource(), name)
		return nil, fmt.Errorf("EC2NodeClass %s is being deleted: %w", name, gone)
	}
	return class, nil
}

// errNoClass says that an object refers to no class that exists. Its owner has been told.
var errNoClass = errors.New("no EC2NodeClass")

// classOfPool returns pool's class; its error is errNoClass where there is none.
func (c *CloudProvider) classOfPool(ctx context.Context, pool *karpv1.NodePool) (*v1.EC2NodeClass, error) {
	ref := pool.Spec.Template.Spec.NodeClassRef
	if ref == nil {
		return nil, errNoClass
	}
	class, err := c.class(ctx, ref.Name)
	if apierrors.IsNotFound(err) {
		c.Recorder.Publish(classNotFound(pool, pool.UID, ref.Name))
		return nil, errNoClass
	}
	return class, err
}

// launchableTypes returns class's types as NodeOverlays change them for claim's pool.
func (c *CloudProvider) launchableTypes(ctx context.Context, class *v1.EC2NodeClass, claim *karpv1.NodeClaim) ([]*karpenter.InstanceType, error) {
	types, err := c.Types.InstanceTypes(ctx, class)
	if err != nil {
		return nil, karpenter.NewCreateError(fmt.Errorf("resolving instance types: %w", err), "InstanceTypeResolutionFailed", "instance types cannot be resolved: "+err.Error())
	}
	pool, ok := claim.Labels[karpv1.NodePoolLabelKey]
	if c.Overlays == nil || !ok {
		return types, nil
	}
	if types, err = c.Overlays.ApplyAll(pool, types); err != nil {
		return nil, fmt.Errorf("applying NodeOverlays: %w", err)
	}
	return types, nil
}

// readyCluster returns what a node must know. In eks mode only Custom nodes can be
// launched yet, whose user data is the user's own.
func (c *CloudProvider) readyCluster(ctx context.Context, class *v1.EC2NodeClass) (cluster.Cluster, error) {
	where, err := c.Clusters.Get(ctx)
	if err != nil {
		return cluster.Cluster{}, fmt.Errorf("reading what nodes must know of the cluster: %w", err)
	}
	if where.Mode == cluster.EKS && class.AMIFamily() != v1.AMIFamilyCustom {
		return cluster.Cluster{}, karpenter.NewNodeClassNotReadyError(fmt.Errorf(
			"EC2NodeClass %s: amiFamily %s is not launched in eks mode yet, only Custom is; on a kubeadm cluster let the controller read kube-system/kubeadm-config or set BOOTSTRAP_MODE=kubeadm",
			class.Name, class.AMIFamily()))
	}
	return where, nil
}
