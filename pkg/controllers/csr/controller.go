package csr

import (
	"context"
	"fmt"
	"strings"
	"time"

	certificatesv1 "k8s.io/api/certificates/v1"
	corev1 "k8s.io/api/core/v1"
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
	"sigs.k8s.io/karpenter/pkg/operator/injection"

	"github.com/karpenter-kubeadm/karpenter-provider-aws/pkg/apis"
	"github.com/karpenter-kubeadm/karpenter-provider-aws/pkg/cache"
	"github.com/karpenter-kubeadm/karpenter-provider-aws/pkg/instance"
	"github.com/karpenter-kubeadm/karpenter-provider-aws/pkg/join"
	"github.com/karpenter-kubeadm/karpenter-provider-aws/pkg/kube"
	"github.com/karpenter-kubeadm/karpenter-provider-aws/pkg/providers/token"
)

const (
	name = "certificates.approval"

	// AnnotationApproved is on a NodeClaim the UID of the CertificateSigningRequest that its
	// node's certificate is for. It is written before the approval.
	AnnotationApproved = apis.Group + "/approved-certificate-request"

	// What is held is judged again soon while it is new, when EC2 and caches are catching up,
	// and at leisure after.
	againSoon = 500 * time.Millisecond
	again     = 5 * time.Second
	young     = 15 * time.Second

	// awaitNode is how long a serving request of a node that is not there may be one of ours.
	awaitNode = 10 * time.Minute

	// askedAgain is how old a request is at least that a kubelet has followed by another: systemd
	// starts a kubelet again after ten seconds.
	askedAgain = 5 * time.Second

	// atOnce is how many requests are judged side by side. Each costs two writes.
	atOnce = 10

	// remember is how long names of instances are kept: longer than a claim can wait for its node.
	remember = time.Hour
	// unseen is how long an instance that EC2 does not show is not asked for again.
	unseen = time.Second
	// explain outlives the time between two judgements of a request that is held.
	explain = time.Minute
)

// Inventory knows instances.
type Inventory interface {
	Get(ctx context.Context, id instance.ID) (instance.Instance, error)
}

// Tokens knows which bootstrap tokens are ours.
type Tokens interface {
	Epoch(ctx context.Context, id string) (token.Epoch, bool, error)
	// OfInstance is the token that the instance alone can have.
	OfInstance(ctx context.Context, id instance.ID) (join.Token, error)
}

// Options are what a Controller works with.
type Options struct {
	Inventory Inventory
	Tokens    Tokens
	Region    string // as in node names
	Clock     clock.Clock
	// Fetched: nodes fetch the token when they start, in place of being launched with it.
	Fetched bool
}

// Controller approves, holds and denies certificate requests.
type Controller struct {
	kube      client.Client
	recorder  events.Recorder
	inventory Inventory
	tokens    Tokens
	region    string
	clock     clock.Clock
	fetched   bool
	nodeNames *cache.Cache[[]string]
	held      *cache.Cache[string] // message by UID
}

// New returns the controller.
func New(c client.Client, recorder events.Recorder, o Options) *Controller {
	return &Controller{
		kube: c, recorder: recorder, inventory: o.Inventory, tokens: o.Tokens, region: o.Region, clock: o.Clock, fetched: o.Fetched,
		nodeNames: cache.New[[]string](remember, cache.WithClock(o.Clock)),
		held:      cache.New[string](explain, cache.WithClock(o.Clock)),
	}
}

// Register adds the controller to m.
func (c *Controller) Register(_ context.Context, m manager.Manager) error {
	return builder.ControllerManagedBy(m).
		Named(name).
		For(&certificatesv1.CertificateSigningRequest{}, builder.WithPredicates(predicate.NewPredicateFuncs(isKubelets))).
		WithOptions(controller.Options{MaxConcurrentReconciles: atOnce}).
		Complete(reconcile.AsReconciler(m.GetClient(), c))
}

// isKubelets reports whether object is an undecided request that a kubelet may have made.
func isKubelets(object client.Object) bool {
	request, ok := object.(*certificatesv1.CertificateSigningRequest)
	if !ok || decided(request) {
		return false
	}
	switch request.Spec.SignerName {
	case certificatesv1.KubeAPIServerClientKubeletSignerName:
		return tokenID(request) != ""
	case certificatesv1.KubeletServingSignerName:
		return strings.HasPrefix(request.Spec.Username, nodeUserPrefix)
	default:
		return false
	}
}

// Held returns why the request with uid was held when it was last judged, false when it was
// not or that is long ago.
func (c *Controller) Held(uid types.UID) (string, bool) { return c.held.Get(string(uid)) }

