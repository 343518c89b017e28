package ec2_test

import (
	"encoding/base64"
	"strings"
	"testing"

	"github.com/aws/aws-sdk-go-v2/aws"
	awsec2 "github.com/aws/aws-sdk-go-v2/service/ec2"
	"github.com/aws/aws-sdk-go-v2/service/ec2/types"
	. "github.com/onsi/gomega"

	"github.com/karpenter-kubeadm/karpenter-provider-aws/test/awsfake/ec2"
)

// What is wrong with a place is said in the list of errors, and nothing is launched there.
func TestFleetErrorsOfAPlace(t *testing.T) {
	type data = types.RequestLaunchTemplateData
	for name, tc := range map[string]struct {
		prepare  func(*account)
		template func(*account, *data)
		change   func(*account, *awsec2.CreateFleetInput)
		types    []string
		code     string
		message  string
	}{
		"unknown instance profile": {
			template: func(_ *account, d *data) { d.IamInstanceProfile.Name = aws.String("nobody") },
			code:     "InvalidParameterValue",
			message:  "Value (nobody) for parameter iamInstanceProfile.name is invalid. Invalid IAM Instance Profile name",
		},
		"image of another architecture": {
			types: []string{"t4g.large"}, code: "InvalidParameterValue", message: "does not match the architecture 'x86_64' of the specified AMI",
		},
		"image that does not exist": {
			template: func(_ *account, d *data) { d.ImageId = aws.String("ami-00000000000000000") },
			code:     "InvalidAMIID.NotFound", message: "The image id '[ami-00000000000000000]' does not exist",
		},
		"image id that is none": {
			template: func(_ *account, d *data) { d.ImageId = aws.String("ubuntu") }, code: "InvalidAMIID.Malformed", message: "ubuntu",
		},
		"type that does not exist": {types: []string{"t3.huge"}, code: "InvalidParameterValue", message: "Invalid value 't3.huge' for InstanceType"},
		"type that the zone does not offer": {
			types: []string{"a1.large"}, code: "Unsupported",
			template: func(a *account, d *data) { d.ImageId = aws.String(a.image("arm64")) },
			message:  "Your requested instance type (a1.large) is not supported in your requested Availability Zone (ap-northeast-2a)",
		},
		"subnet that does not exist": {
			change: func(_ *account, in *awsec2.CreateFleetInput) {
				in.LaunchTemplateConfigs[0].Overrides[0].SubnetId = aws.String("subnet-00000000000000000")
			},
			code: "InvalidSubnetID.NotFound", message: "subnet-00000000000000000",
		},
		"subnet of another zone": {
			change: func(a *account, in *awsec2.CreateFleetInput) {
				in.LaunchTemplateConfigs[0].Overrides[0].SubnetId = a.subnet(region + "b").SubnetId
			},
			code: "InvalidParameterValue", message: "conflict",
		},
		"no subnet and no default one": {
			change: func(_ *account, in *awsec2.CreateFleetInput) { in.LaunchTemplateConfigs[0].Overrides[0].SubnetId = nil },
			code:   "MissingInput", message: "No subnets found",
		},
		"security group that does not exist": {
			template: func(_ *account, d *data) { d.NetworkInterfaces[0].Groups = []string{"sg-00000000000000000"} },
			code:     "InvalidGroup.NotFound", message: "sg-00000000000000000",
		},
		"groups beside interfaces": {
			template: func(a *account, d *data) { d.SecurityGroupIds = []string{a.group()} },
			code:     "InvalidParameterCombination", message: "may not be specified on the same request",
		},
		"more interfaces than the type has": {
			template: func(a *account, d *data) {
				d.NetworkInterfaces = nil
				for i := range int32(4) {
					d.NetworkInterfaces = append(d.NetworkInterfaces, types.LaunchTemplateInstanceNetworkInterfaceSpecificationRequest{
						DeviceIndex: aws.Int32(i), Groups: []string{a.group()},
					})
				}
			},
			code: "AttachmentLimitExceeded", message: "exceeds the limit for t3.large",
		},
		"root volume smaller than the image": {
			template: func(_ *account, d *data) {
				d.BlockDeviceMappings = []types.LaunchTemplateBlockDeviceMappingRequest{
					{DeviceName: aws.String("/dev/sda1"), Ebs: &types.LaunchTemplateEbsBlockDeviceRequest{VolumeSize: aws.Int32(4)}},
				}
			},
			code: "InvalidBlockDeviceMapping", message: "expect size >= 8GB",
		},
		"placement group that does not exist": {
			template: func(_ *account, d *data) {
				d.Placement = &types.LaunchTemplatePlacementRequest{GroupName: aws.String("nowhere")}
			},
			code: "InvalidPlacementGroup.Unknown", message: "nowhere",
		},
		"tags of a spot request that is not made": {
			template: func(_ *account, d *data) {
				d.TagSpecifications = []types.LaunchTemplateTagSpecificationRequest{
					{ResourceType: types.ResourceTypeSpotInstancesRequest, Tags: []types.Tag{{Key: aws.String("a"), Value: aws.String("b")}}},
				}
			},
			code: "InvalidParameterValue", message: "You cannot specify tags for Spot instances requests",
		},
		"price above what the override pays": {
			prepare: func(a *account) { a.Expect(a.EC2.SetSpotPrice(region, region+"a", "t3.large", 0.5)).To(Succeed()) },
			change: func(_ *account, in *awsec2.CreateFleetInput) {
				spot(types.SpotAllocationStrategyLowestPrice)(in)
				in.LaunchTemplateConfigs[0].Overrides[0].MaxPrice = aws.String("0.4")
			},
			code: "SpotMaxPriceTooLow", message: "0.4",
		},
		"capacity reservation that does not exist": {
			template: func(_ *account, d *data) { d.CapacityReservationSpecification = reserved("cr-00000000000000000") },
			code:     "InvalidCapacityReservationId.NotFound", message: "cr-00000000000000000",
		},
		"subnet without free addresses": {
			change: func(a *account, in *awsec2.CreateFleetInput) {
				id, err := a.EC2.AddSubnet(region, ec2.Subnet{Zone: region + "a", CIDR: "10.0.200.0/28"})
				a.Expect(err).NotTo(HaveOccurred())
				in.LaunchTemplateConfigs[0].Overrides[0].SubnetId = aws.String(id)
				in.TargetCapacitySpecification.TotalTargetCapacity = aws.Int32(11)
				a.Expect(a.fleet(in).Instances[0].InstanceIds).To(HaveLen(11)) // 16 less AWS's 5
				in.TargetCapacitySpecification.TotalTargetCapacity, in.ClientToken = aws.Int32(1), nil
			},
			code: "InsufficientFreeAddressesInSubnet", message: "There are not enough free addresses in subnet",
		},
	} {
		t.Run(name, func(t *testing.T) {
			a := start(t)
			if tc.prepare != nil {
				tc.prepare(a)
			}
			lt := a.template("place", func(d *data) {
				if tc.template != nil {
					tc.template(a, d)
				}
			})
			in := a.request(lt, 1, region+"a", append(tc.types, "t3.large")[0])
			if tc.change != nil {
				tc.change(a, in)
			}
			before := len(a.describe(nil))
			out := a.fleet(in)
			a.Expect(errorCodes(out)).To(Equal([]string{tc.code}))
			a.Expect(aws.ToString(out.Errors[0].ErrorMessage)).To(ContainSubstring(tc.message))
			a.Expect(out.Instances).To(BeEmpty())
			a.Expect(a.describe(nil)).To(HaveLen(before))
		})
	}
}

