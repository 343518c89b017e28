package garbagecollection

import (
	"context"
	"fmt"
	"time"

	"github.com/awslabs/operatorpkg/reconciler"
	"github.com/awslabs/operatorpkg/singleton"
	"sigs.k8s.io/controller-runtime/pkg/builder"
	"sigs.k8s.io/controller-runtime/pkg/manager"
	"sigs.k8s.io/karpenter/pkg/operator/injection"

	"github.com/karpenter-kubeadm/karpenter-provider-aws/pkg/cluster"
)

const (
	templatesName = "launchtemplate.garbagecollection"

	// templatesEvery is often enough for templates that expire with tokens, every few hours,
	// and costs one call a page of 200.
	templatesEvery = time.Hour
)

// Templates knows the cluster's launch templates.
type Templates interface {
	// RefreshTemplates learns which exist and deletes those that can make no node any more.
	RefreshTemplates(ctx context.Context, clusterUID string) error
}

// Clusters says which cluster this is.
type Clusters interface {
	Get(ctx context.Context) (cluster.Cluster, error)
}

// TemplateController deletes launch templates whose user data has expired.
type TemplateController struct {
	templates Templates
	clusters  Clusters
}

// NewTemplates returns the controller.
func NewTemplates(templates Templates, clusters Clusters) *TemplateController {
	return &TemplateController{templates: templates, clusters: clusters}
}

// Register adds the controller to m.
func (c *TemplateController) Register(_ context.Context, m manager.Manager) error {
	return builder.ControllerManagedBy(m).Named(templatesName).WatchesRawSource(singleton.Source()).Complete(singleton.AsReconciler(c))
}

// Reconcile is one round.
func (c *TemplateController) Reconcile(ctx context.Context) (reconciler.Result, error) {
	ctx = injection.WithControllerName(ctx, templatesName)
	where, err := c.clusters.Get(ctx)
	if err != nil {
		return reconciler.Result{}, fmt.Errorf("reading which cluster this is: %w", err)
	}
	if err := c.templates.RefreshTemplates(ctx, where.UID); err != nil {
		return reconciler.Result{}, fmt.Errorf("refreshing launch templates: %w", err)
	}
	return reconciler.Result{RequeueAfter: templatesEvery}, nil
}
