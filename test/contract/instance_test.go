package contract_test

import (
	"context"
	"encoding/base64"

	"github.com/aws/aws-sdk-go-v2/aws"
	"github.com/aws/aws-sdk-go-v2/service/ec2"
	ec2types "github.com/aws/aws-sdk-go-v2/service/ec2/types"
	. "github.com/onsi/gomega"
	"github.com/samber/lo"
)

// instanceContracts are about asking for instances.
func instanceContracts() []contract {
	return []contract{
		{"instances are found by filters, all of which must match", instanceFilters},
		{"instances come in pages", instancePages},
		{"an unknown instance is InvalidInstanceID.NotFound", unknownInstance},
		{"a filter for an unknown instance finds the others", unknownInstanceByFilter},
		{"what is no instance id is InvalidInstanceID.Malformed", malformedInstance},
		{"ids and a page size are refused together", idsAndPages},
		{"an instance's status is described", instanceStatus},
		{"an instance's interface has its address and its groups", instanceInterface},
		{"RunInstances starts what the template says", runTemplate},
		{"RunInstances with a token used before starts nothing", runToken},
		{"a dry run of RunInstances starts nothing", runDry},
		{"an unknown image is refused by RunInstances", runUnknownImage},
		{"capacity reservations are listed, none", noReservations},
		{"placement groups are listed, none", noPlacementGroups},
	}
}

func (a *account) userData(ctx context.Context, g Gomega, id string) string {
	out, err := a.ec2.DescribeInstanceAttribute(ctx, &ec2.DescribeInstanceAttributeInput{InstanceId: &id, Attribute: ec2types.InstanceAttributeNameUserData})
	g.Expect(err).NotTo(HaveOccurred())
	data, err := base64.StdEncoding.DecodeString(aws.ToString(out.UserData.Value))
	g.Expect(err).NotTo(HaveOccurred())
	return string(data)
}

func instanceFilters(ctx context.Context, g Gomega, a *account) {
	mark := a.name("mark")
	tagged := func(input *ec2.CreateFleetInput) { input.TagSpecifications[0].Tags = a.tags("mark", mark) }
	first := a.start(ctx, g, 2, tagged)
	second := a.start(ctx, g, 1, tagged, func(input *ec2.CreateFleetInput) {
		input.LaunchTemplateConfigs[0].Overrides[0] = in(a.subnets[1], large)
	})
	count := func(filters ...[]ec2types.Filter) int {
		return len(a.instances(ctx, g, append(where("tag:mark", mark), lo.Flatten(filters)...)...))
	}
	g.Expect(count()).To(Equal(3))
	g.Expect(count(where("tag-key", runTag))).To(Equal(3), "by tag-key")
	g.Expect(count(where("tag-key", "absent"))).To(BeZero())
	g.Expect(count(where("instance-type", large))).To(Equal(1), "by instance-type")
	g.Expect(count(where("subnet-id", *first[0].SubnetId))).To(Equal(2), "by subnet-id")
	g.Expect(count(where("availability-zone", *second[0].Placement.AvailabilityZone))).To(Equal(1), "by availability-zone")
	g.Expect(count(where("instance-state-name", "pending", "running"))).To(Equal(3))
	g.Expect(count(where("instance-state-name", "stopped"))).To(BeZero())
}

func instancePages(ctx context.Context, g Gomega, a *account) {
	mark := a.name("mark")
	for range 7 { // launches of their own: a page of reservations and one of instances are the same then
		a.start(ctx, g, 1, func(input *ec2.CreateFleetInput) { input.TagSpecifications[0].Tags = a.tags("mark", mark) })
	}
	seen := map[string]bool{}
	pages := ec2.NewDescribeInstancesPaginator(a.ec2, &ec2.DescribeInstancesInput{Filters: where("tag:mark", mark), MaxResults: aws.Int32(5)})
	for pages.HasMorePages() {
		page, err := pages.NextPage(ctx)
		g.Expect(err).NotTo(HaveOccurred())
		n := 0
		for _, r := range page.Reservations {
			for _, i := range r.Instances {
				seen[*i.InstanceId] = true
				n++
			}
		}
		g.Expect(n).To(BeNumerically("<=", 5), "instances on a page")
	}
	g.Expect(seen).To(HaveLen(7))
}

func unknownInstance(ctx context.Context, g Gomega, a *account) {
	_, err := a.ec2.DescribeInstances(ctx, &ec2.DescribeInstancesInput{InstanceIds: []string{"i-0123456789abcdef0"}})
	g.Expect(err).To(code("InvalidInstanceID.NotFound"))
}

func unknownInstanceByFilter(ctx context.Context, g Gomega, a *account) {
	id := *a.start(ctx, g, 1)[0].InstanceId
	g.Expect(a.instances(ctx, g, where("instance-id", "i-0123456789abcdef0", id)...)).To(HaveLen(1))
	g.Expect(a.instances(ctx, g, where("instance-id", "i-0123456789abcdef0")...)).To(BeEmpty())
}

func malformedInstance(ctx context.Context, g Gomega, a *account) {
	_, err := a.ec2.DescribeInstances(ctx, &ec2.DescribeInstancesInput{InstanceIds: []string{"i-no"}})
	g.Expect(err).To(code("InvalidInstanceID.Malformed"))
}

func idsAndPages(ctx context.Context, g Gomega, a *account) {
	id := *a.start(ctx, g, 1)[0].InstanceId
	_, err := a.ec2.DescribeInstances(ctx, &ec2.DescribeInstancesInput{InstanceIds: []string{id}, MaxResults: aws.Int32(5)})
	g.Expect(err).To(code("InvalidParameterCombination"))
}

