package refresh

import (
	"context"
	"fmt"

	"github.com/awslabs/operatorpkg/reconciler"
	"github.com/awslabs/operatorpkg/singleton"
	"sigs.k8s.io/controller-runtime/pkg/builder"
	"sigs.k8s.io/controller-runtime/pkg/manager"
	"sigs.k8s.io/karpenter/pkg/operator/injection"

	"github.com/karpenter-kubeadm/karpenter-provider-aws/pkg/cache"
	"github.com/karpenter-kubeadm/karpenter-provider-aws/pkg/providers/instancetype"
)

// Types is what TypeController renews.
type Types interface {
	// Update asks EC2. When it fails, what was known before stands.
	Update(ctx context.Context) error
	// Facts returns all types, read-only.
	Facts() []instancetype.Type
}

// TypeController renews EC2's instance types.
type TypeController struct {
	types     Types
	published map[string]struct{}
}

// NewTypes returns the controller; the start has called Update once before.
func NewTypes(types Types) *TypeController { return &TypeController{types: types} }

// Reconcile renews the types and shows their size as metrics.
func (c *TypeController) Reconcile(ctx context.Context) (reconciler.Result, error) {
	ctx = injection.WithControllerName(ctx, typesName)
	if err := c.types.Update(ctx); err != nil {
		return reconciler.Result{}, fmt.Errorf("renewing instance types: %w", err)
	}
	c.publish(c.types.Facts())
	return reconciler.Result{RequeueAfter: cache.InstanceTypes}, nil
}

const typesName = "providers.instancetype"

// Register adds the controller to m, under the AWS provider's name for it.
func (c *TypeController) Register(_ context.Context, m manager.Manager) error {
	return builder.ControllerManagedBy(m).
		Named(typesName).
		WatchesRawSource(singleton.Source()).
		Complete(singleton.AsReconciler(c))
}

func (c *TypeController) publish(types []instancetype.Type) {
	now := make(map[string]struct{}, len(types))
	for _, t := range types {
		now[t.Name] = struct{}{}
		of := map[string]string{typeLabel.Name: t.Name}
		typeCores.Set(float64(t.VCPUs), of)
		typeMemory.Set(float64(t.MemoryMiB)*mebi, of)
	}
	for name := range c.published {
		if _, ok := now[name]; !ok {
			typeCores.Delete(map[string]string{typeLabel.Name: name})
			typeMemory.Delete(map[string]string{typeLabel.Name: name})
		}
	}
	c.published = now
}

const mebi = 1 << 20
