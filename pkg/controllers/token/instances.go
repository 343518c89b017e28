package token

import (
	"context"
	"fmt"
	"sync"
	"time"

	"github.com/awslabs/operatorpkg/status"
	corev1 "k8s.io/api/core/v1"
	"k8s.io/client-go/util/workqueue"
	"k8s.io/utils/clock"
	"k8s.io/utils/ptr"
	"sigs.k8s.io/controller-runtime/pkg/builder"
	"sigs.k8s.io/controller-runtime/pkg/client"
	"sigs.k8s.io/controller-runtime/pkg/controller"
	"sigs.k8s.io/controller-runtime/pkg/handler"
	"sigs.k8s.io/controller-runtime/pkg/log"
	"sigs.k8s.io/controller-runtime/pkg/manager"
	"sigs.k8s.io/controller-runtime/pkg/predicate"
	"sigs.k8s.io/controller-runtime/pkg/reconcile"
	karpv1 "sigs.k8s.io/karpenter/pkg/apis/v1"
	"sigs.k8s.io/karpenter/pkg/events"
	"sigs.k8s.io/karpenter/pkg/operator/injection"

	"github.com/karpenter-kubeadm/karpenter-provider-aws/pkg/apis"
	v1 "github.com/karpenter-kubeadm/karpenter-provider-aws/pkg/apis/v1"
	"github.com/karpenter-kubeadm/karpenter-provider-aws/pkg/instance"
	"github.com/karpenter-kubeadm/karpenter-provider-aws/pkg/join"
	"github.com/karpenter-kubeadm/karpenter-provider-aws/pkg/providers/token"
)

const (
	instancesName = "bootstrap.token.instances"

	// recheck is how often a node that has not joined has its token looked after: what somebody
	// deletes is there again after it.
	recheck = time.Minute

	// A delivery that failed is tried again after firstRetry, then after twice as long each
	// time up to lastRetry: many machines wait for few writes, and none for more than this longer.
	firstRetry = 200 * time.Millisecond
	lastRetry  = 10 * time.Second

	// atOnce is how many tokens are delivered side by side. An account may write three parameters
	// in a second at first, and each write takes a part of one.
	atOnce = 4
)

// InstanceTokens keeps tokens of single instances.
type InstanceTokens interface {
	// OfInstance returns the instance's token, which may not live.
	OfInstance(ctx context.Context, id instance.ID) (join.Token, error)
	// Keep has it live until token.Expires, and End ends it.
	Keep(ctx context.Context, id instance.ID, token join.Token) error
	End(ctx context.Context, id instance.ID) error
}

// Parameters is where instances find their tokens.
type Parameters interface {
	Put(ctx context.Context, id instance.ID, token join.Token) error
	Remove(ctx context.Context, id instance.ID) error
	// List returns the instances that have one.
	List(ctx context.Context) ([]instance.ID, error)
}

// Instances gives each instance that waits for its node a token of its own, and takes it back.
type Instances struct {
	kube       client.Client
	recorder   events.Recorder
	tokens     InstanceTokens
	parameters Parameters
	clock      clock.Clock
	delivered  sync.Map // instance.ID of those that this process gave a token
}

// NewInstances returns the controller.
func NewInstances(kube client.Client, recorder events.Recorder, tokens InstanceTokens, parameters Parameters, c clock.Clock) *Instances {
	return &Instances{kube: kube, recorder: recorder, tokens: tokens, parameters: parameters, clock: c}
}

// Register adds the controller to m.
func (c *Instances) Register(_ context.Context, m manager.Manager) error {
	return builder.ControllerManagedBy(m).
		Named(instancesName).
		For(&karpv1.NodeClaim{}, builder.WithPredicates(predicate.NewPredicateFuncs(hasOwnToken))).
		Watches(&corev1.Node{}, handler.EnqueueRequestsFromMapFunc(c.claimOf), builder.WithPredicates(predicate.NewPredicateFuncs(isIdentified))).
		WithOptions(controller.Options{
			MaxConcurrentReconciles: atOnce,
			RateLimiter:             workqueue.NewTypedItemExponentialFailureRateLimiter[reconcile.Request](firstRetry, lastRetry),
		}).
		Complete(reconcile.AsReconciler(m.GetClient(), c))
}

// hasOwnToken reports whether object is a NodeClaim of ours whose instance is known and joins
// with a token of its own.
func hasOwnToken(object client.Object) bool {
	claim, ok := object.(*karpv1.NodeClaim)
	return ok && claim.Annotations[v1.AnnotationTokenDelivery] == v1.TokenDeliveryPerInstance && claim.Status.ProviderID != "" &&
		claim.Spec.NodeClassRef != nil && claim.Spec.NodeClassRef.Group == apis.Group
}

