package nodepool

import (
	"context"
	"fmt"
	"sync"
	"time"

	"sigs.k8s.io/controller-runtime/pkg/builder"
	"sigs.k8s.io/controller-runtime/pkg/client"
	"sigs.k8s.io/controller-runtime/pkg/event"
	"sigs.k8s.io/controller-runtime/pkg/handler"
	"sigs.k8s.io/controller-runtime/pkg/log"
	"sigs.k8s.io/controller-runtime/pkg/manager"
	"sigs.k8s.io/controller-runtime/pkg/predicate"
	"sigs.k8s.io/controller-runtime/pkg/reconcile"
	karpv1 "sigs.k8s.io/karpenter/pkg/apis/v1"
	karpenter "sigs.k8s.io/karpenter/pkg/cloudprovider"
	"sigs.k8s.io/karpenter/pkg/events"
	"sigs.k8s.io/karpenter/pkg/operator/injection"

	"github.com/karpenter-kubeadm/karpenter-provider-aws/pkg/apis"
	v1 "github.com/karpenter-kubeadm/karpenter-provider-aws/pkg/apis/v1"
)

const (
	name = "nodepool.requirements"

	// period is longer than EC2's refusals are remembered, so that a passing lack of capacity
	// is told twice at most.
	period = 5 * time.Minute

	// evaluated is when core will have applied NodeOverlays to the types of a new NodePool.
	evaluated = 5 * time.Second
)

// InstanceTypes is what Karpenter plans with.
type InstanceTypes interface {
	GetInstanceTypes(ctx context.Context, pool *karpv1.NodePool) ([]*karpenter.InstanceType, error)
}

// Controller says why NodePools can launch nothing.
type Controller struct {
	kube           client.Client
	types          InstanceTypes
	recorder       events.Recorder
	relaxMinValues bool

	mu   sync.Mutex
	said map[string]string // by NodePool, what was logged last and is still true
}

// New returns the controller. With relaxMinValues nodes are launched though minValues are
// not met. types is what Karpenter plans with, overlays included.
func New(kube client.Client, types InstanceTypes, recorder events.Recorder, relaxMinValues bool) *Controller {
	return &Controller{kube: kube, types: types, recorder: recorder, relaxMinValues: relaxMinValues, said: map[string]string{}}
}

// Register adds the controller to m.
func (c *Controller) Register(_ context.Context, m manager.Manager) error {
	return builder.ControllerManagedBy(m).
		Named(name).
		For(&karpv1.NodePool{}, builder.WithPredicates(predicate.GenerationChangedPredicate{})).
		Watches(&v1.EC2NodeClass{}, handler.EnqueueRequestsFromMapFunc(c.poolsOf), builder.WithPredicates(notDeleted())).
		Complete(c)
}

// Reconcile looks at one NodePool.
func (c *Controller) Reconcile(ctx context.Context, request reconcile.Request) (reconcile.Result, error) {
	ctx = injection.WithControllerName(ctx, name)
	pool := &karpv1.NodePool{}
	if err := c.kube.Get(ctx, request.NamespacedName, pool); err != nil {
		if client.IgnoreNotFound(err) == nil {
			c.forget(request.Name)
			return reconcile.Result{}, nil
		}
		return reconcile.Result{}, fmt.Errorf("getting NodePool: %w", err)
	}
	ready, err := c.classReady(ctx, pool)
	if err != nil || !ready {
		return reconcile.Result{}, err // a class says by itself what it lacks, and is watched
	}
	types, err := c.types.GetInstanceTypes(ctx, pool)
	switch {
	case karpenter.IsUnevaluatedNodePoolError(err):
		return reconcile.Result{RequeueAfter: evaluated}, nil
	case err != nil:
		return reconcile.Result{}, fmt.Errorf("getting instance types: %w", err)
	}
	c.say(ctx, pool, explain(pool, types, c.relaxMinValues))
	return reconcile.Result{RequeueAfter: period}, nil
}

// classReady reports whether pool is of an EC2NodeClass that can be launched from.
func (c *Controller) classReady(ctx context.Context, pool *karpv1.NodePool) (bool, error) {
	if !refers(pool) || !pool.DeletionTimestamp.IsZero() {
		return false, nil
	}
	class := &v1.EC2NodeClass{}
	if err := c.kube.Get(ctx, client.ObjectKey{Name: pool.Spec.Template.Spec.NodeClassRef.Name}, class); err != nil {
		if client.IgnoreNotFound(err) == nil {
			return false, nil
		}
		return false, fmt.Errorf("getting EC2NodeClass: %w", err)
	}
	return class.DeletionTimestamp.IsZero() && class.StatusConditions().Root().IsTrue(), nil
}

// refers reports whether pool is of an EC2NodeClass.
func refers(pool *karpv1.NodePool) bool {
	ref := pool.Spec.Template.Spec.NodeClassRef
	return ref != nil && ref.Group == apis.Group && ref.Kind == "EC2NodeClass"
}

// say publishes f and logs it, and its end, once each.
func (c *Controller) say(ctx context.Context, pool *karpv1.NodePool, f fault) {
	if f.message != "" {
		c.recorder.Publish(nothingToLaunch(pool, f))
	}
	c.mu.Lock()
	before := c.said[pool.Name]
	c.said[pool.Name] = f.message
	c.mu.Unlock()
	switch {
	case f.message != "" && f.message != before:
		log.FromContext(ctx).Info("NodePool can launch nothing", "NodePool", pool.Name, "reason", f.reason, "message", f.message)
	case f.message == "" && before != "":
		log.FromContext(ctx).Info("NodePool can launch nodes again", "NodePool", pool.Name)
	}
}

func (c *Controller) forget(pool string) {
	c.mu.Lock()
	defer c.mu.Unlock()
	delete(c.said, pool)
}

// poolsOf names the NodePools of a class.
func (c *Controller) poolsOf(ctx context.Context, class client.Object) []reconcile.Request {
	var pools karpv1.NodePoolList
	if err := c.kube.List(ctx, &pools); err != nil {
		log.FromContext(ctx).Error(err, "listing NodePools", "EC2NodeClass", class.GetName())
		return nil
	}
	var requests []reconcile.Request
	for n := range pools.Items {
		if pool := &pools.Items[n]; refers(pool) && pool.Spec.Template.Spec.NodeClassRef.Name == class.GetName() {
			requests = append(requests, reconcile.Request{NamespacedName: client.ObjectKeyFromObject(pool)})
		}
	}
	return requests
}

func notDeleted() predicate.Funcs {
	return predicate.Funcs{DeleteFunc: func(event.DeleteEvent) bool { return false }}
}
