package cloudprovider

import (
	"fmt"
	"slices"
	"strings"

	"github.com/samber/lo"
	karpenter "sigs.k8s.io/karpenter/pkg/cloudprovider"

	v1 "github.com/karpenter-kubeadm/karpenter-provider-aws/pkg/apis/v1"
)

// noImage says why none of the class's images is for any candidate of o.
func noImage(o order) error {
	types := lo.Map(o.choice.candidates, func(c candidate, _ int) string { return c.it.Name })
	named := strings.Join(types[:min(3, len(types))], ", ")
	if len(types) > 3 {
		named += ", ..."
	}
	err := fmt.Errorf("no image in the status of EC2NodeClass %s runs on any of %d instance types (%s)", o.class.Name, len(types), named)
	if lo.EveryBy(o.choice.candidates, func(c candidate) bool { return needsDriver(c.it) }) {
		return fmt.Errorf("%w: they have GPUs or accelerators, and the images that amiFamily %s or its alias stands for come without drivers; "+
			"select an image by id, name, tags or ssmParameter in spec.amiSelectorTerms, where any is taken to have what it needs", err, o.class.AMIFamily())
	}
	return err
}

// needsDriver reports whether it has what images without drivers are kept from.
func needsDriver(it *karpenter.InstanceType) bool {
	return slices.ContainsFunc([]string{v1.LabelInstanceGPUCount, v1.LabelInstanceAcceleratorCount}, func(label string) bool {
		return it.Requirements.Has(label) && it.Requirements.Get(label).Len() > 0
	})
}
