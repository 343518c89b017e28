package ec2_test

import (
	"errors"
	"fmt"
	"testing"
	"time"

	"github.com/aws/aws-sdk-go-v2/aws"
	awsec2 "github.com/aws/aws-sdk-go-v2/service/ec2"
	"github.com/aws/aws-sdk-go-v2/service/ec2/types"
	"github.com/aws/smithy-go"
	. "github.com/onsi/gomega"
	testclock "k8s.io/utils/clock/testing"

	"github.com/karpenter-kubeadm/karpenter-provider-aws/test/awsfake"
	"github.com/karpenter-kubeadm/karpenter-provider-aws/test/awsfake/ec2"
)

const region = "ap-northeast-2"

// account is a seeded account on a clock that stands still, and the real client to it.
type account struct {
	*awsfake.Server
	*WithT
	t     *testing.T
	api   *awsec2.Client
	clock *testclock.FakeClock
}

func start(t *testing.T, change ...func(*awsfake.Options)) *account {
	t.Helper()
	clock := testclock.NewFakeClock(time.Date(2026, 1, 2, 3, 4, 5, 0, time.UTC))
	change = append(change, func(o *awsfake.Options) { o.Clock = clock })
	a := &account{Server: awsfake.Start(t, change...), WithT: NewWithT(t), t: t, clock: clock}
	config := a.Config()
	config.RetryMaxAttempts = 1
	a.api = awsec2.NewFromConfig(config)
	return a
}

func delays(d ec2.Delays) func(*awsfake.Options) {
	return func(o *awsfake.Options) { o.Delays = d }
}

// subnet returns the seed's subnet of a zone.
func (a *account) subnet(zone string) types.Subnet {
	a.t.Helper()
	out, err := a.api.DescribeSubnets(a.t.Context(), &awsec2.DescribeSubnetsInput{Filters: []types.Filter{
		{Name: aws.String("availability-zone"), Values: []string{zone}}, {Name: aws.String("tag:karpenter.sh/discovery"), Values: []string{"true"}},
	}})
	a.Expect(err).NotTo(HaveOccurred())
	a.Expect(out.Subnets).To(HaveLen(1))
	return out.Subnets[0]
}

// group returns the seed's security group.
func (a *account) group() string {
	a.t.Helper()
	out, err := a.api.DescribeSecurityGroups(a.t.Context(), &awsec2.DescribeSecurityGroupsInput{Filters: []types.Filter{
		{Name: aws.String("tag-key"), Values: []string{"karpenter.sh/discovery"}},
	}})
	a.Expect(err).NotTo(HaveOccurred())
	a.Expect(out.SecurityGroups).To(HaveLen(1))
	return aws.ToString(out.SecurityGroups[0].GroupId)
}

// image returns the seed's Ubuntu 24.04 of an architecture.
func (a *account) image(arch string) string {
	a.t.Helper()
	out, err := a.api.DescribeImages(a.t.Context(), &awsec2.DescribeImagesInput{
		Owners: []string{ec2.Canonical}, Filters: []types.Filter{
			{Name: aws.String("name"), Values: []string{"*noble-24.04*"}}, {Name: aws.String("architecture"), Values: []string{arch}},
		},
	})
	a.Expect(err).NotTo(HaveOccurred())
	a.Expect(out.Images).To(HaveLen(1))
	return aws.ToString(out.Images[0].ImageId)
}

// template makes a launch template of the seed's parts and returns its name.
func (a *account) template(name string, change ...func(*types.RequestLaunchTemplateData)) string {
	a.t.Helper()
	data := &types.RequestLaunchTemplateData{
		ImageId:            aws.String(a.image("x86_64")),
		IamInstanceProfile: &types.LaunchTemplateIamInstanceProfileSpecificationRequest{Name: aws.String(awsfake.NodeProfile)},
		UserData:           aws.String("IyEvYmluL3NoCg=="),
		NetworkInterfaces: []types.LaunchTemplateInstanceNetworkInterfaceSpecificationRequest{
			{DeviceIndex: aws.Int32(0), Groups: []string{a.group()}},
		},
	}
	for _, edit := range change {
		edit(data)
	}
	_, err := a.api.CreateLaunchTemplate(a.t.Context(), &awsec2.CreateLaunchTemplateInput{
		LaunchTemplateName: aws.String(name), LaunchTemplateData: data,
	})
	a.Expect(err).NotTo(HaveOccurred())
	return name
}

