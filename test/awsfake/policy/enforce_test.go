package policy_test

import (
	"context"
	"fmt"
	"testing"

	"github.com/aws/aws-sdk-go-v2/aws"
	awsec2 "github.com/aws/aws-sdk-go-v2/service/ec2"
	ec2types "github.com/aws/aws-sdk-go-v2/service/ec2/types"
	awsiam "github.com/aws/aws-sdk-go-v2/service/iam"
	iamtypes "github.com/aws/aws-sdk-go-v2/service/iam/types"
	awspricing "github.com/aws/aws-sdk-go-v2/service/pricing"
	awssqs "github.com/aws/aws-sdk-go-v2/service/sqs"
	awsssm "github.com/aws/aws-sdk-go-v2/service/ssm"
	. "github.com/onsi/gomega"

	"github.com/karpenter-kubeadm/karpenter-provider-aws/test/awsfake"
	"github.com/karpenter-kubeadm/karpenter-provider-aws/test/awsfake/policy"
	"github.com/karpenter-kubeadm/karpenter-provider-aws/test/awsfake/wire/wiretest"
)

const (
	region       = "ap-northeast-2"
	ubuntuNewest = "/aws/service/canonical/ubuntu/server/24.04/stable/current/amd64/hvm/ebs-gp3/ami-id"
)

// controller speaks to a seeded account as a principal with one policy.
type controller struct {
	*WithT
	ctx     context.Context
	account *awsfake.Server
	doc     *policy.Document
	ec2     *awsec2.Client
	iam     *awsiam.Client
	cfg     aws.Config
}

func newController(t *testing.T, path string) controller {
	t.Helper()
	account := awsfake.Start(t, func(o *awsfake.Options) { o.Account = wiretest.Account })
	doc, err := policy.Load(path, placeholders())
	if err != nil {
		t.Fatal(err)
	}
	account.IAM.AddProfile(awsfake.NodeProfile, "KarpenterNodeRole-prod")
	account.SQS.AddQueue(region, "prod")
	account.Policy.SetPrincipal(key, policy.Principal{Documents: []*policy.Document{doc}})
	cfg := account.ConfigFor(key, region)
	cfg.RetryMaxAttempts = 1
	return controller{NewWithT(t), t.Context(), account, doc, awsec2.NewFromConfig(cfg), awsiam.NewFromConfig(cfg), cfg}
}

func ec2Tags(tags map[string]string) []ec2types.Tag {
	var out []ec2types.Tag
	for k, v := range tags {
		out = append(out, ec2types.Tag{Key: aws.String(k), Value: aws.String(v)})
	}
	return out
}

// template makes one with tags of its own, for instances of the seed's network. What a
// fleet cannot tag, the template must: interfaces, and the request of spot capacity.
func (c controller) template(tags map[string]string, more ...ec2types.ResourceType) (string, error) {
	var specifications []ec2types.LaunchTemplateTagSpecificationRequest
	for _, kind := range append(more, ec2types.ResourceTypeNetworkInterface) {
		specifications = append(specifications, ec2types.LaunchTemplateTagSpecificationRequest{ResourceType: kind, Tags: ec2Tags(tags)})
	}
	image, err := awsssm.NewFromConfig(c.cfg).GetParameter(c.ctx, &awsssm.GetParameterInput{Name: aws.String(ubuntuNewest)})
	if err != nil {
		return "", err
	}
	groups, err := c.ec2.DescribeSecurityGroups(c.ctx, &awsec2.DescribeSecurityGroupsInput{
		Filters: []ec2types.Filter{{Name: aws.String("tag:karpenter.sh/discovery"), Values: []string{"true"}}},
	})
	if err != nil {
		return "", err
	}
	out, err := c.ec2.CreateLaunchTemplate(c.ctx, &awsec2.CreateLaunchTemplateInput{
		LaunchTemplateName: aws.String(fmt.Sprintf("nodes-%d", len(more))),
		LaunchTemplateData: &ec2types.RequestLaunchTemplateData{
			ImageId: image.Parameter.Value, SecurityGroupIds: []string{*groups.SecurityGroups[0].GroupId},
			IamInstanceProfile: &ec2types.LaunchTemplateIamInstanceProfileSpecificationRequest{Name: aws.String(awsfake.NodeProfile)},
			TagSpecifications:  specifications,
		},
		TagSpecifications: []ec2types.TagSpecification{{ResourceType: ec2types.ResourceTypeLaunchTemplate, Tags: ec2Tags(tags)}},
	})
	if err != nil {
		return "", err
	}
	return *out.LaunchTemplate.LaunchTemplateId, nil
}

