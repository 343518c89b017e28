package contract_test

import (
	"context"

	"github.com/aws/aws-sdk-go-v2/aws"
	"github.com/aws/aws-sdk-go-v2/service/ec2"
	ec2types "github.com/aws/aws-sdk-go-v2/service/ec2/types"
	. "github.com/onsi/gomega"
	"github.com/samber/lo"
)

// fleetAnswerContracts are about what a fleet says, of what it launched and what it did not.
func fleetAnswerContracts() []contract {
	return []contract{
		{"a fleet's answer says which override each instance came from", fleetSaysPlace},
		{"a fleet's answer has one item for a pool, with all its ids", fleetGroupsAnswer},
		{"a fleet with a token used before launches nothing and answers the same", fleetToken},
		{"a token used before with other parameters is refused", fleetTokenReused},
		{"a pool that cannot start is among the errors, and another serves", fleetMixed},
		{"a type that the image does not run on is among the errors", fleetArchitecture},
		{"a subnet without addresses is among the errors, and what fits is launched", fleetFullSubnet},
		{"an unknown subnet is among the errors", fleetUnknownSubnet},
		{"an unknown instance profile is among the errors", fleetUnknownProfile},
		{"an unknown template fails the whole call", fleetUnknownTemplate},
	}
}

func fleetSaysPlace(ctx context.Context, g Gomega, a *account) {
	template := a.newTemplate(ctx, g)
	out, err := a.ec2.CreateFleet(ctx, a.fleet(template, a.name("mark"), 1, in(a.subnets[1], large)))
	g.Expect(err).NotTo(HaveOccurred())
	g.Expect(out.Errors).To(BeEmpty())
	g.Expect(out.Instances).To(HaveLen(1))
	got := out.Instances[0]
	g.Expect(got.InstanceType).To(Equal(ec2types.InstanceType(large)))
	g.Expect(got.Lifecycle).To(Equal(ec2types.InstanceLifecycleOnDemand))
	g.Expect(*got.LaunchTemplateAndOverrides.Overrides.SubnetId).To(Equal(*a.subnets[1].SubnetId))
	g.Expect(got.LaunchTemplateAndOverrides.Overrides.InstanceType).To(Equal(ec2types.InstanceType(large)))
	g.Expect(a.instances(ctx, g, where("instance-id", got.InstanceIds...)...)).To(HaveLen(1))
}

func fleetGroupsAnswer(ctx context.Context, g Gomega, a *account) {
	mark := a.name("mark")
	out, err := a.ec2.CreateFleet(ctx, a.fleet(a.newTemplate(ctx, g), mark, 3))
	g.Expect(err).NotTo(HaveOccurred())
	g.Expect(a.marked(ctx, g, mark)).To(HaveLen(3))
	g.Expect(out.Instances).To(HaveLen(1), "one item for one pool")
	g.Expect(out.Instances[0].InstanceIds).To(HaveLen(3))
}

func fleetToken(ctx context.Context, g Gomega, a *account) {
	mark := a.name("mark")
	input := a.fleet(a.newTemplate(ctx, g), mark, 1)
	input.ClientToken = aws.String(a.name("token"))
	first, err := a.ec2.CreateFleet(ctx, input)
	g.Expect(err).NotTo(HaveOccurred())
	again, err := a.ec2.CreateFleet(ctx, input)
	g.Expect(err).NotTo(HaveOccurred())
	g.Expect(a.marked(ctx, g, mark)).To(HaveLen(1), "instances of two calls with one token")
	g.Expect(idsOf(again)).To(Equal(idsOf(first)))
	g.Expect(*again.FleetId).To(Equal(*first.FleetId))
}

func fleetTokenReused(ctx context.Context, g Gomega, a *account) {
	mark := a.name("mark")
	input := a.fleet(a.newTemplate(ctx, g), mark, 1)
	input.ClientToken = aws.String(a.name("token"))
	_, err := a.ec2.CreateFleet(ctx, input)
	g.Expect(err).NotTo(HaveOccurred())
	input.TargetCapacitySpecification.TotalTargetCapacity = aws.Int32(2)
	_, err = a.ec2.CreateFleet(ctx, input)
	g.Expect(err).To(code("IdempotentParameterMismatch"))
	g.Expect(a.marked(ctx, g, mark)).To(HaveLen(1))
}

