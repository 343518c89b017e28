package nodeclass

import (
	"context"
	"errors"
	"time"

	"github.com/awslabs/operatorpkg/reasonable"
	apierrors "k8s.io/apimachinery/pkg/api/errors"
	"k8s.io/apimachinery/pkg/types"
	controllerruntime "sigs.k8s.io/controller-runtime"
	"sigs.k8s.io/controller-runtime/pkg/builder"
	"sigs.k8s.io/controller-runtime/pkg/client"
	"sigs.k8s.io/controller-runtime/pkg/controller"
	"sigs.k8s.io/controller-runtime/pkg/controller/controllerutil"
	"sigs.k8s.io/controller-runtime/pkg/event"
	"sigs.k8s.io/controller-runtime/pkg/handler"
	"sigs.k8s.io/controller-runtime/pkg/manager"
	"sigs.k8s.io/controller-runtime/pkg/predicate"
	"sigs.k8s.io/controller-runtime/pkg/reconcile"
	karpv1 "sigs.k8s.io/karpenter/pkg/apis/v1"
	"sigs.k8s.io/karpenter/pkg/operator/injection"

	"github.com/karpenter-kubeadm/karpenter-provider-aws/pkg/apis"
	v1 "github.com/karpenter-kubeadm/karpenter-provider-aws/pkg/apis/v1"
	"github.com/karpenter-kubeadm/karpenter-provider-aws/pkg/cache"
	"github.com/karpenter-kubeadm/karpenter-provider-aws/pkg/kube"
)

const (
	// workers is how many classes are looked at side by side: a class that waits for AWS
	// must not hold up the others, and more would only meet AWS's rate limits.
	workers = 10
	// conflictRetry is when a patch is tried again that met a newer object: the cache is a
	// moment behind.
	conflictRetry = time.Second

	// When what was found is looked at again. Subnets first: their order by free addresses
	// is what moves. What was not found is what a person is about to put right.
	imagesAgain  = 5 * time.Minute
	subnetsAgain = time.Minute
	groupsAgain  = 5 * time.Minute
	profileAgain = cache.InstanceProfile
	verdictAgain = 10 * time.Minute
	missingAgain = time.Minute
)

// step judges one condition of class and sets it. It returns when to look again, 0 when a
// change of the class will tell, and an error when it could not judge.
type step func(ctx context.Context, class *v1.EC2NodeClass) (again time.Duration, err error)

// Controller reconciles EC2NodeClasses.
type Controller struct {
	Deps
	config   Config
	verdicts *cache.Cache[verdict]
	steps    []step
}

// New returns a Controller.
func New(deps Deps, config Config) *Controller {
	c := &Controller{Deps: deps, config: config, verdicts: cache.New[verdict](cache.Validation, cache.WithClock(deps.Clock))}
	c.steps = []step{c.images, c.subnets, c.securityGroups, c.instanceProfile, c.placementGroup, c.capacityReservations,
		c.announced(v1.ConditionTypeValidationSucceeded, c.validation), c.announced(v1.ConditionTypeUserDataSound, c.review)}
	return c
}

// Name is the controller's name in logs and metrics, as the AWS provider has it.
func (c *Controller) Name() string { return "nodeclass" }

// Reconcile resolves the selectors of class into its status, or, when class is going,
// removes what was made for it.
func (c *Controller) Reconcile(ctx context.Context, class *v1.EC2NodeClass) (reconcile.Result, error) {
	ctx = injection.WithControllerName(ctx, c.Name())
	if !class.DeletionTimestamp.IsZero() {
		return settled(c.finalize(ctx, class))
	}
	before := class.DeepCopy()
	if controllerutil.AddFinalizer(class, v1.TerminationFinalizer) {
		if err := kube.Patch(ctx, c.Kube, before, class); err != nil {
			return settled(0, err)
		}
		before = class.DeepCopy()
	}
	var soonest time.Duration
	var errs []error
	for _, judge := range c.steps {
		again, err := judge(ctx, class)
		soonest = sooner(soonest, again)
		errs = append(errs, err)
	}
	errs = append(errs, kube.PatchStatus(ctx, c.Kube, before, class))
	return settled(soonest, errors.Join(errs...))
}

// settled turns an outcome into what the queue acts on. A conflict is no failure.
func settled(again time.Duration, err error) (reconcile.Result, error) {
	if apierrors.IsConflict(err) {
		return reconcile.Result{RequeueAfter: conflictRetry}, nil
	}
	if err != nil {
		return reconcile.Result{}, err
	}
	return reconcile.Result{RequeueAfter: again}, nil
}

// sooner returns the shorter of two waits, of which 0 is none.
func sooner(a, b time.Duration) time.Duration {
	if a == 0 || b == 0 {
		return max(a, b)
	}
	return min(a, b)
}

// Register adds the controller to m.
func (c *Controller) Register(_ context.Context, m manager.Manager) error {
	return controllerruntime.NewControllerManagedBy(m).
		Named(c.Name()).
		For(&v1.EC2NodeClass{}).
		Watches(&karpv1.NodeClaim{}, handler.EnqueueRequestsFromMapFunc(classOf), builder.WithPredicates(onlyDeleted())).
		WithOptions(controller.Options{RateLimiter: reasonable.RateLimiter(), MaxConcurrentReconciles: workers}).
		Complete(reconcile.AsReconciler(m.GetClient(), c))
}

// classOf names the class of a NodeClaim, which may have waited for that claim to go.
func classOf(_ context.Context, object client.Object) []reconcile.Request {
	claim, ok := object.(*karpv1.NodeClaim)
	if !ok || !refers(claim) {
		return nil
	}
	return []reconcile.Request{{NamespacedName: types.NamespacedName{Name: claim.Spec.NodeClassRef.Name}}}
}

// refers reports whether claim is of an EC2NodeClass.
func refers(claim *karpv1.NodeClaim) bool {
	ref := claim.Spec.NodeClassRef
	return ref != nil && ref.Group == apis.Group && ref.Kind == "EC2NodeClass"
}

func onlyDeleted() predicate.Funcs {
	never := predicate.Funcs{
		CreateFunc:  func(event.CreateEvent) bool { return false },
		UpdateFunc:  func(event.UpdateEvent) bool { return false },
		DeleteFunc:  func(event.DeleteEvent) bool { return true },
		GenericFunc: func(event.GenericEvent) bool { return false },
	}
	return never
}
