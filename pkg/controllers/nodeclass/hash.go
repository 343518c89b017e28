package nodeclass

import (
	"context"
	"errors"
	"fmt"

	"github.com/awslabs/operatorpkg/reasonable"
	controllerruntime "sigs.k8s.io/controller-runtime"
	"sigs.k8s.io/controller-runtime/pkg/client"
	"sigs.k8s.io/controller-runtime/pkg/controller"
	"sigs.k8s.io/controller-runtime/pkg/manager"
	"sigs.k8s.io/controller-runtime/pkg/reconcile"
	karpv1 "sigs.k8s.io/karpenter/pkg/apis/v1"
	"sigs.k8s.io/karpenter/pkg/operator/injection"

	v1 "github.com/karpenter-kubeadm/karpenter-provider-aws/pkg/apis/v1"
	"github.com/karpenter-kubeadm/karpenter-provider-aws/pkg/cache"
)

// HashController keeps the hash of a class, and the version of how it is computed, in the
// class's annotations.
type HashController struct {
	kube     client.Client
	clusters Clusters
}

// NewHash returns a HashController.
func NewHash(kube client.Client, clusters Clusters) *HashController {
	return &HashController{kube: kube, clusters: clusters}
}

// Name is the controller's name in logs and metrics, as the AWS provider has it.
func (h *HashController) Name() string { return "nodeclass.hash" }

// Reconcile writes the hash of class. Where the version has changed, hashes of NodeClaims
// are first written anew, so that a new way of computing does not replace nodes. A CA
// bundle that changes is seen within cache.ClusterInfo.
func (h *HashController) Reconcile(ctx context.Context, class *v1.EC2NodeClass) (reconcile.Result, error) {
	ctx = injection.WithControllerName(ctx, h.Name())
	where, err := h.clusters.Get(ctx)
	if err != nil {
		return reconcile.Result{}, fmt.Errorf("reading the cluster's CA bundle: %w", err)
	}
	hash := class.Hash(where.CA)
	if class.Annotations[v1.AnnotationEC2NodeClassHashVersion] != v1.HashVersion {
		if err := h.migrate(ctx, class, hash); err != nil {
			return reconcile.Result{}, err
		}
	}
	before := class.DeepCopy()
	setHash(class, hash)
	if err := h.patch(ctx, before, class); err != nil {
		return reconcile.Result{}, fmt.Errorf("writing the hash of EC2NodeClass %s: %w", class.Name, err)
	}
	return reconcile.Result{RequeueAfter: cache.ClusterInfo}, nil
}

// migrate brings the NodeClaims of class to the present version. One that is drifted keeps
// its hash: what it was launched from is not known in terms of the new version.
func (h *HashController) migrate(ctx context.Context, class *v1.EC2NodeClass, hash string) error {
	claims, err := claimsOf(ctx, h.kube, class)
	if err != nil {
		return err
	}
	var errs []error
	for i := range claims {
		claim := &claims[i]
		if claim.Annotations[v1.AnnotationEC2NodeClassHashVersion] == v1.HashVersion {
			continue
		}
		before := claim.DeepCopy()
		kept := hash
		if claim.StatusConditions().Get(karpv1.ConditionTypeDrifted) != nil {
			kept = claim.Annotations[v1.AnnotationEC2NodeClassHash]
		}
		setHash(claim, kept)
		if err := h.patch(ctx, before, claim); err != nil {
			errs = append(errs, fmt.Errorf("writing the class hash of NodeClaim %s: %w", claim.Name, err))
		}
	}
	return errors.Join(errs...)
}

func setHash(object client.Object, hash string) {
	annotations := object.GetAnnotations()
	if annotations == nil {
		annotations = map[string]string{}
	}
	annotations[v1.AnnotationEC2NodeClassHash] = hash
	annotations[v1.AnnotationEC2NodeClassHashVersion] = v1.HashVersion
	object.SetAnnotations(annotations)
}

// patch writes annotations. They are a map, so no lock is needed: others' keys stay.
func (h *HashController) patch(ctx context.Context, before, after client.Object) error {
	if before.GetAnnotations()[v1.AnnotationEC2NodeClassHash] == after.GetAnnotations()[v1.AnnotationEC2NodeClassHash] &&
		before.GetAnnotations()[v1.AnnotationEC2NodeClassHashVersion] == after.GetAnnotations()[v1.AnnotationEC2NodeClassHashVersion] {
		return nil
	}
	return client.IgnoreNotFound(h.kube.Patch(ctx, after, client.MergeFrom(before)))
}

// Register adds the controller to m.
func (h *HashController) Register(_ context.Context, m manager.Manager) error {
	return controllerruntime.NewControllerManagedBy(m).
		Named(h.Name()).
		For(&v1.EC2NodeClass{}).
		WithOptions(controller.Options{RateLimiter: reasonable.RateLimiter(), MaxConcurrentReconciles: workers}).
		Complete(reconcile.AsReconciler(m.GetClient(), h))
}
