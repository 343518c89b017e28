package garbagecollection

import (
	"context"
	"errors"
	"fmt"
	"slices"
	"sync"
	"time"

	"github.com/awslabs/operatorpkg/reconciler"
	"github.com/awslabs/operatorpkg/singleton"
	"github.com/samber/lo"
	corev1 "k8s.io/api/core/v1"
	"k8s.io/utils/clock"
	"sigs.k8s.io/controller-runtime/pkg/builder"
	"sigs.k8s.io/controller-runtime/pkg/client"
	"sigs.k8s.io/controller-runtime/pkg/log"
	"sigs.k8s.io/controller-runtime/pkg/manager"
	karpv1 "sigs.k8s.io/karpenter/pkg/apis/v1"
	"sigs.k8s.io/karpenter/pkg/events"
	"sigs.k8s.io/karpenter/pkg/operator/injection"

	v1 "github.com/karpenter-kubeadm/karpenter-provider-aws/pkg/apis/v1"
	"github.com/karpenter-kubeadm/karpenter-provider-aws/pkg/instance"
)

const (
	instancesName = "instance.garbagecollection"

	// A restart is when things are lost, so the first rounds are close together.
	earlyEvery  = 10 * time.Second
	earlyRounds = 20
	laterEvery  = 2 * time.Minute

	// atOnce is how many instances are ended side by side; the inventory merges the calls.
	atOnce = 100
)

// Inventory knows and ends instances.
type Inventory interface {
	// List returns what is this cluster's by name and not another's by UID.
	List(ctx context.Context) ([]instance.Instance, error)
	// Foreign returns what is this cluster's by name and another's by UID.
	Foreign(ctx context.Context) ([]instance.Instance, error)
	Terminate(ctx context.Context, id instance.ID) error
}

// Controller ends instances that no NodeClaim has.
type Controller struct {
	kube          Kube
	inventory     Inventory
	recorder      events.Recorder
	clock         clock.PassiveClock
	adoptUntagged bool

	rounds    int                  // that succeeded
	reported  map[instance.ID]bool // without a UID
	strangers []string             // UIDs of other clusters of our name
}

// Kube is how the controller reaches the API server: Live reads from it itself, the rest may be cached.
type Kube struct {
	client.Client
	Live client.Reader
}

// New returns the controller. adoptUntagged has it end instances without a UID too.
func New(kube Kube, inventory Inventory, recorder events.Recorder, clk clock.PassiveClock, adoptUntagged bool) *Controller {
	return &Controller{kube: kube, inventory: inventory, recorder: recorder, clock: clk, adoptUntagged: adoptUntagged, reported: map[instance.ID]bool{}}
}

// Register adds the controller to m, under the AWS provider's name for it.
func (c *Controller) Register(_ context.Context, m manager.Manager) error {
	return builder.ControllerManagedBy(m).Named(instancesName).WatchesRawSource(singleton.Source()).Complete(singleton.AsReconciler(c))
}

// Reconcile is one round.
func (c *Controller) Reconcile(ctx context.Context) (reconciler.Result, error) {
	ctx = injection.WithControllerName(ctx, instancesName)
	// Instances first: a claim that is made after this cannot be why one of them is kept, and
	// one that got its instance meanwhile is seen to have it.
	instances, err := c.inventory.List(ctx)
	if err != nil {
		return reconciler.Result{}, fmt.Errorf("listing instances: %w", err)
	}
	verdicts, err := c.judge(ctx, c.kube, instances)
	if err == nil && len(verdicts[end]) > 0 {
		// A cache that is behind may not know the claim of an instance yet.
		verdicts, err = c.judge(ctx, c.kube.Live, instances)
	}
	if err != nil {
		return reconciler.Result{}, err
	}
	c.report(ctx, verdicts[report])
	if err := errors.Join(c.endAll(ctx, verdicts[end]), c.reportCollision(ctx)); err != nil {
		return reconciler.Result{}, err
	}
	c.rounds++
	if c.rounds <= earlyRounds {
		return reconciler.Result{RequeueAfter: earlyEvery}, nil
	}
	return reconciler.Result{RequeueAfter: laterEvery}, nil
}

