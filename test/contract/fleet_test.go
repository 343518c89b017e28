package contract_test

import (
	"context"
	"strings"

	"github.com/aws/aws-sdk-go-v2/aws"
	"github.com/aws/aws-sdk-go-v2/service/ec2"
	ec2types "github.com/aws/aws-sdk-go-v2/service/ec2/types"
	. "github.com/onsi/gomega"
	"github.com/samber/lo"
)

// fleetContracts are about what a fleet launches.
func fleetContracts() []contract {
	return []contract{
		{"an instant fleet launches as many as it is told to", fleetLaunches},
		{"an override decides type, subnet and image", fleetOverride},
		{"a fleet's instances bear its tags from the start", fleetTags},
		{"a fleet's volumes bear its tags", fleetVolumeTags},
		{"a fleet's instances have the template's security groups", fleetGroups},
		{"a fleet's instances have the template's instance profile", fleetProfile},
		{"a fleet's instances have the template's volume", fleetVolume},
		{"a fleet's instances have the template's metadata options", fleetMetadata},
		{"a fleet's instances have the template's user data", fleetUserData},
		{"a fleet's instances are named for their address and region", fleetNames},
		{"a spot fleet launches spot instances", fleetSpot},
		{"lowest-price takes the cheapest pool, wherever it is listed", fleetCheapest},
		{"prioritized takes the pool of the lowest number", fleetPrioritized},
		{"a dry run of CreateFleet launches nothing", fleetDryRun},
	}
}

func fleetLaunches(ctx context.Context, g Gomega, a *account) {
	for _, i := range a.start(ctx, g, 3) {
		g.Expect(i.InstanceType).To(Equal(ec2types.InstanceType(small)))
		g.Expect(*i.SubnetId).To(Equal(*a.subnets[0].SubnetId))
		g.Expect(*i.VpcId).To(Equal(a.vpc))
		g.Expect(*i.Placement.AvailabilityZone).To(Equal(*a.subnets[0].AvailabilityZone))
		g.Expect(*i.PrivateIpAddress).To(HavePrefix("10.40.0."))
		g.Expect(i.LaunchTime.After(a.now().Add(-patience))).To(BeTrue())
		a.eventually(ctx, g, *i.InstanceId, ec2types.InstanceStateNameRunning)
	}
}

func fleetOverride(ctx context.Context, g Gomega, a *account) {
	got := a.start(ctx, g, 1, func(input *ec2.CreateFleetInput) {
		override := in(a.subnets[1], large)
		override.ImageId = &a.image
		input.LaunchTemplateConfigs[0].Overrides = []ec2types.FleetLaunchTemplateOverridesRequest{override}
	})[0]
	g.Expect(got.InstanceType).To(Equal(ec2types.InstanceType(large)))
	g.Expect(*got.SubnetId).To(Equal(*a.subnets[1].SubnetId))
	g.Expect(*got.Placement.AvailabilityZone).To(Equal(*a.subnets[1].AvailabilityZone))
	g.Expect(*got.ImageId).To(Equal(a.image))
}

func fleetTags(ctx context.Context, g Gomega, a *account) {
	mark := a.name("mark")
	got := a.start(ctx, g, 2, func(input *ec2.CreateFleetInput) { input.TagSpecifications[0].Tags = a.tags("mark", mark) })
	for _, i := range got {
		g.Expect(tagMap(i.Tags)).To(Equal(map[string]string{runTag: a.run, "mark": mark}))
	}
	g.Expect(a.instances(ctx, g, where("tag:mark", mark)...)).To(HaveLen(2))
}

func (a *account) volumes(ctx context.Context, g Gomega, instance string) []ec2types.Volume {
	out, err := a.ec2.DescribeVolumes(ctx, &ec2.DescribeVolumesInput{Filters: where("attachment.instance-id", instance)})
	g.Expect(err).NotTo(HaveOccurred())
	return out.Volumes
}

func fleetVolumeTags(ctx context.Context, g Gomega, a *account) {
	mark := a.name("mark")
	got := a.start(ctx, g, 1, func(input *ec2.CreateFleetInput) { input.TagSpecifications[1].Tags = a.tags("mark", mark) })[0]
	volumes := a.volumes(ctx, g, *got.InstanceId)
	g.Expect(volumes).To(HaveLen(1))
	g.Expect(tagMap(volumes[0].Tags)).To(HaveKeyWithValue("mark", mark), "the volume's tags")
}