// request is a fleet of n on-demand instances of types in a zone.
func (a *account) request(template string, n int32, zone string, names ...string) *awsec2.CreateFleetInput {
	a.t.Helper()
	subnet := a.subnet(zone).SubnetId
	config := types.FleetLaunchTemplateConfigRequest{
		LaunchTemplateSpecification: &types.FleetLaunchTemplateSpecificationRequest{
			LaunchTemplateName: aws.String(template), Version: aws.String("$Latest"),
		},
	}
	for _, name := range names {
		config.Overrides = append(config.Overrides, types.FleetLaunchTemplateOverridesRequest{
			InstanceType: types.InstanceType(name), SubnetId: subnet, AvailabilityZone: aws.String(zone),
		})
	}
	return &awsec2.CreateFleetInput{
		Type: types.FleetTypeInstant, LaunchTemplateConfigs: []types.FleetLaunchTemplateConfigRequest{config},
		TargetCapacitySpecification: &types.TargetCapacitySpecificationRequest{
			TotalTargetCapacity: aws.Int32(n), DefaultTargetCapacityType: types.DefaultTargetCapacityTypeOnDemand,
		},
	}
}

func (a *account) fleet(in *awsec2.CreateFleetInput) *awsec2.CreateFleetOutput {
	a.t.Helper()
	out, err := a.api.CreateFleet(a.t.Context(), in)
	a.Expect(err).NotTo(HaveOccurred())
	return out
}

// launch starts one on-demand t3.large in zone a and returns its id.
func (a *account) launch() string {
	a.t.Helper()
	name := a.template(fmt.Sprintf("lone-%d", a.Calls("CreateLaunchTemplate")))
	out := a.fleet(a.request(name, 1, region+"a", "t3.large"))
	a.Expect(out.Errors).To(BeEmpty())
	return out.Instances[0].InstanceIds[0]
}

// describe returns all instances that filters match.
func (a *account) describe(filters []types.Filter, named ...string) []types.Instance {
	a.t.Helper()
	out, err := a.api.DescribeInstances(a.t.Context(), &awsec2.DescribeInstancesInput{Filters: filters, InstanceIds: named})
	a.Expect(err).NotTo(HaveOccurred())
	return instances(out)
}

func instances(out *awsec2.DescribeInstancesOutput) []types.Instance {
	var all []types.Instance
	for _, r := range out.Reservations {
		all = append(all, r.Instances...)
	}
	return all
}

// one is a single instance, by id.
func (a *account) one(id string) types.Instance {
	a.t.Helper()
	found := a.describe(nil, id)
	a.Expect(found).To(HaveLen(1))
	return found[0]
}

func ids(all []types.Instance) []string {
	var out []string
	for _, i := range all {
		out = append(out, aws.ToString(i.InstanceId))
	}
	return out
}

func filter(name string, values ...string) []types.Filter {
	return []types.Filter{{Name: aws.String(name), Values: values}}
}

// code is the code of an error of AWS; empty for no error, or another's.
func code(err error) string {
	if api, ok := errors.AsType[smithy.APIError](err); ok {
		return api.ErrorCode()
	}
	return ""
}

// tags are what an answer says, as a map.
func tags(from []types.Tag) map[string]string {
	out := map[string]string{}
	for _, t := range from {
		out[aws.ToString(t.Key)] = aws.ToString(t.Value)
	}
	return out
}

func tagsFor(kind types.ResourceType, key, value string) types.TagSpecification {
	return types.TagSpecification{ResourceType: kind, Tags: []types.Tag{{Key: aws.String(key), Value: aws.String(value)}}}
}
