package ec2_test

import (
	"testing"

	"github.com/aws/aws-sdk-go-v2/aws"
	awsec2 "github.com/aws/aws-sdk-go-v2/service/ec2"
	"github.com/aws/aws-sdk-go-v2/service/ec2/types"
	. "github.com/onsi/gomega"

	"github.com/karpenter-kubeadm/karpenter-provider-aws/test/awsfake"
	"github.com/karpenter-kubeadm/karpenter-provider-aws/test/awsfake/ec2"
)

func (a *account) run(change ...func(*awsec2.RunInstancesInput)) (*awsec2.RunInstancesOutput, error) {
	a.t.Helper()
	in := &awsec2.RunInstancesInput{
		MinCount: aws.Int32(1), MaxCount: aws.Int32(1), InstanceType: types.InstanceTypeT3Large,
		ImageId: aws.String(a.image("x86_64")), SubnetId: a.subnet(a.Region() + "a").SubnetId, SecurityGroupIds: []string{a.group()},
	}
	for _, edit := range change {
		edit(in)
	}
	return a.api.RunInstances(a.t.Context(), in)
}

func TestRunInstancesLaunchesWhatItSays(t *testing.T) {
	a := start(t)
	out, err := a.run(func(in *awsec2.RunInstancesInput) {
		in.MaxCount = aws.Int32(2)
		in.KeyName = aws.String("key")
		in.TagSpecifications = []types.TagSpecification{tagsFor(types.ResourceTypeInstance, "k", "v")}
	})
	a.Expect(err).NotTo(HaveOccurred())
	a.Expect(out.Instances).To(HaveLen(2))
	a.Expect(out.Instances[0].State.Name).To(Equal(types.InstanceStateNamePending))
	found := a.describe(filter("reservation-id", aws.ToString(out.ReservationId)))
	a.Expect(ids(found)).To(Equal(ids(out.Instances)))
	a.Expect(aws.ToInt32(found[1].AmiLaunchIndex)).To(Equal(int32(1)))
	a.Expect(aws.ToString(found[0].Placement.AvailabilityZone)).To(Equal(region + "a"))
	a.Expect(tags(found[0].Tags)).To(Equal(map[string]string{"k": "v"}))
	a.Expect(aws.ToString(found[0].SecurityGroups[0].GroupId)).To(Equal(a.group()))
}

func TestRunInstancesOverridesItsTemplate(t *testing.T) {
	a := start(t)
	lt := a.template("base", func(d *types.RequestLaunchTemplateData) {
		d.NetworkInterfaces, d.InstanceType = nil, types.InstanceTypeT3Medium
		d.TagSpecifications = []types.LaunchTemplateTagSpecificationRequest{
			{ResourceType: types.ResourceTypeInstance, Tags: []types.Tag{
				{Key: aws.String("from"), Value: aws.String("template")}, {Key: aws.String("only"), Value: aws.String("template")},
			}},
		}
	})
	out, err := a.run(func(in *awsec2.RunInstancesInput) {
		in.ImageId, in.LaunchTemplate = nil, &types.LaunchTemplateSpecification{LaunchTemplateName: aws.String(lt)}
		in.TagSpecifications = []types.TagSpecification{tagsFor(types.ResourceTypeInstance, "from", "request")}
	})
	a.Expect(err).NotTo(HaveOccurred())
	i := a.one(ids(out.Instances)[0])
	a.Expect(i.InstanceType).To(Equal(types.InstanceTypeT3Large))
	a.Expect(aws.ToString(i.ImageId)).To(Equal(a.image("x86_64")))
	a.Expect(tags(i.Tags)).To(HaveKeyWithValue("from", "request"))
	a.Expect(tags(i.Tags)).To(HaveKeyWithValue("only", "template"))
}

func TestRunInstancesStartsAtLeastMinCountOrNone(t *testing.T) {
	a := start(t)
	a.Expect(a.EC2.SetCapacity(region, ec2.Pool{Type: "t3.large"}, 2)).To(Succeed())
	free := a.subnet(region + "a").AvailableIpAddressCount
	_, err := a.run(func(in *awsec2.RunInstancesInput) { in.MinCount, in.MaxCount = aws.Int32(3), aws.Int32(3) })
	a.Expect(code(err)).To(Equal("InsufficientInstanceCapacity"))
	a.Expect(a.describe(nil)).To(BeEmpty())
	a.Expect(a.subnet(region + "a").AvailableIpAddressCount).To(Equal(free))

	out, err := a.run(func(in *awsec2.RunInstancesInput) { in.MinCount, in.MaxCount = aws.Int32(1), aws.Int32(3) })
	a.Expect(err).NotTo(HaveOccurred())
	a.Expect(out.Instances).To(HaveLen(2), "the two that were given back")
}

