package options

import (
	"fmt"
	"slices"

	cliflag "k8s.io/component-base/cli/flag"
)

// Gates are the AWS provider's features that can be turned on. All are off by default, and
// only RebootForRepair has an effect here yet; the others are known so that an
// installation which names them starts.
type Gates struct {
	NodeClassCEL    bool
	DRANVIDIAGPU    bool
	DRAEFA          bool
	RebootForRepair bool
}

func gateNames() []string {
	return []string{"NodeClassCEL", "DRANVIDIAGPU", "DRAEFA", "RebootForRepair"}
}

// parseGates ignores gates that it does not know, as core does, so that one set of values
// fits several versions.
func parseGates(text string) (Gates, error) {
	values := map[string]bool{}
	if err := cliflag.NewMapStringBool(&values).Set(text); err != nil {
		return Gates{}, fmt.Errorf("--aws-feature-gates (AWS_FEATURE_GATES) must be NAME=true or NAME=false, separated by commas, not %q: %w", text, err)
	}
	return Gates{
		NodeClassCEL:    values["NodeClassCEL"],
		DRANVIDIAGPU:    values["DRANVIDIAGPU"],
		DRAEFA:          values["DRAEFA"],
		RebootForRepair: values["RebootForRepair"],
	}, nil
}

// Unsupported returns the gates that are on and have no effect.
func (g Gates) Unsupported() []string {
	on := []bool{g.NodeClassCEL, g.DRANVIDIAGPU, g.DRAEFA, false}
	names := gateNames()
	return slices.DeleteFunc(names, func(name string) bool { return !on[slices.Index(gateNames(), name)] })
}
