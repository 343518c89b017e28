package join

import (
	"context"
	"fmt"
	"time"

	"github.com/awslabs/operatorpkg/status"
	apierrors "k8s.io/apimachinery/pkg/api/errors"
	"k8s.io/apimachinery/pkg/types"
	"k8s.io/utils/clock"
	"sigs.k8s.io/controller-runtime/pkg/builder"
	"sigs.k8s.io/controller-runtime/pkg/client"
	"sigs.k8s.io/controller-runtime/pkg/controller"
	"sigs.k8s.io/controller-runtime/pkg/log"
	"sigs.k8s.io/controller-runtime/pkg/manager"
	"sigs.k8s.io/controller-runtime/pkg/predicate"
	"sigs.k8s.io/controller-runtime/pkg/reconcile"
	karpv1 "sigs.k8s.io/karpenter/pkg/apis/v1"
	"sigs.k8s.io/karpenter/pkg/events"
	"sigs.k8s.io/karpenter/pkg/metrics"
	"sigs.k8s.io/karpenter/pkg/operator/injection"
	nodeclaimutils "sigs.k8s.io/karpenter/pkg/utils/nodeclaim"

	"github.com/karpenter-kubeadm/karpenter-provider-aws/pkg/apis"
	"github.com/karpenter-kubeadm/karpenter-provider-aws/pkg/cache"
	"github.com/karpenter-kubeadm/karpenter-provider-aws/pkg/cluster"
	"github.com/karpenter-kubeadm/karpenter-provider-aws/pkg/instance"
	"github.com/karpenter-kubeadm/karpenter-provider-aws/pkg/kube"
)

const (
	name = "nodeclaim.join"

	// ConditionTypeJoined is False on a NodeClaim whose node is late, with the first missing
	// step; it is not there before that, and goes when the node is of use. It is none of the
	// conditions that Karpenter computes Ready from.
	ConditionTypeJoined = "Joined"

	// late is when a node is: most have joined by then, and who waits starts to wonder.
	late = time.Minute

	// period is how often a node that has not joined is looked at. It is also how long an
	// instance that ended may go unnoticed.
	period = 15 * time.Second

	// retryConflict is when a claim that somebody else has just written is looked at again.
	retryConflict = time.Second

	atOnce = 10

	// askedAge is how long it is remembered which node a certificate request asks for: longer
	// than any is looked at here, since the node registers by then or its claim goes.
	askedAge = 20 * time.Minute

	reasonInstanceGone = "instance_gone"
)

// Inventory knows instances.
type Inventory interface {
	Get(ctx context.Context, id instance.ID) (instance.Instance, error)
	// Console is what the machine has written, without secrets. It may often not be had.
	Console(ctx context.Context, id instance.ID) (string, error)
}

// Clusters knows how nodes reach the API server.
type Clusters interface {
	Get(ctx context.Context) (cluster.Cluster, error)
	// Probe connects to the API server as nodes are told to.
	Probe(ctx context.Context) error
}

// Options are what a Controller works with.
type Options struct {
	Inventory Inventory
	Clusters  Clusters
	// Held says why a certificate request is held; nil where another approves them.
	Held   func(uid types.UID) (string, bool)
	Region string // as in node names
	Clock  clock.Clock
}

// Controller explains why nodes have not joined.
type Controller struct {
	kube      client.Client
	recorder  events.Recorder
	inventory Inventory
	clusters  Clusters
	held      func(uid types.UID) (string, bool)
	region    string
	clock     clock.Clock
	asked     *cache.Cache[string] // the nodes that certificate requests ask for, by their UID
}

// New returns the controller.
func New(c client.Client, recorder events.Recorder, o Options) *Controller {
	return &Controller{
		kube: c, recorder: recorder, inventory: o.Inventory, clusters: o.Clusters, held: o.Held, region: o.Region, clock: o.Clock,
		asked: cache.New[string](askedAge, cache.WithClock(o.Clock)),
	}
}

// Register adds the controller to m.
func (c *Controller) Register(_ context.Context, m manager.Manager) error {
	return builder.ControllerManagedBy(m).
		Named(name).
		For(&karpv1.NodeClaim{}, builder.WithPredicates(predicate.NewPredicateFuncs(concerns))).
		WithOptions(controller.Options{MaxConcurrentReconciles: atOnce}).
		Complete(reconcile.AsReconciler(m.GetClient(), c))
}

// concerns reports whether object is a NodeClaim of ours that is launched and whose node is
// of no use yet, or one of which we still say so.
func concerns(object client.Object) bool {
	claim, ok := object.(*karpv1.NodeClaim)
	if !ok || claim.Spec.NodeClassRef == nil || claim.Spec.NodeClassRef.Group != apis.Group ||
		claim.Status.ProviderID == "" || !claim.DeletionTimestamp.IsZero() {
		return false
	}
	conditions := claim.StatusConditions(status.WithObservedOnly())
	return conditions.IsTrue(karpv1.ConditionTypeLaunched) &&
		(!conditions.IsTrue(karpv1.ConditionTypeInitialized) || conditions.Get(ConditionTypeJoined) != nil)
}

