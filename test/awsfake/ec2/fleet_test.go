package ec2_test

import (
	"testing"

	"github.com/aws/aws-sdk-go-v2/aws"
	awsec2 "github.com/aws/aws-sdk-go-v2/service/ec2"
	"github.com/aws/aws-sdk-go-v2/service/ec2/types"
	. "github.com/onsi/gomega"

	"github.com/karpenter-kubeadm/karpenter-provider-aws/test/awsfake"
)

func TestFleetLaunchesWhatTheTemplateSays(t *testing.T) {
	a := start(t)
	name := a.template("all", func(d *types.RequestLaunchTemplateData) {
		d.BlockDeviceMappings = []types.LaunchTemplateBlockDeviceMappingRequest{
			{DeviceName: aws.String("/dev/sda1"), Ebs: &types.LaunchTemplateEbsBlockDeviceRequest{
				VolumeSize: aws.Int32(40), VolumeType: types.VolumeTypeGp3, Encrypted: aws.Bool(true),
			}},
		}
		d.MetadataOptions = &types.LaunchTemplateInstanceMetadataOptionsRequest{
			HttpTokens: types.LaunchTemplateHttpTokensStateRequired, HttpPutResponseHopLimit: aws.Int32(2),
		}
		d.TagSpecifications = []types.LaunchTemplateTagSpecificationRequest{
			{ResourceType: types.ResourceTypeNetworkInterface, Tags: []types.Tag{{Key: aws.String("nic"), Value: aws.String("yes")}}},
		}
	})
	in := a.request(name, 1, region+"a", "t3.large")
	in.TagSpecifications = []types.TagSpecification{
		tagsFor(types.ResourceTypeInstance, "owner", "i"), tagsFor(types.ResourceTypeVolume, "owner", "v"), tagsFor(types.ResourceTypeFleet, "owner", "f"),
	}
	out := a.fleet(in)
	a.Expect(out.Errors).To(BeEmpty())
	a.Expect(out.Instances).To(HaveLen(1))
	set := out.Instances[0]
	a.Expect(set.InstanceType).To(Equal(types.InstanceTypeT3Large))
	a.Expect(set.Lifecycle).To(Equal(types.InstanceLifecycleOnDemand))
	a.Expect(aws.ToString(set.LaunchTemplateAndOverrides.LaunchTemplateSpecification.LaunchTemplateName)).To(Equal(name))
	a.Expect(aws.ToString(set.LaunchTemplateAndOverrides.Overrides.SubnetId)).To(Equal(aws.ToString(a.subnet(region + "a").SubnetId)))

	i := a.one(set.InstanceIds[0])
	a.Expect(aws.ToString(i.SubnetId)).To(Equal(aws.ToString(a.subnet(region + "a").SubnetId)))
	a.Expect(aws.ToString(i.Placement.AvailabilityZone)).To(Equal(region + "a"))
	a.Expect(aws.ToString(i.PrivateDnsName)).To(Equal("ip-10-0-0-4.ap-northeast-2.compute.internal"))
	a.Expect(aws.ToString(i.PrivateIpAddress)).To(Equal("10.0.0.4"))
	a.Expect(aws.ToString(i.SecurityGroups[0].GroupId)).To(Equal(a.group()))
	a.Expect(aws.ToString(i.IamInstanceProfile.Arn)).To(HaveSuffix("instance-profile/" + awsfake.NodeProfile))
	a.Expect(i.MetadataOptions.HttpTokens).To(Equal(types.HttpTokensStateRequired))
	a.Expect(aws.ToInt32(i.MetadataOptions.HttpPutResponseHopLimit)).To(Equal(int32(2)))
	a.Expect(i.InstanceLifecycle).To(BeEmpty())
	a.Expect(i.SpotInstanceRequestId).To(BeNil())
	a.Expect(tags(i.Tags)).To(Equal(map[string]string{
		"owner": "i", "aws:ec2:fleet-id": aws.ToString(out.FleetId), "aws:ec2launchtemplate:version": "1",
		"aws:ec2launchtemplate:id": aws.ToString(set.LaunchTemplateAndOverrides.LaunchTemplateSpecification.LaunchTemplateId),
	}))
	a.expectAttached(i)

	data, err := a.api.DescribeInstanceAttribute(t.Context(), &awsec2.DescribeInstanceAttributeInput{
		InstanceId: i.InstanceId, Attribute: types.InstanceAttributeNameUserData,
	})
	a.Expect(err).NotTo(HaveOccurred())
	a.Expect(aws.ToString(data.UserData.Value)).To(Equal("IyEvYmluL3NoCg=="))
	fleetTags, err := a.api.DescribeTags(t.Context(), &awsec2.DescribeTagsInput{Filters: filter("resource-type", "fleet")})
	a.Expect(err).NotTo(HaveOccurred())
	a.Expect(fleetTags.Tags).To(HaveLen(1))
	a.Expect(aws.ToString(fleetTags.Tags[0].Value)).To(Equal("f"))
}

// expectAttached checks the instance's volume and interface from their own side.
func (a *account) expectAttached(i types.Instance) {
	a.t.Helper()
	volumes, err := a.api.DescribeVolumes(a.t.Context(), &awsec2.DescribeVolumesInput{
		Filters: filter("attachment.instance-id", aws.ToString(i.InstanceId)),
	})
	a.Expect(err).NotTo(HaveOccurred())
	a.Expect(volumes.Volumes).To(HaveLen(1))
	v := volumes.Volumes[0]
	a.Expect(v.VolumeId).To(Equal(i.BlockDeviceMappings[0].Ebs.VolumeId))
	a.Expect(aws.ToInt32(v.Size)).To(Equal(int32(40)))
	a.Expect(v.VolumeType).To(Equal(types.VolumeTypeGp3))
	a.Expect(aws.ToBool(v.Encrypted)).To(BeTrue())
	a.Expect(tags(v.Tags)).To(Equal(map[string]string{"owner": "v"}))

	nics, err := a.api.DescribeNetworkInterfaces(a.t.Context(), &awsec2.DescribeNetworkInterfacesInput{
		NetworkInterfaceIds: []string{aws.ToString(i.NetworkInterfaces[0].NetworkInterfaceId)},
	})
	a.Expect(err).NotTo(HaveOccurred())
	a.Expect(aws.ToString(nics.NetworkInterfaces[0].Attachment.InstanceId)).To(Equal(aws.ToString(i.InstanceId)))
	a.Expect(tags(nics.NetworkInterfaces[0].TagSet)).To(Equal(map[string]string{"nic": "yes"}))
}

func TestFleetPutsSeveralIDsIntoOneItem(t *testing.T) {
	a := start(t)
	before := aws.ToInt32(a.subnet(region + "a").AvailableIpAddressCount)
	out := a.fleet(a.request(a.template("many"), 5, region+"a", "t3.large"))
	a.Expect(out.Instances).To(HaveLen(1))
	a.Expect(out.Instances[0].InstanceIds).To(HaveLen(5))
	a.Expect(a.describe(nil, out.Instances[0].InstanceIds...)).To(HaveLen(5))
	a.Expect(aws.ToInt32(a.subnet(region + "a").AvailableIpAddressCount)).To(Equal(before - 5))
}

func TestFleetDryRunChangesNothing(t *testing.T) {
	a := start(t)
	in := a.request(a.template("dry"), 1, region+"a", "t3.large")
	in.DryRun = aws.Bool(true)
	_, err := a.api.CreateFleet(t.Context(), in)
	a.Expect(code(err)).To(Equal("DryRunOperation"))
	a.Expect(a.describe(nil)).To(BeEmpty())
}
