package cloudprovider

import (
	"context"
	"errors"
	"fmt"

	karpv1 "sigs.k8s.io/karpenter/pkg/apis/v1"

	v1 "github.com/karpenter-kubeadm/karpenter-provider-aws/pkg/apis/v1"
	"github.com/karpenter-kubeadm/karpenter-provider-aws/pkg/providers/launch"
)

// DryRun asks EC2 whether the controller may launch nodes of class, with the cheapest type
// that can be had. It returns nil where no type can: that is not for want of permission.
func (c *CloudProvider) DryRun(ctx context.Context, class *v1.EC2NodeClass) error {
	types, err := c.Types.InstanceTypes(ctx, class)
	if err != nil {
		return fmt.Errorf("resolving instance types: %w", err)
	}
	anyone := &karpv1.NodeClaim{}
	anyone.Labels = map[string]string{karpv1.NodePoolLabelKey: "dry-run"} // policies ask that there is a value
	chosen, err := choose(anyone, types, true)
	if errors.Is(err, errNothingFits) {
		return nil
	}
	if err != nil {
		return err
	}
	where, err := c.Clusters.Get(ctx)
	if err != nil {
		return fmt.Errorf("reading which cluster this is: %w", err)
	}
	chosen.capacityType = karpv1.CapacityTypeOnDemand // the permissions are the same
	o := order{claim: anyone, class: class, cluster: where, choice: chosen}
	for n, cheap := range chosen.candidates {
		image, ok := imageFor(cheap.it, class.Status.AMIs)
		if !ok {
			continue
		}
		group := launch.Group{
			Template: newTemplate(o, lot{image: image}, c.config.ReservedCapacity),
			Offers:   offers(chosen.candidates[n : n+1]),
		}
		return c.Launcher.DryRun(ctx, newRequest(anyone, class, where, []launch.Group{group}, chosen.capacityType))
	}
	return nil
}
