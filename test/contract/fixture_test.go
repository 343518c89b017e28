package contract_test

import (
	"context"
	"encoding/base64"
	"time"

	"github.com/aws/aws-sdk-go-v2/aws"
	"github.com/aws/aws-sdk-go-v2/service/ec2"
	ec2types "github.com/aws/aws-sdk-go-v2/service/ec2/types"
	"github.com/aws/aws-sdk-go-v2/service/iam"
	. "github.com/onsi/gomega"
	"github.com/samber/lo"
)

const (
	// often is how soon a question is asked again whose answer takes AWS time.
	often = 50 * time.Millisecond
	// script is user data with bytes that do not survive careless encoding.
	script = "#!/bin/sh\necho \"<&> é ☃ ${HOME}\"\n"
	// trust lets EC2 take a role.
	trust = `{"Version":"2012-10-17","Statement":[{"Effect":"Allow","Principal":{"Service":"ec2.amazonaws.com"},"Action":"sts:AssumeRole"}]}`
)

func (a *account) newVpc(ctx context.Context, g Gomega, cidr string) string {
	out, err := a.ec2.CreateVpc(ctx, &ec2.CreateVpcInput{CidrBlock: &cidr, TagSpecifications: a.tagging(ec2types.ResourceTypeVpc)})
	g.Expect(err).NotTo(HaveOccurred())
	return *out.Vpc.VpcId
}

func (a *account) newSubnet(ctx context.Context, g Gomega, vpc, zone, cidr string, tags ...string) ec2types.Subnet {
	out, err := a.ec2.CreateSubnet(ctx, &ec2.CreateSubnetInput{
		VpcId: &vpc, AvailabilityZone: &zone, CidrBlock: &cidr, TagSpecifications: a.tagging(ec2types.ResourceTypeSubnet, tags...),
	})
	g.Expect(err).NotTo(HaveOccurred())
	return *out.Subnet
}

func (a *account) newGroup(ctx context.Context, g Gomega, vpc, name string, tags ...string) string {
	out, err := a.ec2.CreateSecurityGroup(ctx, &ec2.CreateSecurityGroupInput{
		VpcId: &vpc, GroupName: &name, Description: aws.String("contract"), TagSpecifications: a.tagging(ec2types.ResourceTypeSecurityGroup, tags...),
	})
	g.Expect(err).NotTo(HaveOccurred())
	return *out.GroupId
}

func (a *account) newRole(ctx context.Context, g Gomega) string {
	name := a.name("role")
	_, err := a.iam.CreateRole(ctx, &iam.CreateRoleInput{RoleName: &name, AssumeRolePolicyDocument: aws.String(trust)})
	g.Expect(err).NotTo(HaveOccurred())
	return name
}

// newProfile makes an instance profile that holds role.
func (a *account) newProfile(ctx context.Context, g Gomega, name, role string) {
	_, err := a.iam.CreateInstanceProfile(ctx, &iam.CreateInstanceProfileInput{InstanceProfileName: &name})
	g.Expect(err).NotTo(HaveOccurred())
	_, err = a.iam.AddRoleToInstanceProfile(ctx, &iam.AddRoleToInstanceProfileInput{InstanceProfileName: &name, RoleName: &role})
	g.Expect(err).NotTo(HaveOccurred())
}

// templateData is a template like those that the controller makes.
func (a *account) templateData() *ec2types.RequestLaunchTemplateData {
	return &ec2types.RequestLaunchTemplateData{
		ImageId:            &a.image,
		InstanceType:       small,
		UserData:           aws.String(base64.StdEncoding.EncodeToString([]byte(script))),
		IamInstanceProfile: &ec2types.LaunchTemplateIamInstanceProfileSpecificationRequest{Name: &a.profile},
		NetworkInterfaces: []ec2types.LaunchTemplateInstanceNetworkInterfaceSpecificationRequest{{
			DeviceIndex: aws.Int32(0), Groups: []string{a.group},
		}},
		BlockDeviceMappings: []ec2types.LaunchTemplateBlockDeviceMappingRequest{{
			DeviceName: aws.String("/dev/xvda"),
			Ebs:        &ec2types.LaunchTemplateEbsBlockDeviceRequest{VolumeSize: aws.Int32(33), VolumeType: ec2types.VolumeTypeGp3, DeleteOnTermination: aws.Bool(true)},
		}},
		MetadataOptions: &ec2types.LaunchTemplateInstanceMetadataOptionsRequest{
			HttpTokens: ec2types.LaunchTemplateHttpTokensStateRequired, HttpPutResponseHopLimit: aws.Int32(2),
		},
	}
}

