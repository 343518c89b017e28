package nodepool

import (
	"fmt"
	"maps"
	"slices"
	"strings"

	corev1 "k8s.io/api/core/v1"
	karpv1 "sigs.k8s.io/karpenter/pkg/apis/v1"
	karpenter "sigs.k8s.io/karpenter/pkg/cloudprovider"
	"sigs.k8s.io/karpenter/pkg/scheduling"
)

// demand is one thing that a NodePool asks of its nodes, as the user wrote it.
type demand struct {
	field       string // where it stands
	text        string // for example "kubernetes.io/arch In [arm64]"
	key         string
	values      []string
	requirement *scheduling.Requirement
}

func (d demand) String() string { return d.field + ": " + d.text }

// demandsOf are all of a NodePool's, in the order in which they are written. Labels are
// demands too: a node must be able to bear them.
func demandsOf(pool *karpv1.NodePool) []demand {
	all := make([]demand, 0, len(pool.Spec.Template.Spec.Requirements)+len(pool.Spec.Template.Labels))
	for _, r := range pool.Spec.Template.Spec.Requirements {
		text := fmt.Sprintf("%s %s", r.Key, r.Operator)
		if len(r.Values) > 0 {
			text += " " + brief(r.Values)
		}
		all = append(all, demand{
			field: "spec.template.spec.requirements", text: text, key: r.Key, values: r.Values,
			requirement: scheduling.NewRequirementWithFlexibility(r.Key, r.Operator, r.MinValues, r.Values...),
		})
	}
	for _, key := range slices.Sorted(maps.Keys(pool.Spec.Template.Labels)) {
		value := pool.Spec.Template.Labels[key]
		all = append(all, demand{
			field: "spec.template.metadata.labels", text: key + ": " + value, key: key, values: []string{value},
			requirement: scheduling.NewRequirement(key, corev1.NodeSelectorOpIn, value),
		})
	}
	return all
}

// requirementsOf are demands as Karpenter plans with them.
func requirementsOf(demands []demand) scheduling.Requirements {
	all := scheduling.NewRequirements()
	for _, d := range demands {
		all.Add(d.requirement)
	}
	return all
}

// meeting returns the types that meet demands with at least one offering that is wanted, by
// the rules of Karpenter's scheduler.
func meeting(types []*karpenter.InstanceType, demands []demand, wanted func(*karpenter.Offering) bool) karpenter.InstanceTypes {
	reqs := requirementsOf(demands)
	var met karpenter.InstanceTypes
	for _, t := range types {
		if t.Requirements.Intersects(reqs) == nil && slices.ContainsFunc(t.Offerings, func(o *karpenter.Offering) bool {
			return wanted(o) && reqs.IsCompatible(o.Requirements, scheduling.AllowUndefinedWellKnownLabels)
		}) {
			met = append(met, t)
		}
	}
	return met
}

func whatever(*karpenter.Offering) bool { return true }

func meets(types []*karpenter.InstanceType, demands []demand) bool {
	return len(meeting(types, demands, whatever)) > 0
}

// shown is how many values a message lists.
const shown = 8

// brief lists values, the first few of many.
func brief(values []string) string {
	if len(values) <= shown {
		return "[" + strings.Join(values, ", ") + "]"
	}
	return fmt.Sprintf("[%s and %d others]", strings.Join(values[:shown], ", "), len(values)-shown)
}