// fleet launches one instance from a template, with tags on all it makes.
func (c controller) fleet(template string, kind ec2types.DefaultTargetCapacityType, tags map[string]string) (string, string) {
	subnets, err := c.ec2.DescribeSubnets(c.ctx, &awsec2.DescribeSubnetsInput{
		Filters: []ec2types.Filter{{Name: aws.String("availability-zone"), Values: []string{"ap-northeast-2a"}}},
	})
	c.Expect(err).NotTo(HaveOccurred())
	specifications := []ec2types.TagSpecification{}
	for _, kind := range []ec2types.ResourceType{ec2types.ResourceTypeFleet, ec2types.ResourceTypeInstance, ec2types.ResourceTypeVolume} {
		specifications = append(specifications, ec2types.TagSpecification{ResourceType: kind, Tags: ec2Tags(tags)})
	}
	out, err := c.ec2.CreateFleet(c.ctx, &awsec2.CreateFleetInput{
		Type: ec2types.FleetTypeInstant, TagSpecifications: specifications,
		TargetCapacitySpecification: &ec2types.TargetCapacitySpecificationRequest{
			TotalTargetCapacity: aws.Int32(1), DefaultTargetCapacityType: kind,
		},
		LaunchTemplateConfigs: []ec2types.FleetLaunchTemplateConfigRequest{{
			LaunchTemplateSpecification: &ec2types.FleetLaunchTemplateSpecificationRequest{LaunchTemplateId: aws.String(template), Version: aws.String("$Latest")},
			Overrides: []ec2types.FleetLaunchTemplateOverridesRequest{
				{InstanceType: ec2types.InstanceTypeT3Medium, SubnetId: subnets.Subnets[0].SubnetId},
			},
		}},
	})
	if err != nil {
		return "", wiretest.Code(err)
	}
	if len(out.Errors) > 0 {
		return "", *out.Errors[0].ErrorCode
	}
	return out.Instances[0].InstanceIds[0], ""
}

// live is a node's life, from the image to the end of its instance.
func (c controller) live(kind ec2types.DefaultTargetCapacityType, more ...ec2types.ResourceType) {
	template, err := c.template(tags(nil), more...)
	c.Expect(err).NotTo(HaveOccurred())
	instance, code := c.fleet(template, kind, tags(nil))
	c.Expect(code).To(BeEmpty(), "refusals: %+v", c.account.Policy.Denials())
	_, err = c.ec2.CreateTags(c.ctx, &awsec2.CreateTagsInput{
		Resources: []string{instance}, Tags: ec2Tags(map[string]string{"Name": "n", "karpenter.sh/nodeclaim": "c", "eks:eks-cluster-name": "prod"}),
	})
	c.Expect(err).NotTo(HaveOccurred())
	_, err = c.ec2.TerminateInstances(c.ctx, &awsec2.TerminateInstancesInput{InstanceIds: []string{instance}})
	c.Expect(err).NotTo(HaveOccurred())
	_, err = c.ec2.DeleteLaunchTemplate(c.ctx, &awsec2.DeleteLaunchTemplateInput{LaunchTemplateId: aws.String(template)})
	c.Expect(err).NotTo(HaveOccurred())
}

// everything is what a controller does in a day without trouble.
func (c controller) everything() {
	c.live(ec2types.DefaultTargetCapacityTypeOnDemand)
	c.live(ec2types.DefaultTargetCapacityTypeSpot, ec2types.ResourceTypeSpotInstancesRequest)
	c.profile()
	c.rest()
}

