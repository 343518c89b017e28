package token

import (
	"context"
	"fmt"
	"time"

	"github.com/awslabs/operatorpkg/reconciler"
	"github.com/awslabs/operatorpkg/singleton"
	"sigs.k8s.io/controller-runtime/pkg/builder"
	"sigs.k8s.io/controller-runtime/pkg/client"
	"sigs.k8s.io/controller-runtime/pkg/manager"
	karpv1 "sigs.k8s.io/karpenter/pkg/apis/v1"
	"sigs.k8s.io/karpenter/pkg/operator/injection"

	"github.com/karpenter-kubeadm/karpenter-provider-aws/pkg/instance"
)

const (
	sweepName = "bootstrap.token.sweep"

	// sweepPeriod is how long at most a token outlives its instance's wait where a process
	// ended between two steps. Each sweep costs one call, for there are seldom more than ten.
	sweepPeriod = time.Minute
)

// Sweep ends the tokens of instances that wait for no node any more: what processes that
// ended half way left behind.
type Sweep struct {
	live      client.Reader // reads from the API server itself, see Reconcile
	instances *Instances
}

// NewSweep returns the controller.
func NewSweep(live client.Reader, instances *Instances) *Sweep {
	return &Sweep{live: live, instances: instances}
}

// Register adds the controller to m.
func (c *Sweep) Register(_ context.Context, m manager.Manager) error {
	return builder.ControllerManagedBy(m).
		Named(sweepName).
		WatchesRawSource(singleton.Source()).
		Complete(singleton.AsReconciler(c))
}

// Reconcile ends what is left. Claims are read after parameters, and not from a cache: a
// parameter is made for a claim that the API server has, so each that has one is seen.
func (c *Sweep) Reconcile(ctx context.Context) (reconciler.Result, error) {
	ctx = injection.WithControllerName(ctx, sweepName)
	ids, err := c.instances.parameters.List(ctx)
	if err != nil {
		return reconciler.Result{}, fmt.Errorf("looking for bootstrap tokens that were left: %w", err)
	}
	if len(ids) == 0 {
		return reconciler.Result{RequeueAfter: sweepPeriod}, nil
	}
	waiting, err := c.waiting(ctx)
	if err != nil {
		return reconciler.Result{}, err
	}
	for _, id := range ids {
		if waiting[id] {
			continue
		}
		if err := c.instances.take(ctx, id); err != nil {
			return reconciler.Result{}, err
		}
	}
	return reconciler.Result{RequeueAfter: sweepPeriod}, nil
}

// waiting are the instances that may still need their tokens.
func (c *Sweep) waiting(ctx context.Context) (map[instance.ID]bool, error) {
	var claims karpv1.NodeClaimList
	if err := c.live.List(ctx, &claims); err != nil {
		return nil, fmt.Errorf("listing NodeClaims: %w", err)
	}
	waiting := map[instance.ID]bool{}
	for i := range claims.Items {
		claim := &claims.Items[i]
		if id, err := instance.ParseProviderID(claim.Status.ProviderID); err == nil && hasOwnToken(claim) {
			waiting[id] = waits(claim, c.instances.clock.Now())
		}
	}
	return waiting, nil
}
