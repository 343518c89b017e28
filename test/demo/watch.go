package main

import (
	"context"
	"fmt"
	"sort"
	"strings"
	"text/tabwriter"
	"time"

	corev1 "k8s.io/api/core/v1"
	karpv1 "sigs.k8s.io/karpenter/pkg/apis/v1"

	"github.com/karpenter-kubeadm/karpenter-provider-aws/test/awsfake/catalogue"
	"github.com/karpenter-kubeadm/karpenter-provider-aws/test/env"
)

// A view is the world at one moment, as far as the demo shows it.
type view struct {
	pods      map[corev1.PodPhase]int
	claims    []karpv1.NodeClaim
	nodes     map[string]bool // by provider id: whether Ready
	instances []env.Instance  // those that cost money
}

func look(ctx context.Context, world *env.Env, pods env.Workload) (view, error) {
	v := view{pods: map[corev1.PodPhase]int{}, nodes: map[string]bool{}}
	list, err := pods.Pods(ctx, world.Admin)
	if err != nil {
		return v, err
	}
	for i := range list {
		v.pods[list[i].Status.Phase]++
	}
	var claims karpv1.NodeClaimList
	if err := world.Admin.List(ctx, &claims); err != nil {
		return v, err
	}
	v.claims = claims.Items
	sort.Slice(v.claims, func(i, j int) bool { return v.claims[i].Name < v.claims[j].Name })
	var nodes corev1.NodeList
	if err := world.Admin.List(ctx, &nodes); err != nil {
		return v, err
	}
	for i := range nodes.Items {
		v.nodes[nodes.Items[i].Spec.ProviderID] = ready(&nodes.Items[i])
	}
	all, err := world.Instances(ctx, nil)
	for _, instance := range all {
		if instance.Alive() {
			v.instances = append(v.instances, instance)
		}
	}
	return v, err
}

func ready(node *corev1.Node) bool {
	for _, condition := range node.Status.Conditions {
		if condition.Type == corev1.NodeReady {
			return condition.Status == corev1.ConditionTrue
		}
	}
	return false
}

// price is what the running instances cost in an hour, in US dollars.
func (v view) price() float64 {
	var sum float64
	for _, instance := range v.instances {
		p, _ := catalogue.Price("ap-northeast-2", instance.Type)
		sum += p
	}
	return sum
}

// table is the view as a person reads it.
func (v view) table() string {
	var out strings.Builder
	fmt.Fprintf(&out, "pods: %d pending, %d running    instances: %d    $%.3f per hour\n\n",
		v.pods[corev1.PodPending], v.pods[corev1.PodRunning], len(v.instances), v.price())
	w := tabwriter.NewWriter(&out, 2, 0, 2, ' ', 0)
	_, _ = fmt.Fprintln(w, "NODECLAIM\tTYPE\tZONE\tINSTANCE\tSTATE\tNODE")
	for i := range v.claims {
		c := &v.claims[i]
		_, _ = fmt.Fprintf(w, "%s\t%s\t%s\t%s\t%s\t%s\n", c.Name, c.Labels[corev1.LabelInstanceTypeStable], c.Labels[corev1.LabelTopologyZone],
			instanceID(c), state(c), c.Status.NodeName)
	}
	_ = w.Flush()
	return out.String()
}

func instanceID(c *karpv1.NodeClaim) string {
	return c.Status.ProviderID[strings.LastIndex(c.Status.ProviderID, "/")+1:]
}

// state is the last condition that a claim has reached.
func state(c *karpv1.NodeClaim) string {
	if !c.DeletionTimestamp.IsZero() {
		return "Terminating"
	}
	reached := "Created"
	for _, condition := range []string{karpv1.ConditionTypeLaunched, karpv1.ConditionTypeRegistered, karpv1.ConditionTypeInitialized} {
		if !c.StatusConditions().IsTrue(condition) {
			break
		}
		reached = condition
	}
	return reached
}

// A timer measures, claim by claim, how long launches take, by watching: timestamps in
// objects are whole seconds.
type timer struct {
	created, launched map[string]time.Time
}

func newTimer() *timer {
	return &timer{created: map[string]time.Time{}, launched: map[string]time.Time{}}
}

func (t *timer) see(c *karpv1.NodeClaim) {
	now := time.Now()
	if _, seen := t.created[c.Name]; !seen {
		t.created[c.Name] = now
	}
	if _, seen := t.launched[c.Name]; !seen && c.Status.ProviderID != "" {
		t.launched[c.Name] = now
	}
}

// median returns the middle time from NodeClaim to instance id.
func (t *timer) median() time.Duration {
	all := make([]time.Duration, 0, len(t.launched))
	for name, launched := range t.launched {
		all = append(all, launched.Sub(t.created[name]))
	}
	if len(all) == 0 {
		return 0
	}
	sort.Slice(all, func(i, j int) bool { return all[i] < all[j] })
	return all[len(all)/2]
}
