package tagging

import (
	"context"
	"errors"
	"fmt"
	"maps"
	"slices"

	"sigs.k8s.io/controller-runtime/pkg/builder"
	"sigs.k8s.io/controller-runtime/pkg/client"
	"sigs.k8s.io/controller-runtime/pkg/controller"
	"sigs.k8s.io/controller-runtime/pkg/log"
	"sigs.k8s.io/controller-runtime/pkg/manager"
	"sigs.k8s.io/controller-runtime/pkg/predicate"
	"sigs.k8s.io/controller-runtime/pkg/reconcile"
	karpv1 "sigs.k8s.io/karpenter/pkg/apis/v1"
	"sigs.k8s.io/karpenter/pkg/operator/injection"

	"github.com/karpenter-kubeadm/karpenter-provider-aws/pkg/apis"
	v1 "github.com/karpenter-kubeadm/karpenter-provider-aws/pkg/apis/v1"
	"github.com/karpenter-kubeadm/karpenter-provider-aws/pkg/instance"
)

const (
	name = "nodeclaim.tagging"

	// atOnce is how many instances are tagged side by side: EC2 lets an account tag ten a
	// second for long, so more would only be throttled.
	atOnce = 10
)

// Inventory knows instances and tags them.
type Inventory interface {
	Get(ctx context.Context, id instance.ID) (instance.Instance, error)
	Tag(ctx context.Context, id instance.ID, tags map[string]string) error
}

// Controller tags the instances of NodeClaims that have a node.
type Controller struct {
	kube        client.Client
	inventory   Inventory
	clusterName string
}

// New returns the controller.
func New(kube client.Client, inventory Inventory, clusterName string) *Controller {
	return &Controller{kube: kube, inventory: inventory, clusterName: clusterName}
}

// Register adds the controller to m, under the AWS provider's name for it.
func (c *Controller) Register(_ context.Context, m manager.Manager) error {
	return builder.ControllerManagedBy(m).
		Named(name).
		For(&karpv1.NodeClaim{}, builder.WithPredicates(predicate.NewPredicateFuncs(isDue))).
		WithOptions(controller.Options{MaxConcurrentReconciles: atOnce}).
		Complete(reconcile.AsReconciler(m.GetClient(), c))
}

// isDue reports whether object is a NodeClaim of ours with a node, not tagged yet.
func isDue(object client.Object) bool {
	claim, ok := object.(*karpv1.NodeClaim)
	return ok && claim.Spec.NodeClassRef != nil && claim.Spec.NodeClassRef.Group == apis.Group &&
		claim.Status.NodeName != "" && claim.Status.ProviderID != "" && claim.DeletionTimestamp.IsZero() &&
		(claim.Annotations[v1.AnnotationInstanceTagged] != "true" || claim.Annotations[v1.AnnotationClusterNameTagged] != "true")
}

// Reconcile tags claim's instance.
func (c *Controller) Reconcile(ctx context.Context, claim *karpv1.NodeClaim) (reconcile.Result, error) {
	ctx = injection.WithControllerName(ctx, name)
	if !isDue(claim) {
		return reconcile.Result{}, nil
	}
	id, err := instance.ParseProviderID(claim.Status.ProviderID)
	if err != nil {
		return reconcile.Result{}, reconcile.TerminalError(err) // no retry makes it one: it stays as core wrote it
	}
	if err := c.tag(ctx, claim, id); err != nil {
		if errors.Is(err, instance.ErrNotFound) {
			return reconcile.Result{}, nil // it ended; its claim follows
		}
		return reconcile.Result{}, err
	}
	before := claim.DeepCopy()
	if claim.Annotations == nil {
		claim.Annotations = map[string]string{}
	}
	claim.Annotations[v1.AnnotationInstanceTagged] = "true"
	claim.Annotations[v1.AnnotationClusterNameTagged] = "true"
	if err := c.kube.Patch(ctx, claim, client.MergeFrom(before)); client.IgnoreNotFound(err) != nil {
		return reconcile.Result{}, fmt.Errorf("recording that the instance is tagged: %w", err)
	}
	return reconcile.Result{}, nil
}

// tag puts on what is missing and leaves what is there, a Name of the user's for one.
func (c *Controller) tag(ctx context.Context, claim *karpv1.NodeClaim, id instance.ID) error {
	i, err := c.inventory.Get(ctx, id)
	if err != nil {
		return err
	}
	missing := map[string]string{
		v1.NameTagKey:           claim.Status.NodeName,
		v1.NodeClaimTagKey:      claim.Name,
		v1.EKSClusterNameTagKey: c.clusterName,
	}
	maps.DeleteFunc(missing, func(key, _ string) bool { _, there := i.Tags[key]; return there })
	if len(missing) == 0 {
		return nil
	}
	if err := c.inventory.Tag(ctx, id, missing); err != nil {
		return err
	}
	log.FromContext(ctx).Info("tagged instance", "provider-id", claim.Status.ProviderID, "tags", slices.Sorted(maps.Keys(missing)))
	return nil
}