// Reconcile judges object if it is ours to judge.
func (c *Controller) Reconcile(ctx context.Context, object *certificatesv1.CertificateSigningRequest) (reconcile.Result, error) {
	ctx = injection.WithControllerName(ctx, name)
	if !isKubelets(object) || !object.DeletionTimestamp.IsZero() {
		return reconcile.Result{}, nil
	}
	if object.Spec.SignerName == certificatesv1.KubeAPIServerClientKubeletSignerName {
		return c.reconcileClient(ctx, object)
	}
	return c.reconcileServing(ctx, object)
}

func (c *Controller) reconcileClient(ctx context.Context, object *certificatesv1.CertificateSigningRequest) (reconcile.Result, error) {
	epoch, isOurs, err := c.epoch(ctx, tokenID(object))
	if err != nil || !isOurs {
		return reconcile.Result{}, err
	}
	r, err := parse(object)
	if err != nil {
		return c.apply(ctx, object, nil, denyFor("NotOfAKubelet", "%s", err))
	}
	facts, err := c.clientFacts(ctx, r, epoch)
	if err != nil {
		return reconcile.Result{}, err
	}
	v := judge(facts, clientRules)
	if v.decision == approve {
		if err := c.claimFor(ctx, facts.claim, object); err != nil {
			return reconcile.Result{}, err
		}
	}
	return c.apply(ctx, object, facts.claim, v)
}

// claimFor writes down that object is the one request that is approved for claim. When the
// claim has changed since it was judged this fails, and the request is judged again.
func (c *Controller) claimFor(ctx context.Context, claim *karpv1.NodeClaim, object *certificatesv1.CertificateSigningRequest) error {
	if claim.Annotations[AnnotationApproved] == string(object.UID) {
		return nil
	}
	after := claim.DeepCopy()
	if after.Annotations == nil {
		after.Annotations = map[string]string{}
	}
	after.Annotations[AnnotationApproved] = string(object.UID)
	if err := kube.Patch(ctx, c.kube, claim, after); err != nil {
		return fmt.Errorf("writing down which certificate request is approved: %w", err)
	}
	return nil
}

func (c *Controller) reconcileServing(ctx context.Context, object *certificatesv1.CertificateSigningRequest) (reconcile.Result, error) {
	age := c.clock.Since(object.CreationTimestamp.Time)
	r, parseErr := parse(object)
	facts, pending, err := c.servingFacts(ctx, r, strings.TrimPrefix(object.Spec.Username, nodeUserPrefix))
	switch {
	case err != nil:
		return reconcile.Result{}, err
	case pending && age < awaitNode:
		return reconcile.Result{RequeueAfter: pause(age)}, nil
	case facts.claim == nil:
		return reconcile.Result{}, nil // not one of our nodes
	case parseErr != nil:
		return c.apply(ctx, object, facts.claim, denyFor("NotOfAKubelet", "%s", parseErr))
	default:
		return c.apply(ctx, object, facts.claim, judge(facts, servingRules))
	}
}

func pause(age time.Duration) time.Duration {
	if age < young {
		return againSoon
	}
	return again
}

// apply carries v out.
func (c *Controller) apply(ctx context.Context, object *certificatesv1.CertificateSigningRequest, claim *karpv1.NodeClaim, v verdict) (reconcile.Result, error) {
	if v.decision == hold {
		if _, before := c.Held(object.UID); !before {
			judged(object, v)
		}
		c.held.Set(string(object.UID), v.message)
		c.publish(object, claim, v)
		return reconcile.Result{RequeueAfter: pause(c.clock.Since(object.CreationTimestamp.Time))}, nil
	}
	condition := certificatesv1.CertificateSigningRequestCondition{
		Type: certificatesv1.CertificateApproved, Status: corev1.ConditionTrue, Reason: v.reason, Message: v.message,
	}
	if v.decision == deny {
		condition.Type = certificatesv1.CertificateDenied
	}
	after := object.DeepCopy()
	after.Status.Conditions = append(after.Status.Conditions, condition)
	if err := c.kube.SubResource("approval").Update(ctx, after); err != nil {
		return reconcile.Result{}, client.IgnoreNotFound(fmt.Errorf("writing that certificate request %s is to %s: %w", object.Name, v.decision, err))
	}
	judged(object, v)
	c.publish(object, claim, v)
	values := []any{"certificate-request", object.Name, "signer", object.Spec.SignerName, "requestor", object.Spec.Username, "reason", v.reason}
	if claim != nil {
		values = append(values, "NodeClaim", claim.Name, "provider-id", claim.Status.ProviderID)
	}
	log.FromContext(ctx).Info(fmt.Sprintf("certificate request: %s", v.decision), values...)
	return reconcile.Result{}, nil
}
