package ec2

import (
	"regexp"

	"github.com/karpenter-kubeadm/karpenter-provider-aws/test/awsfake/wire"
)

// placed matches types that EC2 tells the place in its network of: accelerated and HPC ones.
var placed = regexp.MustCompile(`^(hpc|trn|p)\d`)

type topologyInput struct {
	listInput
	InstanceID []string `param:"InstanceId"`
}

// topologyOutput holds no instance: those that belong into it are not modelled.
type topologyOutput struct {
	Items     []struct{} `xml:"instanceSet>item"`
	NextToken string     `xml:"nextToken,omitempty"`
}

// describeTopology lists instances of the types that have a topology, of which the fake knows
// nothing, so that it refuses to speak of one. Others are not in the answer, as in EC2's.
func (r *region) describeTopology(c *wire.Call, in topologyInput) (*topologyOutput, error) {
	if err := permit(c, in.DryRun); err != nil {
		return nil, err
	}
	some, err := r.visibleInstances(in.InstanceID, in.Filter)
	if err != nil {
		return nil, err
	}
	for _, i := range some {
		if name := i.plan.kind.Name; placed.MatchString(name) {
			return nil, wire.Errorf("UnsupportedOperation", "The topology of instance %s, of type %s, is not modelled", i.ID, name)
		}
	}
	return &topologyOutput{}, nil
}
