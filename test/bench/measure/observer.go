package measure

import (
	"context"
	"fmt"
	"maps"
	"sync"
	"time"

	corev1 "k8s.io/api/core/v1"
	"k8s.io/apimachinery/pkg/runtime"
	"k8s.io/apimachinery/pkg/types"
	"k8s.io/client-go/rest"
	toolscache "k8s.io/client-go/tools/cache"
	"sigs.k8s.io/controller-runtime/pkg/cache"
	"sigs.k8s.io/controller-runtime/pkg/client"
	karpv1 "sigs.k8s.io/karpenter/pkg/apis/v1"
)

// Pod is a pod of the bench's namespace and when it came to its points; zero where it did not yet.
type Pod struct {
	Node             string
	Pending, Running time.Time
	Gone             bool
}

// Node is a node that Karpenter owns.
type Node struct {
	Name, ProviderID       string
	Registered, Ready      time.Time
	Unschedulable, Deleted bool
}

// Claim is a NodeClaim.
type Claim struct {
	Name, ProviderID     string
	Created, Initialized time.Time
	Drifted, Deleted     bool
}

// Observer sees what becomes of pods, nodes and claims. Times are when its watch told it.
type Observer struct {
	mu     sync.Mutex
	pods   map[types.UID]*Pod
	nodes  map[types.UID]*Node
	claims map[types.UID]*Claim
}

// Observe watches until ctx ends. It returns once everything that is there has been seen.
func Observe(ctx context.Context, config *rest.Config, scheme *runtime.Scheme, namespace string) (*Observer, error) {
	watches, err := cache.New(config, cache.Options{Scheme: scheme, ByObject: map[client.Object]cache.ByObject{
		&corev1.Pod{}: {Namespaces: map[string]cache.Config{namespace: {}}},
	}})
	if err != nil {
		return nil, fmt.Errorf("preparing watches: %w", err)
	}
	o := &Observer{pods: map[types.UID]*Pod{}, nodes: map[types.UID]*Node{}, claims: map[types.UID]*Claim{}}
	for _, object := range []client.Object{&corev1.Pod{}, &corev1.Node{}, &karpv1.NodeClaim{}} {
		informer, err := watches.GetInformer(ctx, object, cache.BlockUntilSynced(false))
		if err != nil {
			return nil, fmt.Errorf("watching %T: %w", object, err)
		}
		_, err = informer.AddEventHandler(toolscache.ResourceEventHandlerFuncs{
			AddFunc:    func(object any) { o.saw(object, false) },
			UpdateFunc: func(_, object any) { o.saw(object, false) },
			DeleteFunc: func(object any) { o.saw(object, true) },
		})
		if err != nil {
			return nil, fmt.Errorf("watching %T: %w", object, err)
		}
	}
	go func() { _ = watches.Start(ctx) }() // ends with ctx only
	if !watches.WaitForCacheSync(ctx) {
		return nil, fmt.Errorf("waiting for watches: %w", context.Cause(ctx))
	}
	return o, nil
}

func (o *Observer) saw(object any, deleted bool) {
	if last, ok := object.(toolscache.DeletedFinalStateUnknown); ok {
		object = last.Obj
	}
	now := time.Now()
	o.mu.Lock()
	defer o.mu.Unlock()
	switch object := object.(type) {
	case *corev1.Pod:
		o.sawPod(object, deleted, now)
	case *corev1.Node:
		o.sawNode(object, deleted, now)
	case *karpv1.NodeClaim:
		o.sawClaim(object, deleted, now)
	}
}

func (o *Observer) sawPod(object *corev1.Pod, deleted bool, now time.Time) {
	p := o.pods[object.UID]
	if p == nil {
		p = &Pod{Pending: now}
		o.pods[object.UID] = p
	}
	p.Node = object.Spec.NodeName
	p.Gone = deleted || object.DeletionTimestamp != nil || object.Status.Phase == corev1.PodFailed
	mark(&p.Running, object.Status.Phase == corev1.PodRunning, now)
}

func (o *Observer) sawNode(object *corev1.Node, deleted bool, now time.Time) {
	if object.Labels[karpv1.NodePoolLabelKey] == "" && o.nodes[object.UID] == nil {
		return
	}
	n := o.nodes[object.UID]
	if n == nil {
		n = &Node{Name: object.Name}
		o.nodes[object.UID] = n
	}
	n.ProviderID, n.Unschedulable, n.Deleted = object.Spec.ProviderID, object.Spec.Unschedulable, deleted
	mark(&n.Registered, object.Labels[karpv1.NodeRegisteredLabelKey] == "true", now)
	for _, condition := range object.Status.Conditions {
		mark(&n.Ready, condition.Type == corev1.NodeReady && condition.Status == corev1.ConditionTrue, now)
	}
}

func (o *Observer) sawClaim(object *karpv1.NodeClaim, deleted bool, now time.Time) {
	c := o.claims[object.UID]
	if c == nil {
		c = &Claim{Name: object.Name, Created: now}
		o.claims[object.UID] = c
	}
	c.ProviderID, c.Deleted = object.Status.ProviderID, deleted
	c.Drifted = object.StatusConditions().IsTrue(karpv1.ConditionTypeDrifted)
	mark(&c.Initialized, object.StatusConditions().IsTrue(karpv1.ConditionTypeInitialized), now)
}

// mark sets a time once.
func mark(at *time.Time, reached bool, now time.Time) {
	if reached && at.IsZero() {
		*at = now
	}
}

// Pods returns all that were seen, those that are gone too.
func (o *Observer) Pods() []Pod { return copies(&o.mu, o.pods) }

// Nodes returns all that were seen, those that are deleted too.
func (o *Observer) Nodes() []Node { return copies(&o.mu, o.nodes) }

// Claims returns all that were seen, those that are deleted too.
func (o *Observer) Claims() []Claim { return copies(&o.mu, o.claims) }

func copies[K comparable, V any](mu *sync.Mutex, from map[K]*V) []V {
	mu.Lock()
	defer mu.Unlock()
	all := make([]V, 0, len(from))
	for value := range maps.Values(from) {
		all = append(all, *value)
	}
	return all
}