func fleetGroups(ctx context.Context, g Gomega, a *account) {
	groups := lo.Map(a.start(ctx, g, 1)[0].SecurityGroups, func(s ec2types.GroupIdentifier, _ int) string { return *s.GroupId })
	g.Expect(groups).To(Equal([]string{a.group}), "the instance's security groups")
}

func fleetProfile(ctx context.Context, g Gomega, a *account) {
	got := a.start(ctx, g, 1)[0].IamInstanceProfile
	g.Expect(got).NotTo(BeNil(), "the instance's profile")
	g.Expect(*got.Arn).To(HaveSuffix("/" + a.profile))
}

func fleetVolume(ctx context.Context, g Gomega, a *account) {
	volumes := a.volumes(ctx, g, *a.start(ctx, g, 1)[0].InstanceId)
	g.Expect(volumes).To(HaveLen(1))
	g.Expect(*volumes[0].Size).To(BeEquivalentTo(33), "the volume's size")
	g.Expect(volumes[0].VolumeType).To(Equal(ec2types.VolumeTypeGp3))
}

func fleetMetadata(ctx context.Context, g Gomega, a *account) {
	got := a.start(ctx, g, 1)[0].MetadataOptions
	g.Expect(got.HttpTokens).To(Equal(ec2types.HttpTokensStateRequired), "the instance's metadata options")
	g.Expect(*got.HttpPutResponseHopLimit).To(BeEquivalentTo(2))
}

func fleetUserData(ctx context.Context, g Gomega, a *account) {
	g.Expect(a.userData(ctx, g, *a.start(ctx, g, 1)[0].InstanceId)).To(Equal(script))
}

func fleetNames(ctx context.Context, g Gomega, a *account) {
	got := a.start(ctx, g, 1)[0]
	domain := a.cfg.Region + ".compute.internal"
	if a.cfg.Region == "us-east-1" {
		domain = "ec2.internal"
	}
	g.Expect(*got.PrivateDnsName).To(Equal("ip-" + strings.ReplaceAll(*got.PrivateIpAddress, ".", "-") + "." + domain))
}

func fleetSpot(ctx context.Context, g Gomega, a *account) {
	got := a.start(ctx, g, 1, func(input *ec2.CreateFleetInput) {
		input.OnDemandOptions = nil
		input.SpotOptions = &ec2types.SpotOptionsRequest{AllocationStrategy: ec2types.SpotAllocationStrategyPriceCapacityOptimized}
		input.TargetCapacitySpecification.DefaultTargetCapacityType = ec2types.DefaultTargetCapacityTypeSpot
	})[0]
	g.Expect(got.InstanceLifecycle).To(Equal(ec2types.InstanceLifecycleTypeSpot))
	g.Expect(aws.ToString(got.SpotInstanceRequestId)).To(HavePrefix("sir-"), "the spot request")
	found := a.instances(ctx, g, append(where("instance-lifecycle", "spot"), where("instance-id", *got.InstanceId)...)...)
	g.Expect(found).To(HaveLen(1))
}

func fleetCheapest(ctx context.Context, g Gomega, a *account) {
	got := a.start(ctx, g, 1, func(input *ec2.CreateFleetInput) {
		input.LaunchTemplateConfigs[0].Overrides = []ec2types.FleetLaunchTemplateOverridesRequest{in(a.subnets[0], large), in(a.subnets[0], small)}
	})[0]
	g.Expect(got.InstanceType).To(Equal(ec2types.InstanceType(small)), "the cheaper type")
}

func fleetPrioritized(ctx context.Context, g Gomega, a *account) {
	got := a.start(ctx, g, 1, func(input *ec2.CreateFleetInput) {
		input.OnDemandOptions.AllocationStrategy = ec2types.FleetOnDemandAllocationStrategyPrioritized
		last, first := in(a.subnets[0], small), in(a.subnets[0], large)
		last.Priority, first.Priority = aws.Float64(2), aws.Float64(1)
		input.LaunchTemplateConfigs[0].Overrides = []ec2types.FleetLaunchTemplateOverridesRequest{last, first}
	})[0]
	g.Expect(got.InstanceType).To(Equal(ec2types.InstanceType(large)), "the type of priority 1")
}

func fleetDryRun(ctx context.Context, g Gomega, a *account) {
	mark := a.name("mark")
	input := a.fleet(a.newTemplate(ctx, g), mark, 1)
	input.DryRun = aws.Bool(true)
	_, err := a.ec2.CreateFleet(ctx, input)
	g.Expect(err).To(code("DryRunOperation"))
	g.Expect(a.marked(ctx, g, mark)).To(BeEmpty())
}