// Reconcile says what claim's node lacks.
func (c *Controller) Reconcile(ctx context.Context, claim *karpv1.NodeClaim) (reconcile.Result, error) {
	ctx = injection.WithControllerName(ctx, name)
	if !concerns(claim) {
		return reconcile.Result{}, nil
	}
	switch conditions := claim.StatusConditions(status.WithObservedOnly()); {
	case conditions.IsTrue(karpv1.ConditionTypeInitialized):
		return c.clear(ctx, claim)
	case conditions.IsTrue(karpv1.ConditionTypeRegistered):
		return c.reconcileRegistered(ctx, claim)
	default:
		return c.reconcileUnregistered(ctx, claim)
	}
}

// clear takes back what was said of claim.
func (c *Controller) clear(ctx context.Context, claim *karpv1.NodeClaim) (reconcile.Result, error) {
	return c.write(ctx, claim, func(conditions status.ConditionSet) error { return conditions.Clear(ConditionTypeJoined) })
}

func (c *Controller) reconcileUnregistered(ctx context.Context, claim *karpv1.NodeClaim) (reconcile.Result, error) {
	id, err := instance.ParseProviderID(claim.Status.ProviderID)
	if err != nil {
		return reconcile.Result{}, reconcile.TerminalError(err)
	}
	f := facts{now: c.clock.Now(), claim: claim, launched: launchTime(claim)}
	if f.instance, err = c.lookUp(ctx, id); err != nil {
		return reconcile.Result{}, err
	}
	if found, _ := instanceRuns(f); found.dead {
		return reconcile.Result{}, c.end(ctx, claim, found)
	}
	if waited := f.now.Sub(f.launched); waited < late {
		return reconcile.Result{RequeueAfter: min(late-waited, period)}, nil
	}
	if f, err = c.complete(ctx, f); err != nil {
		return reconcile.Result{}, err
	}
	return c.explain(ctx, f, firstMissing(f))
}

// reconcileRegistered says what a node that Karpenter knows lacks to be of use. Karpenter
// says that it is not, and not what to do about it.
func (c *Controller) reconcileRegistered(ctx context.Context, claim *karpv1.NodeClaim) (reconcile.Result, error) {
	f := facts{now: c.clock.Now(), claim: claim, launched: launchTime(claim)}
	if waited := f.now.Sub(f.launched); waited < late {
		return reconcile.Result{RequeueAfter: late - waited}, nil
	}
	names := []string{claim.Status.NodeName}
	var err error
	if f.nodes, err = c.nodes(ctx, names); err != nil {
		return reconcile.Result{}, err
	}
	if f.requests, err = c.requests(ctx, claim, names); err != nil {
		return reconcile.Result{}, err
	}
	missing, found := unusable(f)
	if !found {
		result, err := c.clear(ctx, claim)
		return soon(result, err), err
	}
	return c.explain(ctx, f, missing)
}

// explain says on the claim what its node lacks.
func (c *Controller) explain(ctx context.Context, f facts, missing step) (reconcile.Result, error) {
	c.recorder.Publish(joinOverdue(f.claim, missing, f.now.Sub(f.launched)))
	result, err := c.write(ctx, f.claim, func(conditions status.ConditionSet) error {
		conditions.SetFalse(ConditionTypeJoined, missing.reason, missing.message)
		return nil
	})
	return soon(result, err), err
}

// soon is result with the next look that is due without a change that anybody tells of.
func soon(result reconcile.Result, err error) reconcile.Result {
	if err == nil && result.RequeueAfter == 0 {
		result.RequeueAfter = period
	}
	return result
}

// write changes claim's conditions. Core writes them too, so whoever read an older claim
// reads it again.
func (c *Controller) write(ctx context.Context, claim *karpv1.NodeClaim, change func(status.ConditionSet) error) (reconcile.Result, error) {
	before := claim.DeepCopy()
	if err := change(claim.StatusConditions(status.WithClock(c.clock))); err != nil {
		return reconcile.Result{}, err
	}
	err := kube.PatchStatus(ctx, c.kube, before, claim)
	if apierrors.IsConflict(err) {
		return reconcile.Result{RequeueAfter: retryConflict}, nil
	}
	return reconcile.Result{}, err
}

// end deletes claim, whose instance has ended before its node registered.
func (c *Controller) end(ctx context.Context, claim *karpv1.NodeClaim, missing step) error {
	if err := c.kube.Delete(ctx, claim, client.Preconditions{UID: &claim.UID}); err != nil {
		return client.IgnoreNotFound(fmt.Errorf("deleting NodeClaim %s, whose instance has ended: %w", claim.Name, err))
	}
	c.recorder.Publish(instanceEnded(claim, missing))
	metrics.NodeClaimsDisruptedTotal.Inc(map[string]string{
		metrics.ReasonLabel:              reasonInstanceGone,
		metrics.NodePoolLabel:            claim.Labels[karpv1.NodePoolLabelKey],
		metrics.CapacityTypeLabel:        claim.Labels[karpv1.CapacityTypeLabelKey],
		metrics.ConsolidationPolicyLabel: "",
		metrics.TerminationModeLabel:     nodeclaimutils.DisruptionTerminationMode(claim),
	})
	log.FromContext(ctx).Info("deleted NodeClaim whose instance ended before its node registered",
		"NodeClaim", claim.Name, "provider-id", claim.Status.ProviderID, "reason", missing.message)
	return nil
}

func launchTime(claim *karpv1.NodeClaim) time.Time {
	return claim.StatusConditions(status.WithObservedOnly()).Get(karpv1.ConditionTypeLaunched).LastTransitionTime.Time
}