func TestRunInstancesRefuses(t *testing.T) {
	for name, tc := range map[string]struct {
		change func(*awsec2.RunInstancesInput)
		code   string
	}{
		"a dry run that would have worked": {func(in *awsec2.RunInstancesInput) { in.DryRun = aws.Bool(true) }, "DryRunOperation"},
		"a dry run that would not": {func(in *awsec2.RunInstancesInput) {
			in.DryRun, in.IamInstanceProfile = aws.Bool(true), &types.IamInstanceProfileSpecification{Name: aws.String("nobody")}
		}, "InvalidParameterValue"},
		"no image": {func(in *awsec2.RunInstancesInput) { in.ImageId = nil }, "MissingParameter"},
		"no type":  {func(in *awsec2.RunInstancesInput) { in.InstanceType = "" }, "MissingParameter"},
		"counts the wrong way round": {func(in *awsec2.RunInstancesInput) {
			in.MinCount, in.MaxCount = aws.Int32(2), aws.Int32(1)
		}, "InvalidParameterValue"},
		"hops beyond 64": {func(in *awsec2.RunInstancesInput) {
			in.MetadataOptions = &types.InstanceMetadataOptionsRequest{HttpPutResponseHopLimit: aws.Int32(65)}
		}, "InvalidParameterValue"},
		"a group id that is none": {func(in *awsec2.RunInstancesInput) { in.SecurityGroupIds = []string{"other"} }, "InvalidGroupId.Malformed"},
		"spot tags without spot": {func(in *awsec2.RunInstancesInput) {
			in.TagSpecifications = []types.TagSpecification{tagsFor(types.ResourceTypeSpotInstancesRequest, "k", "v")}
		}, "InvalidParameterValue"},
		"what is not modelled": {func(in *awsec2.RunInstancesInput) { in.RamdiskId = aws.String("ari-1") }, "UnknownParameter"},
	} {
		t.Run(name, func(t *testing.T) {
			a := start(t)
			_, err := a.run(tc.change)
			a.Expect(code(err)).To(Equal(tc.code))
			a.Expect(a.describe(nil)).To(BeEmpty())
		})
	}
}

func TestAGroupOfAnotherNetworkIsRefused(t *testing.T) {
	a := start(t)
	vpc, err := a.api.CreateVpc(t.Context(), &awsec2.CreateVpcInput{CidrBlock: aws.String("10.9.0.0/16")})
	a.Expect(err).NotTo(HaveOccurred())
	other, err := a.api.CreateSecurityGroup(t.Context(), &awsec2.CreateSecurityGroupInput{
		VpcId: vpc.Vpc.VpcId, GroupName: aws.String("other"), Description: aws.String("other"),
	})
	a.Expect(err).NotTo(HaveOccurred())
	_, err = a.run(func(in *awsec2.RunInstancesInput) { in.SecurityGroupIds = []string{aws.ToString(other.GroupId)} })
	a.Expect(code(err)).To(Equal("InvalidParameter"))
	a.Expect(err).To(MatchError(ContainSubstring("belong to different networks")))
}

func TestPrivateNames(t *testing.T) {
	for name, tc := range map[string]struct{ region, kind, want string }{
		"by address":               {"ap-northeast-2", "ip-name", `^ip-10-0-\d+-\d+\.ap-northeast-2\.compute\.internal$`},
		"by address in us-east-1":  {"us-east-1", "ip-name", `^ip-10-0-\d+-\d+\.ec2\.internal$`},
		"by the instance's own id": {"ap-northeast-2", "resource-name", `^i-[0-9a-f]{17}\.ap-northeast-2\.compute\.internal$`},
		"by its id in us-east-1":   {"us-east-1", "resource-name", `^i-[0-9a-f]{17}\.ec2\.internal$`},
	} {
		t.Run(name, func(t *testing.T) {
			a := start(t, func(o *awsfake.Options) { o.Region = tc.region })
			out, err := a.run(func(in *awsec2.RunInstancesInput) {
				in.PrivateDnsNameOptions = &types.PrivateDnsNameOptionsRequest{HostnameType: types.HostnameType(tc.kind)}
			})
			a.Expect(err).NotTo(HaveOccurred())
			a.Expect(aws.ToString(a.one(ids(out.Instances)[0]).PrivateDnsName)).To(MatchRegexp(tc.want))
		})
	}
}
