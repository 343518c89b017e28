package ec2_test

import (
	"testing"
	"time"

	"github.com/aws/aws-sdk-go-v2/aws"
	awsec2 "github.com/aws/aws-sdk-go-v2/service/ec2"
	"github.com/aws/aws-sdk-go-v2/service/ec2/types"
	. "github.com/onsi/gomega"

	"github.com/karpenter-kubeadm/karpenter-provider-aws/test/awsfake/ec2"
)

func TestTheSameFleetTokenLaunchesOnce(t *testing.T) {
	a := start(t)
	in := a.request(a.template("once"), 2, region+"a", "t3.large")
	in.ClientToken = aws.String("claim-1")
	first, second := a.fleet(in), a.fleet(in)
	a.Expect(second.FleetId).To(Equal(first.FleetId))
	a.Expect(second.Instances).To(Equal(first.Instances))
	a.Expect(a.describe(nil)).To(HaveLen(2))

	in.TargetCapacitySpecification.TotalTargetCapacity = aws.Int32(3)
	_, err := a.api.CreateFleet(t.Context(), in)
	a.Expect(code(err)).To(Equal("IdempotentParameterMismatch"))
	a.Expect(a.describe(nil)).To(HaveLen(2))

	in.ClientToken = aws.String("claim-2")
	a.Expect(a.fleet(in).FleetId).NotTo(Equal(first.FleetId))
	a.Expect(a.describe(nil)).To(HaveLen(5))
}

func TestATokenRemembersAFleetThatGotNothing(t *testing.T) {
	a := start(t)
	a.Expect(a.EC2.SetCapacity(region, ec2.Pool{Type: "t3.large"}, 0)).To(Succeed())
	in := a.request(a.template("dry"), 1, region+"a", "t3.large")
	in.ClientToken = aws.String("claim-1")
	a.Expect(errorCodes(a.fleet(in))).To(Equal([]string{"InsufficientInstanceCapacity"}))
	a.Expect(a.EC2.ClearCapacity(region)).To(Succeed())
	a.Expect(errorCodes(a.fleet(in))).To(Equal([]string{"InsufficientInstanceCapacity"}), "the answer is the first one's")
	in.ClientToken = aws.String("claim-2")
	a.Expect(errorCodes(a.fleet(in))).To(BeEmpty())
}

func TestACallThatFailedLeavesItsTokenFree(t *testing.T) {
	a := start(t)
	in := a.request("later", 1, region+"a", "t3.large")
	in.ClientToken = aws.String("claim-1")
	_, err := a.api.CreateFleet(t.Context(), in)
	a.Expect(code(err)).To(Equal("InvalidLaunchTemplateName.NotFoundException"))
	a.template("later")
	a.Expect(a.fleet(in).Instances).To(HaveLen(1))
}

func TestATokenOfOneActionMeansNothingToAnother(t *testing.T) {
	a := start(t)
	in := a.request(a.template("shared"), 1, region+"a", "t3.large")
	in.ClientToken = aws.String("token")
	a.fleet(in)
	_, err := a.api.RunInstances(t.Context(), &awsec2.RunInstancesInput{
		ClientToken: aws.String("token"), MinCount: aws.Int32(1), MaxCount: aws.Int32(1), InstanceType: types.InstanceTypeT3Large,
		ImageId: aws.String(a.image("x86_64")), SubnetId: a.subnet(region + "a").SubnetId,
	})
	a.Expect(err).NotTo(HaveOccurred())
	a.Expect(a.describe(nil)).To(HaveLen(2))
}

func TestATokenIsForgottenAfterADay(t *testing.T) {
	a := start(t)
	in := a.request(a.template("daily"), 1, region+"a", "t3.large")
	in.ClientToken = aws.String("claim-1")
	first := a.fleet(in)
	a.clock.Step(24*time.Hour - time.Second)
	a.Expect(a.fleet(in).FleetId).To(Equal(first.FleetId))
	a.clock.Step(time.Second)
	a.Expect(a.fleet(in).FleetId).NotTo(Equal(first.FleetId))
}

func TestRunInstancesTokens(t *testing.T) {
	a := start(t)
	in := &awsec2.RunInstancesInput{
		ClientToken: aws.String("token"), MinCount: aws.Int32(1), MaxCount: aws.Int32(1), InstanceType: types.InstanceTypeT3Large,
		ImageId: aws.String(a.image("x86_64")), SubnetId: a.subnet(region + "a").SubnetId,
	}
	first, err := a.api.RunInstances(t.Context(), in)
	a.Expect(err).NotTo(HaveOccurred())
	second, err := a.api.RunInstances(t.Context(), in)
	a.Expect(err).NotTo(HaveOccurred())
	a.Expect(ids(second.Instances)).To(Equal(ids(first.Instances)))
	a.Expect(ids(a.describe(filter("client-token", "token")))).To(Equal(ids(first.Instances)))

	in.InstanceType = types.InstanceTypeT3Medium
	_, err = a.api.RunInstances(t.Context(), in)
	a.Expect(code(err)).To(Equal("IdempotentParameterMismatch"))

	in.InstanceType = types.InstanceTypeT3Large
	_, err = a.api.TerminateInstances(t.Context(), &awsec2.TerminateInstancesInput{InstanceIds: ids(first.Instances)})
	a.Expect(err).NotTo(HaveOccurred())
	a.clock.Step(time.Second)
	_, err = a.api.RunInstances(t.Context(), in)
	a.Expect(code(err)).To(Equal("IdempotentInstanceTerminated"))
}

func TestTemplateTokens(t *testing.T) {
	a := start(t)
	in := &awsec2.CreateLaunchTemplateInput{
		ClientToken: aws.String("token"), LaunchTemplateName: aws.String("once"), LaunchTemplateData: &types.RequestLaunchTemplateData{KeyName: aws.String("k")},
	}
	first, err := a.api.CreateLaunchTemplate(t.Context(), in)
	a.Expect(err).NotTo(HaveOccurred())
	second, err := a.api.CreateLaunchTemplate(t.Context(), in)
	a.Expect(err).NotTo(HaveOccurred(), "though the name is taken, by this very request")
	a.Expect(second.LaunchTemplate.LaunchTemplateId).To(Equal(first.LaunchTemplate.LaunchTemplateId))
	in.LaunchTemplateName = aws.String("other")
	_, err = a.api.CreateLaunchTemplate(t.Context(), in)
	a.Expect(code(err)).To(Equal("IdempotentParameterMismatch"))
}