// profile is the life of an instance profile.
func (c controller) profile() {
	var own []iamtypes.Tag
	for k, v := range tags(nil) {
		own = append(own, iamtypes.Tag{Key: aws.String(k), Value: aws.String(v)})
	}
	name, role := aws.String("made"), aws.String("KarpenterNodeRole-prod")
	_, err := c.iam.CreateInstanceProfile(c.ctx, &awsiam.CreateInstanceProfileInput{InstanceProfileName: name, Path: aws.String("/karpenter/"), Tags: own})
	c.Expect(err).NotTo(HaveOccurred())
	_, err = c.iam.AddRoleToInstanceProfile(c.ctx, &awsiam.AddRoleToInstanceProfileInput{InstanceProfileName: name, RoleName: role})
	c.Expect(err).NotTo(HaveOccurred())
	_, err = c.iam.TagInstanceProfile(c.ctx, &awsiam.TagInstanceProfileInput{InstanceProfileName: name, Tags: own})
	c.Expect(err).NotTo(HaveOccurred())
	listed, err := c.iam.ListInstanceProfiles(c.ctx, &awsiam.ListInstanceProfilesInput{PathPrefix: aws.String("/karpenter/")})
	c.Expect(err).NotTo(HaveOccurred())
	c.Expect(listed.InstanceProfiles).To(HaveLen(1))
	_, err = c.iam.GetInstanceProfile(c.ctx, &awsiam.GetInstanceProfileInput{InstanceProfileName: name})
	c.Expect(err).NotTo(HaveOccurred())
	_, err = c.iam.RemoveRoleFromInstanceProfile(c.ctx, &awsiam.RemoveRoleFromInstanceProfileInput{InstanceProfileName: name, RoleName: role})
	c.Expect(err).NotTo(HaveOccurred())
	_, err = c.iam.DeleteInstanceProfile(c.ctx, &awsiam.DeleteInstanceProfileInput{InstanceProfileName: name})
	c.Expect(err).NotTo(HaveOccurred())
}

// rest is what is left: prices, and an interruption.
func (c controller) rest() {
	priced := c.cfg.Copy()
	priced.Region = "us-east-1"
	_, err := awspricing.NewFromConfig(priced).GetProducts(c.ctx, &awspricing.GetProductsInput{ServiceCode: aws.String("AmazonEC2"), MaxResults: aws.Int32(1)})
	c.Expect(err).NotTo(HaveOccurred())
	c.Expect(c.account.SQS.Send(region, "prod", "{}")).To(Succeed())
	queue := awssqs.NewFromConfig(c.cfg)
	url, err := queue.GetQueueUrl(c.ctx, &awssqs.GetQueueUrlInput{QueueName: aws.String("prod")})
	c.Expect(err).NotTo(HaveOccurred())
	got, err := queue.ReceiveMessage(c.ctx, &awssqs.ReceiveMessageInput{QueueUrl: url.QueueUrl})
	c.Expect(err).NotTo(HaveOccurred())
	_, err = queue.DeleteMessage(c.ctx, &awssqs.DeleteMessageInput{QueueUrl: url.QueueUrl, ReceiptHandle: got.Messages[0].ReceiptHandle})
	c.Expect(err).NotTo(HaveOccurred())
}

func TestTheControllersPolicySufficesOnTheWire(t *testing.T) {
	for name, path := range map[string]string{
		"ours":               chartFolder + "controller-policy.json",
		"the AWS provider's": "testdata/provider-1.15.json",
	} {
		t.Run(name, func(t *testing.T) {
			c := newController(t, path)
			c.everything()
			c.Expect(c.account.Policy.Denials()).To(BeEmpty())
		})
	}
}

