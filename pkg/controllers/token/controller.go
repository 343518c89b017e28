package token

import (
	"context"
	"errors"
	"fmt"
	"slices"
	"time"

	"github.com/awslabs/operatorpkg/reconciler"
	"github.com/awslabs/operatorpkg/singleton"
	"k8s.io/utils/clock"
	"sigs.k8s.io/controller-runtime/pkg/builder"
	"sigs.k8s.io/controller-runtime/pkg/client"
	"sigs.k8s.io/controller-runtime/pkg/log"
	"sigs.k8s.io/controller-runtime/pkg/manager"
	karpv1 "sigs.k8s.io/karpenter/pkg/apis/v1"
	"sigs.k8s.io/karpenter/pkg/operator/injection"

	"github.com/karpenter-kubeadm/karpenter-provider-aws/pkg/apis"
	"github.com/karpenter-kubeadm/karpenter-provider-aws/pkg/providers/token"
)

const (
	name = "bootstrap.token"

	// period is how often tokens are looked after. A Secret that somebody deletes keeps nodes
	// from joining for this long; a look costs two small requests.
	period = 15 * time.Second
)

// Tokens keeps bootstrap tokens.
type Tokens interface {
	Maintain(ctx context.Context) error
	Epochs(ctx context.Context) ([]token.Epoch, error)
	Revoke(ctx context.Context, id string) error
	AutoApproved(ctx context.Context) (bool, error)
}

// Controller looks after bootstrap tokens.
type Controller struct {
	kube    client.Client
	tokens  Tokens
	clock   clock.Clock
	checked bool // whether approval was looked at; used by the one worker alone
	// warn is whether approval by others is a fault: it is what CSR_APPROVAL=kubeadm asks for.
	warn bool
}

// New returns the controller. approvesItself says that certificates are approved by this
// controller's own approver, and by nobody else.
func New(kube client.Client, tokens Tokens, c clock.Clock, approvesItself bool) *Controller {
	return &Controller{kube: kube, tokens: tokens, clock: c, warn: approvesItself}
}

// Register adds the controller to m.
func (c *Controller) Register(_ context.Context, m manager.Manager) error {
	return builder.ControllerManagedBy(m).
		Named(name).
		WatchesRawSource(singleton.Source()).
		Complete(singleton.AsReconciler(c))
}

// Reconcile makes and keeps what should live, and revokes what is spent.
func (c *Controller) Reconcile(ctx context.Context) (reconciler.Result, error) {
	ctx = injection.WithControllerName(ctx, name)
	if err := errors.Join(c.tokens.Maintain(ctx), c.revokeSpent(ctx), c.checkApproval(ctx)); err != nil {
		return reconciler.Result{}, fmt.Errorf("looking after bootstrap tokens: %w", err)
	}
	return reconciler.Result{RequeueAfter: period}, nil
}

func (c *Controller) revokeSpent(ctx context.Context) error {
	epochs, err := c.tokens.Epochs(ctx)
	if err != nil {
		return err
	}
	now := c.clock.Now()
	retired := slices.DeleteFunc(epochs, func(e token.Epoch) bool { return !e.Lives(now) || e.Retired.IsZero() })
	if len(retired) == 0 {
		return nil
	}
	waiting, err := c.waiting(ctx)
	if err != nil {
		return err
	}
	for _, epoch := range retired {
		if !epoch.Spent(now, waiting) {
			continue
		}
		if err := c.tokens.Revoke(ctx, epoch.ID); err != nil {
			return err
		}
	}
	return nil
}

// waiting returns since when NodeClaims wait for their nodes, for those that do.
func (c *Controller) waiting(ctx context.Context) ([]time.Time, error) {
	var claims karpv1.NodeClaimList
	if err := c.kube.List(ctx, &claims); err != nil {
		return nil, fmt.Errorf("listing NodeClaims: %w", err)
	}
	var since []time.Time
	for i := range claims.Items {
		claim := &claims.Items[i]
		ours := claim.Spec.NodeClassRef != nil && claim.Spec.NodeClassRef.Group == apis.Group
		if ours && claim.DeletionTimestamp.IsZero() && !claim.StatusConditions().IsTrue(karpv1.ConditionTypeRegistered) {
			since = append(since, claim.CreationTimestamp.Time)
		}
	}
	return since, nil
}

// checkApproval warns once when the cluster approves certificates of our tokens unasked:
// then whoever holds a token becomes any node, and our approver decides nothing.
func (c *Controller) checkApproval(ctx context.Context) error {
	if c.checked || !c.warn {
		return nil
	}
	approved, err := c.tokens.AutoApproved(ctx)
	if err != nil {
		return err
	}
	c.checked = true
	if approved {
		log.FromContext(ctx).Error(nil, "a binding of this cluster has certificate requests of bootstrap tokens approved without asking Karpenter: "+
			"whoever holds a token can become any node; remove the group from bindings of ClusterRole "+
			"system:certificates.k8s.io:certificatesigningrequests:nodeclient", "groups", []string{"system:bootstrappers", token.Group})
	}
	return nil
}
