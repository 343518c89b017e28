package refresh

import (
	"context"
	"errors"

	"github.com/awslabs/operatorpkg/reconciler"
	"github.com/awslabs/operatorpkg/singleton"
	"sigs.k8s.io/controller-runtime/pkg/builder"
	"sigs.k8s.io/controller-runtime/pkg/manager"
	"sigs.k8s.io/karpenter/pkg/operator/injection"

	"github.com/karpenter-kubeadm/karpenter-provider-aws/pkg/cache"
)

// Prices is what PriceController renews. Of each feed, what was known before stands when it fails.
type Prices interface {
	UpdateOnDemandPrices(ctx context.Context) error
	UpdateSpotPrices(ctx context.Context) error
}

// PriceController renews prices.
type PriceController struct{ prices Prices }

// NewPrices returns the controller.
func NewPrices(prices Prices) *PriceController { return &PriceController{prices: prices} }

// Reconcile asks both feeds; one that fails does not keep the other from being asked.
func (c *PriceController) Reconcile(ctx context.Context) (reconciler.Result, error) {
	ctx = injection.WithControllerName(ctx, pricesName)
	if err := errors.Join(c.prices.UpdateSpotPrices(ctx), c.prices.UpdateOnDemandPrices(ctx)); err != nil {
		return reconciler.Result{}, err
	}
	return reconciler.Result{RequeueAfter: cache.Prices}, nil
}

const pricesName = "providers.pricing"

// Register adds the controller to m, under the AWS provider's name for it.
func (c *PriceController) Register(_ context.Context, m manager.Manager) error {
	return builder.ControllerManagedBy(m).
		Named(pricesName).
		WatchesRawSource(singleton.Source()).
		Complete(singleton.AsReconciler(c))
}