func TestOfOurPolicyALifeLeavesOnlyTheRareThingsUnused(t *testing.T) {
	c := newController(t, chartFolder+"controller-policy.json")
	c.everything()
	const at = chartFolder + "controller-policy.json: "
	arn := "arn:aws:ec2:" + region
	c.Expect(c.account.Policy.Unused(c.doc)).To(ConsistOf(
		at+"LaunchFromImagesIntoNetworks: Resource "+arn+"::snapshot/*",
		at+"LaunchFromImagesIntoNetworks: Resource "+arn+":*:capacity-reservation/*",
		at+"LaunchFromImagesIntoNetworks: Resource "+arn+":*:placement-group/*",
		at+"EndOwnInstancesAndTemplates: Action ec2:RebootInstances",
		at+"ReadConsoleOfOwnInstances: Action ec2:GetConsoleOutput",
		at+"ReadConsoleOfOwnInstances: Resource "+arn+":*:instance/*",
		at+"ReadRegion: Action ec2:DescribeCapacityReservations",
		at+"ReadRegion: Action ec2:DescribeImages",
		at+"ReadRegion: Action ec2:DescribeInstances",
		at+"ReadRegion: Action ec2:DescribeInstanceStatus",
		at+"ReadRegion: Action ec2:DescribeInstanceTypeOfferings",
		at+"ReadRegion: Action ec2:DescribeInstanceTypes",
		at+"ReadRegion: Action ec2:DescribeLaunchTemplates",
		at+"ReadRegion: Action ec2:DescribePlacementGroups",
		at+"ReadRegion: Action ec2:DescribeSpotPriceHistory",
	))
}

func TestTheWireRefuses(t *testing.T) {
	unowned := tags(map[string]string{"kubernetes.io/cluster/prod": ""})
	for name, tc := range map[string]struct {
		call func(c controller) string // returns the error's code
		code string
	}{
		"a template without the cluster's tag": {func(c controller) string {
			_, err := c.template(unowned)
			return wiretest.Code(err)
		}, "UnauthorizedOperation"},
		"a fleet whose instances lack it": {func(c controller) string {
			template, err := c.template(tags(nil))
			c.Expect(err).NotTo(HaveOccurred())
			_, code := c.fleet(template, ec2types.DefaultTargetCapacityTypeOnDemand, unowned)
			return code
		}, "UnauthorizedOperation"},
		"spot capacity whose request lacks it": {func(c controller) string {
			template, err := c.template(tags(nil))
			c.Expect(err).NotTo(HaveOccurred())
			_, code := c.fleet(template, ec2types.DefaultTargetCapacityTypeSpot, tags(nil))
			return code
		}, "UnauthorizedOperation"},
		"a launch with a role of others": {func(c controller) string {
			c.account.IAM.AddProfile(awsfake.NodeProfile, "Administrator")
			template, err := c.template(tags(nil))
			c.Expect(err).NotTo(HaveOccurred())
			_, code := c.fleet(template, ec2types.DefaultTargetCapacityTypeOnDemand, tags(nil))
			return code
		}, "UnauthorizedOperation"},
		"a look at another region": {func(c controller) string {
			_, err := awsec2.NewFromConfig(c.account.ConfigFor(key, "us-east-1")).DescribeSubnets(c.ctx, &awsec2.DescribeSubnetsInput{})
			return wiretest.Code(err)
		}, "UnauthorizedOperation"},
		"a role": {func(c controller) string {
			_, err := c.iam.GetRole(c.ctx, &awsiam.GetRoleInput{RoleName: aws.String("KarpenterNodeRole-prod")})
			return wiretest.Code(err)
		}, "AccessDenied"},
		"a queue of others": {func(c controller) string {
			_, err := awssqs.NewFromConfig(c.cfg).GetQueueUrl(c.ctx, &awssqs.GetQueueUrlInput{QueueName: aws.String("test")})
			return wiretest.Code(err)
		}, "AccessDeniedException"},
	} {
		t.Run(name, func(t *testing.T) {
			c := newController(t, chartFolder+"controller-policy.json")
			c.Expect(tc.call(c)).To(Equal(tc.code))
			c.Expect(c.account.Policy.Denials()).To(HaveLen(1))
			c.Expect(c.instances()).To(BeEmpty())
		})
	}
}

// instances are all of the account, seen by who may see them.
func (c controller) instances() []ec2types.Instance {
	out, err := awsec2.NewFromConfig(c.account.Config()).DescribeInstances(c.ctx, &awsec2.DescribeInstancesInput{})
	c.Expect(err).NotTo(HaveOccurred())
	var all []ec2types.Instance
	for _, reservation := range out.Reservations {
		all = append(all, reservation.Instances...)
	}
	return all
}
