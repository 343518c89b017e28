package refresh

import (
	"context"
	"errors"
	"fmt"
	"time"

	"github.com/awslabs/operatorpkg/reconciler"
	"github.com/awslabs/operatorpkg/singleton"
	"sigs.k8s.io/controller-runtime/pkg/builder"
	"sigs.k8s.io/controller-runtime/pkg/client"
	"sigs.k8s.io/controller-runtime/pkg/manager"
	karpv1 "sigs.k8s.io/karpenter/pkg/apis/v1"
	karpenter "sigs.k8s.io/karpenter/pkg/cloudprovider"
	"sigs.k8s.io/karpenter/pkg/metrics"
	"sigs.k8s.io/karpenter/pkg/operator/injection"

	"github.com/karpenter-kubeadm/karpenter-provider-aws/pkg/apis"
)

// InstanceTypes is what OfferingController shows.
type InstanceTypes interface {
	GetInstanceTypes(ctx context.Context, nodePool *karpv1.NodePool) ([]*karpenter.InstanceType, error)
}

// OfferingController shows price and availability of each offering as metrics.
type OfferingController struct {
	kube      client.Reader
	types     InstanceTypes
	published map[series]struct{}
}

// NewOfferings returns the controller. types is what Karpenter plans with, overlays included.
func NewOfferings(kube client.Reader, types InstanceTypes) *OfferingController {
	return &OfferingController{kube: kube, types: types}
}

// series is one combination of label values.
type series struct{ instanceType, capacityType, zone string }

func (s series) labels() map[string]string {
	return map[string]string{
		typeLabel.Name:            s.instanceType,
		metrics.CapacityTypeLabel: s.capacityType,
		metrics.ZoneLabel:         s.zone,
	}
}

type offer struct {
	price     float64
	available bool
}

// everyMinute follows the interval at which metrics are usually scraped.
const everyMinute = time.Minute

// Reconcile publishes the offerings of all NodePools. One NodePool whose types cannot be
// resolved costs only its own series' freshness.
func (c *OfferingController) Reconcile(ctx context.Context) (reconciler.Result, error) {
	ctx = injection.WithControllerName(ctx, offeringsName)
	var pools karpv1.NodePoolList
	if err := c.kube.List(ctx, &pools); err != nil {
		return reconciler.Result{}, fmt.Errorf("listing NodePools: %w", err)
	}
	now := map[series]offer{}
	var errs []error
	for i := range pools.Items {
		pool := &pools.Items[i]
		if ref := pool.Spec.Template.Spec.NodeClassRef; ref == nil || ref.Group != apis.Group {
			continue // another provider's
		}
		types, err := c.types.GetInstanceTypes(ctx, pool)
		if err != nil {
			errs = append(errs, fmt.Errorf("getting instance types of NodePool %q: %w", pool.Name, err))
			continue
		}
		collect(types, now)
	}
	c.publish(now, len(errs) == 0)
	if err := errors.Join(errs...); err != nil {
		return reconciler.Result{}, err
	}
	return reconciler.Result{RequeueAfter: everyMinute}, nil
}

const offeringsName = "cloudprovider.metrics"

// Register adds the controller to m, under the AWS provider's name for it.
func (c *OfferingController) Register(_ context.Context, m manager.Manager) error {
	return builder.ControllerManagedBy(m).
		Named(offeringsName).
		WatchesRawSource(singleton.Source()).
		Complete(singleton.AsReconciler(c))
}

// collect adds the offerings of types. What is available to one NodePool is available.
func collect(types []*karpenter.InstanceType, into map[series]offer) {
	for _, t := range types {
		for _, o := range t.Offerings {
			s := series{instanceType: t.Name, capacityType: o.CapacityType(), zone: o.Zone()}
			into[s] = offer{price: o.Price, available: into[s].available || o.Available}
		}
	}
}

// publish shows now. Series that it lacks are taken away when it is complete, else they may
// belong to the NodePool that failed.
func (c *OfferingController) publish(now map[series]offer, complete bool) {
	if c.published == nil {
		c.published = map[series]struct{}{}
	}
	for s, o := range now {
		available := 0.0
		if o.available {
			available = 1
		}
		offeringAvailable.Set(available, s.labels())
		offeringPrice.Set(o.price, s.labels())
		c.published[s] = struct{}{}
	}
	for s := range c.published {
		if _, ok := now[s]; !ok && complete {
			offeringAvailable.Delete(s.labels())
			offeringPrice.Delete(s.labels())
			delete(c.published, s)
		}
	}
}