func instanceStatus(ctx context.Context, g Gomega, a *account) {
	id := *a.start(ctx, g, 1)[0].InstanceId
	a.eventually(ctx, g, id, ec2types.InstanceStateNameRunning)
	out, err := a.ec2.DescribeInstanceStatus(ctx, &ec2.DescribeInstanceStatusInput{InstanceIds: []string{id}})
	g.Expect(err).NotTo(HaveOccurred())
	g.Expect(out.InstanceStatuses).To(HaveLen(1))
	g.Expect(out.InstanceStatuses[0].InstanceState.Name).To(Equal(ec2types.InstanceStateNameRunning))
	g.Expect(out.InstanceStatuses[0].Events).To(BeEmpty())
}

func instanceInterface(ctx context.Context, g Gomega, a *account) {
	got := a.start(ctx, g, 1)[0]
	out, err := a.ec2.DescribeNetworkInterfaces(ctx, &ec2.DescribeNetworkInterfacesInput{Filters: where("attachment.instance-id", *got.InstanceId)})
	g.Expect(err).NotTo(HaveOccurred())
	g.Expect(out.NetworkInterfaces).To(HaveLen(1))
	nic := out.NetworkInterfaces[0]
	g.Expect(*nic.PrivateIpAddress).To(Equal(*got.PrivateIpAddress))
	g.Expect(*nic.SubnetId).To(Equal(*got.SubnetId))
	g.Expect(lo.Map(nic.Groups, func(s ec2types.GroupIdentifier, _ int) string { return *s.GroupId })).To(Equal([]string{a.group}), "the interface's security groups")
}

// runInput starts one instance of template, as RunInstances takes it.
func (a *account) runInput(template, mark string) *ec2.RunInstancesInput {
	return &ec2.RunInstancesInput{
		MinCount: aws.Int32(1), MaxCount: aws.Int32(1),
		LaunchTemplate:    &ec2types.LaunchTemplateSpecification{LaunchTemplateName: &template, Version: aws.String("$Latest")},
		TagSpecifications: a.tagging(ec2types.ResourceTypeInstance, "mark", mark),
		NetworkInterfaces: []ec2types.InstanceNetworkInterfaceSpecification{{DeviceIndex: aws.Int32(0), SubnetId: a.subnets[0].SubnetId, Groups: []string{a.group}}},
	}
}

func runTemplate(ctx context.Context, g Gomega, a *account) {
	mark := a.name("mark")
	_, err := a.ec2.RunInstances(ctx, a.runInput(a.newTemplate(ctx, g), mark))
	g.Expect(err).NotTo(HaveOccurred())
	found := a.marked(ctx, g, mark)
	g.Expect(found).To(HaveLen(1))
	g.Expect(*found[0].ImageId).To(Equal(a.image))
	g.Expect(*found[0].SubnetId).To(Equal(*a.subnets[0].SubnetId))
	g.Expect(found[0].SecurityGroups).To(HaveLen(1), "the instance's security groups")
	g.Expect(*found[0].SecurityGroups[0].GroupId).To(Equal(a.group))
	g.Expect(a.userData(ctx, g, *found[0].InstanceId)).To(Equal(script))
	volumes := a.volumes(ctx, g, *found[0].InstanceId)
	g.Expect(volumes).To(HaveLen(1))
	g.Expect(*volumes[0].Size).To(BeEquivalentTo(33))
}

func runToken(ctx context.Context, g Gomega, a *account) {
	mark := a.name("mark")
	input := a.runInput(a.newTemplate(ctx, g), mark)
	input.ClientToken = aws.String(a.name("token"))
	first, err := a.ec2.RunInstances(ctx, input)
	g.Expect(err).NotTo(HaveOccurred())
	again, err := a.ec2.RunInstances(ctx, input)
	g.Expect(err).NotTo(HaveOccurred())
	g.Expect(a.marked(ctx, g, mark)).To(HaveLen(1), "instances of two calls with one token")
	g.Expect(*again.Instances[0].InstanceId).To(Equal(*first.Instances[0].InstanceId))
}

func runDry(ctx context.Context, g Gomega, a *account) {
	mark := a.name("mark")
	input := a.runInput(a.newTemplate(ctx, g), mark)
	input.DryRun = aws.Bool(true)
	_, err := a.ec2.RunInstances(ctx, input)
	g.Expect(err).To(code("DryRunOperation"))
	g.Expect(a.marked(ctx, g, mark)).To(BeEmpty())
}

func runUnknownImage(ctx context.Context, g Gomega, a *account) {
	mark := a.name("mark")
	input := a.runInput(a.newTemplate(ctx, g), mark)
	input.ImageId = aws.String("ami-0123456789abcdef0")
	_, err := a.ec2.RunInstances(ctx, input)
	g.Expect(err).To(code("InvalidAMIID.NotFound"))
	g.Expect(a.marked(ctx, g, mark)).To(BeEmpty())
}

func noReservations(ctx context.Context, g Gomega, a *account) {
	out, err := a.ec2.DescribeCapacityReservations(ctx, &ec2.DescribeCapacityReservationsInput{Filters: where("tag:"+runTag, a.run)})
	g.Expect(err).NotTo(HaveOccurred())
	g.Expect(out.CapacityReservations).To(BeEmpty())
}

func noPlacementGroups(ctx context.Context, g Gomega, a *account) {
	out, err := a.ec2.DescribePlacementGroups(ctx, &ec2.DescribePlacementGroupsInput{Filters: where("tag:"+runTag, a.run)})
	g.Expect(err).NotTo(HaveOccurred())
	g.Expect(out.PlacementGroups).To(BeEmpty())
}
