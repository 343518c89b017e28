package nodepool

import (
	"cmp"
	"fmt"
	"maps"
	"slices"
	"strconv"
	"strings"

	"github.com/samber/lo"
	"k8s.io/apimachinery/pkg/util/sets"
	karpv1 "sigs.k8s.io/karpenter/pkg/apis/v1"
	karpenter "sigs.k8s.io/karpenter/pkg/cloudprovider"
)

// fault is why nothing can be launched for a NodePool. The zero value is that something can.
type fault struct {
	reason  string // CamelCase, of the event
	message string
}

// explain finds what keeps every one of types, which are those of the NodePool's class, from
// being launched. It names a requirement that excludes all by itself, else a combination from
// which none can be left out, else minValues unless they are relaxed, else that EC2 has no room.
func explain(pool *karpv1.NodePool, types []*karpenter.InstanceType, relaxMinValues bool) fault {
	demands, class := demandsOf(pool), pool.Spec.Template.Spec.NodeClassRef.Name
	met := meeting(types, demands, whatever)
	switch {
	case len(types) == 0:
		return fault{"NoInstanceTypes", fmt.Sprintf("EC2 offers no instance type in the zones of EC2NodeClass %s; see its status.subnets, and choose others with spec.subnetSelectorTerms", class)}
	case len(met) == 0:
		return unmet(types, demands, class)
	}
	available := meeting(types, demands, (*karpenter.Offering).Launchable)
	if len(available) == 0 {
		return fault{"NoOfferingAvailable", fmt.Sprintf(
			"%d instance types of EC2NodeClass %s meet the requirements, but EC2 had no capacity for any of them lately; they are asked for again within minutes. Allow more types, zones or capacity types to depend on it less", len(met), class)}
	}
	if relaxMinValues {
		return fault{}
	}
	return tooFewValues(available, demands, class)
}

// unmet says which of demands, that no type meets all, are in the way.
func unmet(types []*karpenter.InstanceType, demands []demand, class string) fault {
	var alone []string
	for _, d := range demands {
		if !meets(types, []demand{d}) {
			alone = append(alone, fmt.Sprintf("%s is met by no instance type of EC2NodeClass %s; %s", d, class, instead(types, d)))
		}
	}
	if len(alone) > 0 {
		return fault{"RequirementsNotMet", strings.Join(alone, ". ")}
	}
	together := smallest(types, demands)
	others, last := together[:len(together)-1], together[len(together)-1]
	return fault{"RequirementsNotMet", fmt.Sprintf("%s: each is met by instance types of EC2NodeClass %s, but no type meets all; of those that meet the others for the last, %s",
		strings.Join(lo.Map(together, func(d demand, _ int) string { return d.String() }), " and "), class, instead(meeting(types, others, whatever), last))}
}

// smallest leaves out of demands, which no type meets together, what does not matter.
func smallest(types []*karpenter.InstanceType, demands []demand) []demand {
	left := slices.Clone(demands)
	for n := len(left) - 1; n >= 0; n-- {
		if without := slices.Delete(slices.Clone(left), n, n+1); !meets(types, without) {
			left = without
		}
	}
	return left
}

// instead says which values of d's key types have.
func instead(types []*karpenter.InstanceType, d demand) string {
	values := sets.New[string]()
	for _, t := range types {
		values.Insert(t.Requirements.Get(d.key).Values()...)
		for _, o := range t.Offerings {
			values.Insert(o.Requirements.Get(d.key).Values()...)
		}
	}
	if len(values) == 0 {
		return "none of them has this label"
	}
	return d.key + " is " + ranked(sets.List(values), d.values)
}

// ranked lists values: numbers by their range, text with what looks most like wanted first.
func ranked(values, wanted []string) string {
	numbers := lo.FilterMap(values, func(v string, _ int) (int, bool) { n, err := strconv.Atoi(v); return n, err == nil })
	if len(numbers) == len(values) && len(values) > shown {
		return fmt.Sprintf("from %d to %d", slices.Min(numbers), slices.Max(numbers))
	}
	likeness := func(value string) int {
		return lo.Max(lo.Map(wanted, func(w string, _ int) int { return commonPrefix(value, w) }))
	}
	slices.SortStableFunc(values, func(a, b string) int { return cmp.Compare(likeness(b), likeness(a)) })
	return brief(values)
}

func commonPrefix(a, b string) int {
	n := 0
	for n < len(a) && n < len(b) && a[n] == b[n] {
		n++
	}
	return n
}

// tooFewValues says for which keys types have fewer values than minValues asks for.
func tooFewValues(types karpenter.InstanceTypes, demands []demand, class string) fault {
	reqs := requirementsOf(demands)
	_, few, err := types.SatisfiesMinValues(reqs)
	if err == nil {
		return fault{}
	}
	var all []string
	for _, key := range slices.Sorted(maps.Keys(few)) {
		all = append(all, fmt.Sprintf("minValues %d of %s, of which there are %d", lo.FromPtr(reqs.Get(key).MinValues()), key, few[key]))
	}
	return fault{"MinValuesNotMet", fmt.Sprintf("spec.template.spec.requirements: the %d instance types of EC2NodeClass %s that meet the requirements and are available now have too few values for %s; lower minValues or allow more",
		len(types), class, strings.Join(all, ", and for "))}
}
