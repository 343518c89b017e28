package main

import (
	"fmt"
	"strings"

	"github.com/karpenter-kubeadm/karpenter-provider-aws/pkg/apis"
	v1 "github.com/karpenter-kubeadm/karpenter-provider-aws/pkg/apis/v1"
)

// guarded is a place in one of core's CRDs where users write label keys.
type guarded struct {
	file    string
	path    []string // from openAPIV3Schema
	subject string   // CEL for what is compared: the key itself, or each key of a map
	allowed []string
}

// guardLabelDomain adds to core's definitions the rule that keys in our domain are ones
// that instance types have. Without it a typo there selects nothing, silently.
func guardLabelDomain(crds map[string]map[string]any) error {
	labels := providerLabels()
	requirementKey := []string{"requirements", "items", "key"}
	places := []guarded{
		{"karpenter.sh_nodepools.yaml", []string{"spec", "template", "metadata", "labels"}, "map", labels},
		{"karpenter.sh_nodepools.yaml", append([]string{"spec", "template", "spec"}, requirementKey...), "key", labels},
		{"karpenter.sh_nodeclaims.yaml", append([]string{"spec"}, requirementKey...), "key", labels},
		{"karpenter.sh_nodeoverlays.yaml", append([]string{"spec"}, requirementKey...), "key", overlayLabels(labels)},
	}
	for _, place := range places {
		crd, exists := crds[place.file]
		if !exists {
			return fmt.Errorf("core has no %s", place.file)
		}
		if err := place.guard(crd); err != nil {
			return fmt.Errorf("guarding labels in %s: %w", place.file, err)
		}
	}
	return nil
}

// guard appends the rule to the schema of every version of crd.
func (g guarded) guard(crd map[string]any) error {
	spec, _ := crd["spec"].(map[string]any)
	versions, _ := spec["versions"].([]any)
	if len(versions) == 0 {
		return fmt.Errorf("it has no versions")
	}
	for _, version := range versions {
		schema, err := descend(version, append([]string{"schema", "openAPIV3Schema"}, g.path...))
		if err != nil {
			return err
		}
		rules, _ := schema["x-kubernetes-validations"].([]any)
		schema["x-kubernetes-validations"] = append(rules, map[string]any{
			"message": fmt.Sprintf("label domain %q is restricted to the labels that instance types have", apis.Group),
			"rule":    g.rule(),
		})
	}
	return nil
}

func (g guarded) rule() string {
	quoted := `"` + strings.Join(g.allowed, `", "`) + `"`
	rule := func(key string) string {
		return fmt.Sprintf(`%[1]s in [%[2]s] || !%[1]s.find("^([^/]+)").endsWith(%[3]q)`, key, quoted, apis.Group)
	}
	if g.subject == "map" {
		return "self.all(k, " + rule("k") + ")"
	}
	return rule("self")
}

// descend follows path through a schema. A name is a property, but for "items" and the
// first two, which are fields of the schema itself.
func descend(at any, path []string) (map[string]any, error) {
	schema, _ := at.(map[string]any)
	for i, name := range path {
		next := schema
		if i >= 2 && name != "items" {
			next, _ = schema["properties"].(map[string]any)
		}
		child, ok := next[name].(map[string]any)
		if !ok {
			return nil, fmt.Errorf("no schema at %s", strings.Join(path[:i+1], "."))
		}
		schema = child
	}
	return schema, nil
}

// providerLabels are the labels of our domain that users may name.
func providerLabels() []string {
	labels := []string{v1.LabelNodeClass}
	for _, label := range v1.GetWellKnown().Labels {
		if strings.HasPrefix(label, apis.Group+"/") {
			labels = append(labels, label)
		}
	}
	return labels
}

// overlayLabels are those that a NodeOverlay may name: it speaks of instance types, not of
// how one launch is placed.
func overlayLabels(labels []string) []string {
	var kept []string
	for _, label := range labels {
		switch label {
		case v1.LabelInstanceTenancy, v1.LabelPlacementGroupID, v1.LabelPlacementGroupPartition,
			v1.LabelCapacityReservationID, v1.LabelCapacityReservationType, v1.LabelCapacityReservationInterruptible:
		default:
			kept = append(kept, label)
		}
	}
	return kept
}