// refused runs a fleet of which nothing can start, and returns the errors that it lists.
func (a *account) refused(ctx context.Context, g Gomega, input *ec2.CreateFleetInput) []string {
	out, err := a.ec2.CreateFleet(ctx, input)
	g.Expect(err).NotTo(HaveOccurred(), "a call whose pools are refused")
	g.Expect(idsOf(out)).To(BeEmpty(), "instances of pools that must be refused")
	mark := input.TagSpecifications[0].Tags[1].Value
	g.Expect(a.marked(ctx, g, *mark)).To(BeEmpty())
	return lo.Uniq(lo.Map(out.Errors, func(e ec2types.CreateFleetError, _ int) string { return *e.ErrorCode }))
}

func fleetMixed(ctx context.Context, g Gomega, a *account) {
	mark := a.name("mark")
	input := a.fleet(a.newTemplate(ctx, g), mark, 1, in(a.subnets[0], arm), in(a.subnets[0], large))
	input.OnDemandOptions.AllocationStrategy = ec2types.FleetOnDemandAllocationStrategyPrioritized
	input.LaunchTemplateConfigs[0].Overrides[0].Priority = aws.Float64(1)
	input.LaunchTemplateConfigs[0].Overrides[1].Priority = aws.Float64(2)
	out, err := a.ec2.CreateFleet(ctx, input)
	g.Expect(err).NotTo(HaveOccurred())
	started := a.marked(ctx, g, mark)
	g.Expect(started).To(HaveLen(1))
	g.Expect(started[0].InstanceType).To(Equal(ec2types.InstanceType(large)), "the type that can start")
	g.Expect(out.Errors).To(HaveLen(1))
	g.Expect(out.Errors[0].LaunchTemplateAndOverrides.Overrides.InstanceType).To(Equal(ec2types.InstanceType(arm)))
}

func fleetArchitecture(ctx context.Context, g Gomega, a *account) {
	g.Expect(a.refused(ctx, g, a.fleet(a.newTemplate(ctx, g), a.name("mark"), 1, in(a.subnets[0], arm)))).To(Equal([]string{"InvalidParameterValue"}))
}

func fleetFullSubnet(ctx context.Context, g Gomega, a *account) {
	vpc, mark := a.newVpc(ctx, g, "10.53.0.0/24"), a.name("mark")
	tiny := a.newSubnet(ctx, g, vpc, *a.subnets[0].AvailabilityZone, "10.53.0.0/28") // 11 addresses
	group := a.newGroup(ctx, g, vpc, a.name("group"))
	template := a.newTemplate(ctx, g, func(in *ec2.CreateLaunchTemplateInput) {
		in.LaunchTemplateData.NetworkInterfaces[0].Groups = []string{group}
	})
	out, err := a.ec2.CreateFleet(ctx, a.fleet(template, mark, 13, in(tiny, small)))
	g.Expect(err).NotTo(HaveOccurred())
	g.Expect(a.marked(ctx, g, mark)).To(HaveLen(11), "instances in a subnet of 11 addresses")
	g.Expect(out.Errors).To(ContainElement(HaveField("ErrorCode", aws.String("InsufficientFreeAddressesInSubnet"))))
	subnets, err := a.ec2.DescribeSubnets(ctx, &ec2.DescribeSubnetsInput{SubnetIds: []string{*tiny.SubnetId}})
	g.Expect(err).NotTo(HaveOccurred())
	g.Expect(*subnets.Subnets[0].AvailableIpAddressCount).To(BeZero())
}

func fleetUnknownSubnet(ctx context.Context, g Gomega, a *account) {
	absent := ec2types.Subnet{SubnetId: aws.String("subnet-0123456789abcdef0")}
	g.Expect(a.refused(ctx, g, a.fleet(a.newTemplate(ctx, g), a.name("mark"), 1, in(absent, small)))).To(Equal([]string{"InvalidSubnetID.NotFound"}))
}

func fleetUnknownProfile(ctx context.Context, g Gomega, a *account) {
	template := a.newTemplate(ctx, g, func(in *ec2.CreateLaunchTemplateInput) {
		in.LaunchTemplateData.IamInstanceProfile.Name = aws.String(a.name("absent"))
	})
	g.Expect(a.refused(ctx, g, a.fleet(template, a.name("mark"), 1))).To(Equal([]string{"InvalidParameterValue"}))
}

func fleetUnknownTemplate(ctx context.Context, g Gomega, a *account) {
	mark := a.name("mark")
	_, err := a.ec2.CreateFleet(ctx, a.fleet(a.name("absent"), mark, 1))
	g.Expect(err).To(code("InvalidLaunchTemplateName.NotFoundException"))
	g.Expect(a.marked(ctx, g, mark)).To(BeEmpty())
}
