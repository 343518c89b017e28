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
	"sigs.k8s.io/karpenter/pkg/events"
	"sigs.k8s.io/karpenter/pkg/operator/injection"

	"github.com/karpenter-kubeadm/karpenter-provider-aws/pkg/apis"
	v1 "github.com/karpenter-kubeadm/karpenter-provider-aws/pkg/apis/v1"
	"github.com/karpenter-kubeadm/karpenter-provider-aws/pkg/providers/token"
)

const (
	name = "bootstrap.token"

	// period is how often tokens are looked after. A Secret that somebody deletes keeps nodes
	// from joining for this long; a look costs two small requests.
	period = 15 * time.Second

	// warnPeriod is how long a token that users rotate may expire too soon before they are told.
	warnPeriod = 5 * time.Minute
)

// Tokens keeps bootstrap tokens.
type Tokens interface {
	Maintain(ctx context.Context) error
	Epochs(ctx context.Context) ([]token.Epoch, error)
	Revoke(ctx context.Context, id string) error
	// Warnings are what works and should not be as it is.
	Warnings(ctx context.Context) ([]token.Warning, error)
}

// Controller looks after bootstrap tokens.
type Controller struct {
	kube     client.Client
	recorder events.Recorder
	tokens   Tokens
	clock    clock.Clock

	// Of the one worker alone: when warnings were last asked for, and which were told.
	asked time.Time
	told  map[token.Warning]bool
}

// New returns the controller.
func New(kube client.Client, recorder events.Recorder, tokens Tokens, c clock.Clock) *Controller {
	return &Controller{kube: kube, recorder: recorder, tokens: tokens, clock: c, told: map[token.Warning]bool{}}
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
	if err := errors.Join(c.maintain(ctx), c.revokeSpent(ctx), c.warn(ctx)); err != nil {
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

// maintain has a token live, or says on every class why there is none.
func (c *Controller) maintain(ctx context.Context) error {
	err := c.tokens.Maintain(ctx)
	if err == nil {
		return nil
	}
	return errors.Join(err, c.publish(ctx, func(class *v1.EC2NodeClass) events.Event { return tokenUnavailable(class, err) }))
}

// warn tells each warning once in the log and, as long as it holds, on every class.
func (c *Controller) warn(ctx context.Context) error {
	if now := c.clock.Now(); now.Sub(c.asked) < warnPeriod {
		return nil
	}
	warnings, err := c.tokens.Warnings(ctx)
	if err != nil {
		return err
	}
	c.asked = c.clock.Now()
	for _, warning := range warnings {
		if !c.told[warning] {
			c.told[warning] = true
			log.FromContext(ctx).Error(nil, warning.Message, "reason", warning.Reason)
		}
		if err := c.publish(ctx, func(class *v1.EC2NodeClass) events.Event { return tokenDoubtful(class, warning) }); err != nil {
			return err
		}
	}
	return nil
}

// publish sends an event on every class.
func (c *Controller) publish(ctx context.Context, event func(*v1.EC2NodeClass) events.Event) error {
	var classes v1.EC2NodeClassList
	if err := c.kube.List(ctx, &classes); err != nil {
		return fmt.Errorf("listing EC2NodeClasses: %w", err)
	}
	for i := range classes.Items {
		c.recorder.Publish(event(&classes.Items[i]))
	}
	return nil
}