func reserved(id string) *types.LaunchTemplateCapacityReservationSpecificationRequest {
	return &types.LaunchTemplateCapacityReservationSpecificationRequest{
		CapacityReservationTarget: &types.CapacityReservationTarget{CapacityReservationId: aws.String(id)},
	}
}

// What is wrong with the request itself fails the call.
func TestFleetCallErrors(t *testing.T) {
	for name, tc := range map[string]struct {
		change func(*awsec2.CreateFleetInput)
		code   string
	}{
		"template that does not exist": {func(in *awsec2.CreateFleetInput) {
			in.LaunchTemplateConfigs[0].LaunchTemplateSpecification.LaunchTemplateName = aws.String("gone")
		}, "InvalidLaunchTemplateName.NotFoundException"},
		"version that does not exist": {func(in *awsec2.CreateFleetInput) {
			in.LaunchTemplateConfigs[0].LaunchTemplateSpecification.Version = aws.String("7")
		}, "InvalidLaunchTemplateId.VersionNotFound"},
		"a type of fleet that is not modelled": {func(in *awsec2.CreateFleetInput) { in.Type = types.FleetTypeMaintain }, "InvalidParameterValue"},
		"nothing wanted": {func(in *awsec2.CreateFleetInput) {
			in.TargetCapacitySpecification.TotalTargetCapacity = aws.Int32(0)
		}, "InvalidTargetCapacitySpecification"},
		"a tag of AWS": {func(in *awsec2.CreateFleetInput) {
			in.TagSpecifications = []types.TagSpecification{tagsFor(types.ResourceTypeInstance, "aws:mine", "x")}
		}, "InvalidParameterValue"},
		"tags of what a fleet does not tag": {func(in *awsec2.CreateFleetInput) {
			in.TagSpecifications = []types.TagSpecification{tagsFor(types.ResourceTypeVpc, "a", "b")}
		}, "InvalidParameterValue"},
		"a parameter that is not modelled": {func(in *awsec2.CreateFleetInput) {
			in.SpotOptions = &types.SpotOptionsRequest{MaxTotalPrice: aws.String("1")}
		}, "UnknownParameter"},
		"an override that is not modelled": {func(in *awsec2.CreateFleetInput) {
			in.LaunchTemplateConfigs[0].Overrides[0].WeightedCapacity = aws.Float64(2)
		}, "UnknownParameter"},
		"too many overrides": {func(in *awsec2.CreateFleetInput) {
			c := &in.LaunchTemplateConfigs[0]
			for len(c.Overrides) <= 300 {
				c.Overrides = append(c.Overrides, c.Overrides[0])
			}
		}, "InvalidParameterValue"},
	} {
		t.Run(name, func(t *testing.T) {
			a := start(t)
			in := a.request(a.template("call"), 1, region+"a", "t3.large")
			tc.change(in)
			_, err := a.api.CreateFleet(t.Context(), in)
			a.Expect(code(err)).To(Equal(tc.code))
			a.Expect(a.describe(nil)).To(BeEmpty())
		})
	}
}

func TestUserDataIsChecked(t *testing.T) {
	for name, tc := range map[string]struct{ data, message string }{
		"not base64": {"#!/bin/sh", "Invalid BASE64 encoding of user data."},
		"too long":   {base64.StdEncoding.EncodeToString([]byte(strings.Repeat("x", 16385))), "User data is limited to 16384 bytes"},
	} {
		t.Run(name, func(t *testing.T) {
			a := start(t)
			_, err := a.api.CreateLaunchTemplate(t.Context(), &awsec2.CreateLaunchTemplateInput{
				LaunchTemplateName: aws.String("userdata"), LaunchTemplateData: &types.RequestLaunchTemplateData{UserData: aws.String(tc.data)},
			})
			a.Expect(code(err)).To(Equal("InvalidUserData.Malformed"))
			a.Expect(err).To(MatchError(ContainSubstring(tc.message)))
		})
	}
}
