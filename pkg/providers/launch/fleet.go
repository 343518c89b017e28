package launch

import (
	"github.com/aws/aws-sdk-go-v2/aws"
	"github.com/aws/aws-sdk-go-v2/service/ec2"
	ec2types "github.com/aws/aws-sdk-go-v2/service/ec2/types"
	"github.com/samber/lo"
	"k8s.io/apimachinery/pkg/types"
	karpv1 "sigs.k8s.io/karpenter/pkg/apis/v1"

	v1 "github.com/karpenter-kubeadm/karpenter-provider-aws/pkg/apis/v1"
)

// attempt is the number'th try to launch claim.
type attempt struct {
	claim  types.UID
	number int
}

// newFleet returns the call that asks EC2 for one instance for each of claims, from any of
// req's pools for which there is a subnet in zones. It has no client token yet, and no
// template configuration when there is no such pool.
func newFleet(req Request, contents []content, zones map[string]string, claims []types.UID) *ec2.CreateFleetInput {
	tags := ownTags(req)
	tags[v1.LaunchClaimsTagKey] = claimsTag(claims)
	input := &ec2.CreateFleetInput{
		Type: ec2types.FleetTypeInstant,
		TargetCapacitySpecification: &ec2types.TargetCapacitySpecificationRequest{
			TotalTargetCapacity:       aws.Int32(int32(len(claims))),
			DefaultTargetCapacityType: targetType(req.CapacityType),
		},
		TagSpecifications: []ec2types.TagSpecification{
			{ResourceType: ec2types.ResourceTypeInstance, Tags: tagList(tags)},
			{ResourceType: ec2types.ResourceTypeVolume, Tags: tagList(tags)},
			{ResourceType: ec2types.ResourceTypeFleet, Tags: tagList(tags)},
		},
	}
	for _, pair := range lo.Zip2(req.Groups, contents) { // contents are the groups' templates, in their order
		if overrides := newOverrides(pair.A, zones); len(overrides) > 0 {
			input.LaunchTemplateConfigs = append(input.LaunchTemplateConfigs, ec2types.FleetLaunchTemplateConfigRequest{
				LaunchTemplateSpecification: &ec2types.FleetLaunchTemplateSpecificationRequest{
					LaunchTemplateName: aws.String(pair.B.name), Version: aws.String("$Latest"),
				},
				Overrides: overrides,
			})
		}
	}
	if req.Context != "" {
		input.Context = aws.String(req.Context)
	}
	setStrategy(input, req)
	return input
}

// newOverrides leaves out pools in zones without a subnet.
func newOverrides(group Group, zones map[string]string) []ec2types.FleetLaunchTemplateOverridesRequest {
	var overrides []ec2types.FleetLaunchTemplateOverridesRequest
	for _, offer := range group.Offers {
		subnet, ok := zones[offer.Pool.Zone]
		if !ok {
			continue
		}
		overrides = append(overrides, ec2types.FleetLaunchTemplateOverridesRequest{
			InstanceType: ec2types.InstanceType(offer.Pool.InstanceType),
			SubnetId:     aws.String(subnet),
			ImageId:      aws.String(group.Template.ImageID),
			// The subnet implies the zone; EC2 repeats it in its answer, which names no pool otherwise.
			AvailabilityZone: aws.String(offer.Pool.Zone),
			Priority:         aws.Float64(offer.Price),
		})
	}
	return overrides
}

func targetType(capacityType string) ec2types.DefaultTargetCapacityType {
	if capacityType == karpv1.CapacityTypeSpot {
		return ec2types.DefaultTargetCapacityTypeSpot
	}
	return ec2types.DefaultTargetCapacityTypeOnDemand
}

// setStrategy says how EC2 chooses among the pools: by its own prices, and for spot by how
// likely a pool is to be reclaimed too; by ours where those are not EC2's.
func setStrategy(input *ec2.CreateFleetInput, req Request) {
	if req.CapacityType == karpv1.CapacityTypeSpot {
		strategy := ec2types.SpotAllocationStrategyPriceCapacityOptimized
		if req.Prioritized {
			strategy = ec2types.SpotAllocationStrategyCapacityOptimizedPrioritized
		}
		input.SpotOptions = &ec2types.SpotOptionsRequest{AllocationStrategy: strategy}
		return
	}
	strategy := ec2types.FleetOnDemandAllocationStrategyLowestPrice
	if req.Prioritized {
		strategy = ec2types.FleetOnDemandAllocationStrategyPrioritized
	}
	input.OnDemandOptions = &ec2types.OnDemandOptionsRequest{AllocationStrategy: strategy}
}