func isIdentified(object client.Object) bool {
	node, ok := object.(*corev1.Node)
	return ok && node.Spec.ProviderID != ""
}

// claimOf is the claim of a node, whose token is to go.
func (c *Instances) claimOf(ctx context.Context, object client.Object) []reconcile.Request {
	node, ok := object.(*corev1.Node)
	if !ok {
		return nil
	}
	id, err := instance.ParseProviderID(node.Spec.ProviderID)
	if err != nil {
		return nil
	}
	if _, ours := c.delivered.Load(id); !ours {
		return nil // and so it is with almost every change of a node
	}
	var claims karpv1.NodeClaimList
	if err := c.kube.List(ctx, &claims, &client.ListOptions{UnsafeDisableDeepCopy: ptr.To(true)}); err != nil {
		log.FromContext(ctx).Error(err, "listing NodeClaims")
		return nil
	}
	for i := range claims.Items {
		if claims.Items[i].Status.ProviderID == node.Spec.ProviderID {
			return []reconcile.Request{{NamespacedName: client.ObjectKeyFromObject(&claims.Items[i])}}
		}
	}
	return nil
}

// Reconcile gives claim's instance its token, or takes it back.
func (c *Instances) Reconcile(ctx context.Context, claim *karpv1.NodeClaim) (reconcile.Result, error) {
	ctx = injection.WithControllerName(ctx, instancesName)
	if !hasOwnToken(claim) {
		return reconcile.Result{}, nil
	}
	id, err := instance.ParseProviderID(claim.Status.ProviderID)
	if err != nil {
		return reconcile.Result{}, reconcile.TerminalError(err)
	}
	joined, err := c.joined(ctx, claim)
	if err != nil {
		return reconcile.Result{}, err
	}
	if waits(claim, c.clock.Now()) && !joined {
		return c.give(ctx, claim, id)
	}
	if _, ok := c.delivered.Load(id); !ok {
		return reconcile.Result{}, nil // what an earlier process left is Sweep's
	}
	return reconcile.Result{}, c.take(ctx, id)
}

// waits reports whether claim's instance may still join. Core gives up on it at the same time.
func waits(claim *karpv1.NodeClaim, now time.Time) bool {
	registered := claim.StatusConditions(status.WithObservedOnly()).IsTrue(karpv1.ConditionTypeRegistered)
	return claim.DeletionTimestamp.IsZero() && !registered && now.Before(deadline(claim))
}

// deadline is when claim's instance is given up, at the latest.
func deadline(claim *karpv1.NodeClaim) time.Time {
	return claim.CreationTimestamp.Add(token.Outlives)
}

// joined reports whether claim's node is there. Its kubelet has its certificate then, so that
// the token is gone before a pod can run.
func (c *Instances) joined(ctx context.Context, claim *karpv1.NodeClaim) (bool, error) {
	var nodes corev1.NodeList
	if err := c.kube.List(ctx, &nodes, &client.ListOptions{UnsafeDisableDeepCopy: ptr.To(true)}); err != nil {
		return false, fmt.Errorf("listing nodes: %w", err)
	}
	for i := range nodes.Items {
		if nodes.Items[i].Spec.ProviderID == claim.Status.ProviderID {
			return true, nil
		}
	}
	return false, nil
}

// give makes the instance's token. The parameter comes first, and goes last: it can be found
// again by a process that knows of neither, and a token's Secret cannot.
func (c *Instances) give(ctx context.Context, claim *karpv1.NodeClaim, id instance.ID) (reconcile.Result, error) {
	made, err := c.tokens.OfInstance(ctx, id)
	if err == nil {
		made.Expires = deadline(claim)
		c.delivered.Store(id, nil)
		err = c.parameters.Put(ctx, id, made)
	}
	if err == nil {
		err = c.tokens.Keep(ctx, id, made)
	}
	if err != nil {
		c.recorder.Publish(tokenUndelivered(claim, err))
		return reconcile.Result{}, fmt.Errorf("giving instance %s its bootstrap token: %w", id, err)
	}
	return reconcile.Result{RequeueAfter: recheck}, nil
}

func (c *Instances) take(ctx context.Context, id instance.ID) error {
	if err := c.tokens.End(ctx, id); err != nil {
		return fmt.Errorf("ending the bootstrap token of instance %s: %w", id, err)
	}
	if err := c.parameters.Remove(ctx, id); err != nil {
		return fmt.Errorf("taking back the bootstrap token of instance %s: %w", id, err)
	}
	c.delivered.Delete(id)
	log.FromContext(ctx).Info("took back the bootstrap token of an instance", "instance", id)
	return nil
}