// newTemplate returns the name of a template with the usual data, changed.
func (a *account) newTemplate(ctx context.Context, g Gomega, change ...func(*ec2.CreateLaunchTemplateInput)) string {
	input := &ec2.CreateLaunchTemplateInput{
		LaunchTemplateName: aws.String(a.name("template")), LaunchTemplateData: a.templateData(), TagSpecifications: a.tagging(ec2types.ResourceTypeLaunchTemplate),
	}
	for _, edit := range change {
		edit(input)
	}
	_, err := a.ec2.CreateLaunchTemplate(ctx, input)
	g.Expect(err).NotTo(HaveOccurred())
	return *input.LaunchTemplateName
}

// fleet asks for count instances of the template, in the subnet of each override. Its instances
// bear mark as a tag.
func (a *account) fleet(template, mark string, count int32, overrides ...ec2types.FleetLaunchTemplateOverridesRequest) *ec2.CreateFleetInput {
	if len(overrides) == 0 {
		overrides = append(overrides, in(a.subnets[0], small))
	}
	return &ec2.CreateFleetInput{
		Type: ec2types.FleetTypeInstant,
		TargetCapacitySpecification: &ec2types.TargetCapacitySpecificationRequest{
			TotalTargetCapacity: &count, DefaultTargetCapacityType: ec2types.DefaultTargetCapacityTypeOnDemand,
		},
		OnDemandOptions: &ec2types.OnDemandOptionsRequest{AllocationStrategy: ec2types.FleetOnDemandAllocationStrategyLowestPrice},
		LaunchTemplateConfigs: []ec2types.FleetLaunchTemplateConfigRequest{{
			LaunchTemplateSpecification: &ec2types.FleetLaunchTemplateSpecificationRequest{LaunchTemplateName: &template, Version: aws.String("$Latest")},
			Overrides:                   overrides,
		}},
		TagSpecifications: []ec2types.TagSpecification{
			{ResourceType: ec2types.ResourceTypeInstance, Tags: a.tags("mark", mark)},
			{ResourceType: ec2types.ResourceTypeVolume, Tags: a.tags("mark", mark)},
		},
	}
}

// in is an override for a type in a subnet.
func in(subnet ec2types.Subnet, kind ec2types.InstanceType) ec2types.FleetLaunchTemplateOverridesRequest {
	return ec2types.FleetLaunchTemplateOverridesRequest{SubnetId: subnet.SubnetId, InstanceType: kind}
}

// start runs a fleet of the usual template, changed, and returns its instances as they are described.
func (a *account) start(ctx context.Context, g Gomega, count int32, change ...func(*ec2.CreateFleetInput)) []ec2types.Instance {
	input := a.fleet(a.newTemplate(ctx, g), a.name("mark"), count)
	for _, edit := range change {
		edit(input)
	}
	out, err := a.ec2.CreateFleet(ctx, input)
	g.Expect(err).NotTo(HaveOccurred())
	ids := idsOf(out)
	g.Expect(ids).To(HaveLen(int(count)))
	var found []ec2types.Instance
	g.Eventually(ctx, func() []ec2types.Instance {
		found = a.instances(ctx, g, where("instance-id", ids...)...)
		return found
	}).WithTimeout(a.settled).WithPolling(often).Should(HaveLen(int(count)))
	return found
}

func idsOf(out *ec2.CreateFleetOutput) []string {
	return lo.FlatMap(out.Instances, func(i ec2types.CreateFleetInstance, _ int) []string { return i.InstanceIds })
}

// instances are those that match filters, from all pages.
func (a *account) instances(ctx context.Context, g Gomega, filters ...ec2types.Filter) []ec2types.Instance {
	var found []ec2types.Instance
	for pages := ec2.NewDescribeInstancesPaginator(a.ec2, &ec2.DescribeInstancesInput{Filters: filters}); pages.HasMorePages(); {
		page, err := pages.NextPage(ctx)
		g.Expect(err).NotTo(HaveOccurred())
		for _, r := range page.Reservations {
			found = append(found, r.Instances...)
		}
	}
	return found
}

// marked are the instances of a launch that are not ending.
func (a *account) marked(ctx context.Context, g Gomega, mark string) []ec2types.Instance {
	return lo.Filter(a.instances(ctx, g, where("tag:mark", mark)...), func(i ec2types.Instance, _ int) bool { return !gone(i) })
}

func gone(i ec2types.Instance) bool {
	return i.State.Name == ec2types.InstanceStateNameShuttingDown || i.State.Name == ec2types.InstanceStateNameTerminated
}

// eventually waits until an instance is in a state.
func (a *account) eventually(ctx context.Context, g Gomega, id string, want ec2types.InstanceStateName) {
	g.Eventually(ctx, func() []ec2types.InstanceStateName {
		return lo.Map(a.instances(ctx, g, where("instance-id", id)...), func(i ec2types.Instance, _ int) ec2types.InstanceStateName { return i.State.Name })
	}).WithTimeout(a.settled).WithPolling(often).Should(Equal([]ec2types.InstanceStateName{want}))
}
