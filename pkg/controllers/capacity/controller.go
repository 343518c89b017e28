package capacity

import (
	"context"
	"fmt"
	"time"

	"github.com/awslabs/operatorpkg/status"
	corev1 "k8s.io/api/core/v1"
	"k8s.io/utils/clock"
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
	"github.com/karpenter-kubeadm/karpenter-provider-aws/pkg/providers/instancetype"
)

const name = "nodeclaim.capacity"

// Types takes measurements in.
type Types interface {
	// Learn returns whether that changed what nodes are expected to have.
	Learn(seen ...instancetype.Measurement) bool
	Measurements(at time.Time) []instancetype.Measurement
}

// Controller compares nodes with their promise.
type Controller struct {
	kube  client.Reader
	types Types
	store *Store
	clock clock.PassiveClock
}

// New returns the controller. kube reads nodes, from a cache or not.
func New(kube client.Reader, types Types, store *Store, clk clock.PassiveClock) *Controller {
	return &Controller{kube: kube, types: types, store: store, clock: clk}
}

// Register adds the controller to m. One claim is looked at after the other, since all
// measurements are kept in one object.
func (c *Controller) Register(_ context.Context, m manager.Manager) error {
	return builder.ControllerManagedBy(m).
		Named(name).
		For(&karpv1.NodeClaim{}, builder.WithPredicates(predicate.NewPredicateFuncs(concerns))).
		WithOptions(controller.Options{MaxConcurrentReconciles: 1}).
		Complete(reconcile.AsReconciler(m.GetClient(), c))
}

// concerns reports whether object is a NodeClaim of ours whose node has all that it will have.
func concerns(object client.Object) bool {
	claim, ok := object.(*karpv1.NodeClaim)
	return ok && claim.Spec.NodeClassRef != nil && claim.Spec.NodeClassRef.Group == apis.Group &&
		claim.Status.NodeName != "" && claim.Status.ImageID != "" && claim.DeletionTimestamp.IsZero() &&
		claim.StatusConditions(status.WithObservedOnly()).IsTrue(karpv1.ConditionTypeInitialized)
}

// Reconcile measures claim's node.
func (c *Controller) Reconcile(ctx context.Context, claim *karpv1.NodeClaim) (reconcile.Result, error) {
	ctx = injection.WithControllerName(ctx, name)
	if !concerns(claim) {
		return reconcile.Result{}, nil
	}
	var node corev1.Node
	if err := c.kube.Get(ctx, client.ObjectKey{Name: claim.Status.NodeName}, &node); err != nil {
		return reconcile.Result{}, client.IgnoreNotFound(fmt.Errorf("getting node %s: %w", claim.Status.NodeName, err))
	}
	instanceType := claim.Labels[corev1.LabelInstanceTypeStable]
	publish(instanceType, claim, &node)
	seen := instancetype.Measurement{
		Type: instanceType, Image: claim.Status.ImageID, Bytes: node.Status.Capacity.Memory().Value(), Seen: c.clock.Now().UTC().Truncate(time.Second),
	}
	if c.types.Learn(seen) {
		log.FromContext(ctx).Info("learned the memory of an instance type", "instance-type", seen.Type, "image", seen.Image,
			"bytes", seen.Bytes, "promised", claim.Status.Capacity.Memory().Value(), "Node", node.Name)
	}
	return reconcile.Result{}, c.store.Save(ctx, c.types)
}

// publish shows how what was promised was kept, for what was.
func publish(instanceType string, claim *karpv1.NodeClaim, node *corev1.Node) {
	for kind, lists := range map[string][2]corev1.ResourceList{
		"capacity":    {claim.Status.Capacity, node.Status.Capacity},
		"allocatable": {claim.Status.Allocatable, node.Status.Allocatable},
	} {
		for resource, promised := range lists[0] {
			has, there := lists[1][resource]
			if !there || promised.IsZero() {
				continue // of a device whose plugin runs later, for one
			}
			kept.Set(has.AsApproximateFloat64()/promised.AsApproximateFloat64(), map[string]string{
				labelType.Name: instanceType, labelResource.Name: string(resource), labelKind.Name: kind,
			})
		}
	}
}