// judge compares instances with the NodeClaims that reader knows.
func (c *Controller) judge(ctx context.Context, reader client.Reader, instances []instance.Instance) (map[verdict][]instance.Instance, error) {
	var all karpv1.NodeClaimList
	if err := reader.List(ctx, &all); err != nil {
		return nil, fmt.Errorf("listing NodeClaims: %w", err)
	}
	judged := newClaims(all.Items)
	return lo.GroupBy(instances, func(i instance.Instance) verdict { return judged.judge(i, c.clock.Now(), c.adoptUntagged) }), nil
}

func (c *Controller) endAll(ctx context.Context, orphans []instance.Instance) error {
	errs := make([]error, len(orphans))
	slots := make(chan struct{}, atOnce)
	var group sync.WaitGroup
	for n, i := range orphans {
		slots <- struct{}{}
		group.Go(func() {
			defer func() { <-slots }()
			errs[n] = c.end(ctx, i)
		})
	}
	group.Wait()
	return errors.Join(errs...)
}

func (c *Controller) end(ctx context.Context, i instance.Instance) error {
	if err := c.inventory.Terminate(ctx, i.ID); err != nil && !errors.Is(err, instance.ErrNotFound) {
		return fmt.Errorf("ending instance %s, which no NodeClaim has: %w", i.ID, err)
	}
	log.FromContext(ctx).Info("garbage collected instance that no NodeClaim has", "provider-id", i.ProviderID(), "instance-type", i.Pool.InstanceType, "zone", i.Pool.Zone)
	return c.deleteNode(ctx, i)
}

// deleteNode spares pods the wait until the node's heartbeat is missed.
func (c *Controller) deleteNode(ctx context.Context, i instance.Instance) error {
	var nodes corev1.NodeList
	if err := c.kube.List(ctx, &nodes, client.MatchingFields{"spec.providerID": i.ProviderID()}); err != nil {
		return fmt.Errorf("listing Nodes of instance %s: %w", i.ID, err)
	}
	for n := range nodes.Items {
		if err := c.kube.Delete(ctx, &nodes.Items[n]); client.IgnoreNotFound(err) != nil {
			return fmt.Errorf("deleting Node %s: %w", nodes.Items[n].Name, err)
		}
		log.FromContext(ctx).Info("garbage collected node", "Node", nodes.Items[n].Name, "provider-id", i.ProviderID())
	}
	return nil
}

// report logs each instance without a UID once, for as long as it is there.
func (c *Controller) report(ctx context.Context, untagged []instance.Instance) {
	now := map[instance.ID]bool{}
	for _, i := range untagged {
		now[i.ID] = true
		if !c.reported[i.ID] {
			log.FromContext(ctx).Info("instance that no NodeClaim has is left running, since it bears no cluster UID; set ADOPT_UNTAGGED=true to end such instances, or end it by hand",
				"provider-id", i.ProviderID(), "instance-type", i.Pool.InstanceType, "tag", v1.ClusterUIDTagKey)
		}
	}
	c.reported = now
}

// reportCollision tells the owners of all classes that another cluster has our name.
func (c *Controller) reportCollision(ctx context.Context) error {
	foreign, err := c.inventory.Foreign(ctx)
	if err != nil {
		return fmt.Errorf("listing other clusters' instances: %w", err)
	}
	uids := lo.Uniq(lo.Map(foreign, func(i instance.Instance, _ int) string { return i.Tags[v1.ClusterUIDTagKey] }))
	slices.Sort(uids)
	if !slices.Equal(uids, c.strangers) && len(uids) > 0 {
		log.FromContext(ctx).Info("another cluster in this account and region has this cluster's name; its instances are left alone",
			"kube-system-uids", uids, "instances", len(foreign))
	}
	c.strangers = uids
	if len(uids) == 0 {
		return nil
	}
	var classes v1.EC2NodeClassList
	if err := c.kube.List(ctx, &classes); err != nil {
		return fmt.Errorf("listing EC2NodeClasses: %w", err)
	}
	for n := range classes.Items {
		c.recorder.Publish(nameCollision(&classes.Items[n], foreign[0].Tags[v1.EKSClusterNameTagKey], uids, len(foreign)))
	}
	return nil
}
