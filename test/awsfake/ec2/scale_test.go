package ec2_test

import (
	"fmt"
	"sync"
	"testing"
	"time"

	"github.com/aws/aws-sdk-go-v2/aws"
	awsec2 "github.com/aws/aws-sdk-go-v2/service/ec2"
	"github.com/aws/aws-sdk-go-v2/service/ec2/types"
	. "github.com/onsi/gomega"

	"github.com/karpenter-kubeadm/karpenter-provider-aws/test/awsfake"
	"github.com/karpenter-kubeadm/karpenter-provider-aws/test/awsfake/ec2"
)

// Many callers at once: each launches, tags, finds and ends its own instance, and gets no
// other's. Under the race detector this is also the test of the locks.
func TestManyAtOnce(t *testing.T) {
	a := start(t)
	lt := a.template("crowd")
	in := a.request(lt, 1, region+"a", "t3.large", "t3.medium")
	errs := make(chan error, 64)
	var all sync.WaitGroup
	for n := range cap(errs) {
		all.Go(func() { errs <- a.liveOnce(in, fmt.Sprintf("claim-%d", n)) })
	}
	all.Wait()
	close(errs)
	for err := range errs {
		a.Expect(err).NotTo(HaveOccurred())
	}
	a.Expect(a.describe(filter("instance-state-name", "pending", "running"))).To(BeEmpty())
	a.Expect(a.describe(filter("instance-state-name", "terminated", "shutting-down"))).To(HaveLen(cap(errs)))
	a.Expect(aws.ToInt32(a.subnet(region + "a").AvailableIpAddressCount)).To(Equal(int32(8187)))
}

func (a *account) liveOnce(in *awsec2.CreateFleetInput, claim string) error {
	own := *in
	own.ClientToken = aws.String(claim)
	out, err := a.api.CreateFleet(a.t.Context(), &own)
	if err != nil {
		return err
	}
	id := out.Instances[0].InstanceIds[0]
	if err := a.tag(id, "claim", claim); err != nil {
		return err
	}
	found, err := a.api.DescribeInstances(a.t.Context(), &awsec2.DescribeInstancesInput{Filters: filter("tag:claim", claim)})
	if err != nil {
		return err
	}
	if got := ids(instances(found)); len(got) != 1 || got[0] != id {
		return fmt.Errorf("%s launched %s and finds %v", claim, id, got)
	}
	_, err = a.api.TerminateInstances(a.t.Context(), &awsec2.TerminateInstancesInput{InstanceIds: []string{id}})
	return err
}

// crowd is an account with n running instances, each with a tag of its own.
func crowd(b *testing.B, n int) *awsec2.Client {
	b.Helper()
	g := NewWithT(b)
	s := awsfake.Start(b, func(o *awsfake.Options) { o.Delays = ec2.Delays{ShuttingDown: time.Hour} })
	api := awsec2.NewFromConfig(s.Config())
	images, err := api.DescribeImages(b.Context(), &awsec2.DescribeImagesInput{Owners: []string{ec2.Canonical}, Filters: filter("architecture", "x86_64")})
	g.Expect(err).NotTo(HaveOccurred())
	subnets, err := api.DescribeSubnets(b.Context(), &awsec2.DescribeSubnetsInput{})
	g.Expect(err).NotTo(HaveOccurred())
	_, err = api.CreateLaunchTemplate(b.Context(), &awsec2.CreateLaunchTemplateInput{
		LaunchTemplateName: aws.String("bench"), LaunchTemplateData: &types.RequestLaunchTemplateData{ImageId: images.Images[0].ImageId},
	})
	g.Expect(err).NotTo(HaveOccurred())
	out, err := api.RunInstances(b.Context(), &awsec2.RunInstancesInput{
		MinCount: aws.Int32(int32(n)), MaxCount: aws.Int32(int32(n)), InstanceType: types.InstanceTypeT3Large,
		SubnetId: subnets.Subnets[0].SubnetId, LaunchTemplate: &types.LaunchTemplateSpecification{LaunchTemplateName: aws.String("bench")},
	})
	g.Expect(err).NotTo(HaveOccurred())
	for i, id := range ids(out.Instances) {
		_, err := api.CreateTags(b.Context(), &awsec2.CreateTagsInput{
			Resources: []string{id}, Tags: []types.Tag{{Key: aws.String("claim"), Value: aws.String(fmt.Sprint(i))}},
		})
		g.Expect(err).NotTo(HaveOccurred())
	}
	return api
}

// BenchmarkDescribeOneOfMany finds one of 5,000 instances by its own tag, over the wire. The
// budget is 1 ms: most of it is HTTP, so the number of instances must not show.
func BenchmarkDescribeOneOfMany(b *testing.B) {
	api := crowd(b, 5000)
	for b.Loop() {
		out, err := api.DescribeInstances(b.Context(), &awsec2.DescribeInstancesInput{Filters: filter("tag:claim", "2500")})
		if err != nil || len(instances(out)) != 1 {
			b.Fatalf("found %v: %v", out, err)
		}
	}
}

// BenchmarkDescribeAll lists 5,000 instances in pages of 1,000, as a sweep of the inventory
// does. The budget is 1 s, the SDK's reading of 12 MB of XML included.
func BenchmarkDescribeAll(b *testing.B) {
	api := crowd(b, 5000)
	for b.Loop() {
		n := 0
		pages := awsec2.NewDescribeInstancesPaginator(api, &awsec2.DescribeInstancesInput{MaxResults: aws.Int32(1000)})
		for pages.HasMorePages() {
			page, err := pages.NextPage(b.Context())
			if err != nil {
				b.Fatal(err)
			}
			n += len(instances(page))
		}
		if n != 5000 {
			b.Fatalf("listed %d", n)
		}
	}
}

// BenchmarkCreateFleet launches one instance out of 180 overrides, 60 types in 3 zones, where
// 5,000 run already. The budget is 10 ms.
func BenchmarkCreateFleet(b *testing.B) {
	api := crowd(b, 5000)
	subnets, err := api.DescribeSubnets(b.Context(), &awsec2.DescribeSubnetsInput{})
	NewWithT(b).Expect(err).NotTo(HaveOccurred())
	kinds, err := api.DescribeInstanceTypes(b.Context(), &awsec2.DescribeInstanceTypesInput{
		Filters: append(filter("processor-info.supported-architecture", "x86_64"), filter("bare-metal", "false")...),
	})
	NewWithT(b).Expect(err).NotTo(HaveOccurred())
	config := types.FleetLaunchTemplateConfigRequest{LaunchTemplateSpecification: &types.FleetLaunchTemplateSpecificationRequest{
		LaunchTemplateName: aws.String("bench"), Version: aws.String("$Latest"),
	}}
	for _, it := range kinds.InstanceTypes[:60] {
		for _, s := range subnets.Subnets[:3] {
			config.Overrides = append(config.Overrides, types.FleetLaunchTemplateOverridesRequest{InstanceType: it.InstanceType, SubnetId: s.SubnetId})
		}
	}
	for b.Loop() {
		out, err := api.CreateFleet(b.Context(), &awsec2.CreateFleetInput{
			Type: types.FleetTypeInstant, LaunchTemplateConfigs: []types.FleetLaunchTemplateConfigRequest{config},
			TargetCapacitySpecification: &types.TargetCapacitySpecificationRequest{TotalTargetCapacity: aws.Int32(1), DefaultTargetCapacityType: "on-demand"},
		})
		if err != nil || len(out.Instances) != 1 {
			b.Fatalf("launched %v: %v", out, err)
		}
	}
}
