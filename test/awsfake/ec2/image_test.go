package ec2_test

import (
	"testing"
	"time"

	"github.com/aws/aws-sdk-go-v2/aws"
	awsec2 "github.com/aws/aws-sdk-go-v2/service/ec2"
	"github.com/aws/aws-sdk-go-v2/service/ec2/types"
	"github.com/aws/aws-sdk-go-v2/service/ssm"
	. "github.com/onsi/gomega"

	"github.com/karpenter-kubeadm/karpenter-provider-aws/test/awsfake/ec2"
)

func TestPublicParametersNameTheSeedsImages(t *testing.T) {
	a := start(t)
	parameters := ssm.NewFromConfig(a.Config())
	for path, want := range map[string]string{
		"/aws/service/canonical/ubuntu/server/22.04/stable/current/amd64/hvm/ebs-gp2/ami-id": "ubuntu/images/hvm-ssd/ubuntu-jammy-22.04-amd64-server-",
		"/aws/service/canonical/ubuntu/server/24.04/stable/current/arm64/hvm/ebs-gp3/ami-id": "ubuntu/images/hvm-ssd-gp3/ubuntu-noble-24.04-arm64-server-",
		"/aws/service/ami-amazon-linux-latest/al2023-ami-kernel-default-x86_64":              "al2023-ami-2023",
	} {
		p, err := parameters.GetParameter(t.Context(), &ssm.GetParameterInput{Name: aws.String(path)})
		a.Expect(err).NotTo(HaveOccurred(), path)
		out, err := a.api.DescribeImages(t.Context(), &awsec2.DescribeImagesInput{ImageIds: []string{aws.ToString(p.Parameter.Value)}})
		a.Expect(err).NotTo(HaveOccurred())
		a.Expect(aws.ToString(out.Images[0].Name)).To(HavePrefix(want))
		a.Expect(out.Images[0].State).To(Equal(types.ImageStateAvailable))
	}
}

func TestImagesByOwner(t *testing.T) {
	a := start(t)
	mine, err := a.EC2.AddImage(region, ec2.Image{Name: "baked", Architecture: "x86_64", RootDevice: "/dev/sda1", RootSizeGiB: 8, Tags: map[string]string{"team": "a"}})
	a.Expect(err).NotTo(HaveOccurred())
	count := func(owners ...string) int {
		out, err := a.api.DescribeImages(t.Context(), &awsec2.DescribeImagesInput{Owners: owners})
		a.Expect(err).NotTo(HaveOccurred())
		return len(out.Images)
	}
	a.Expect(count("self")).To(Equal(1))
	a.Expect(count(ec2.Canonical)).To(Equal(4))
	a.Expect(count("self", ec2.Canonical)).To(Equal(5))
	a.Expect(count("amazon")).To(BeNumerically(">", 2))
	a.Expect(count()).To(Equal(count("self", ec2.Canonical, ec2.DebianCloud, ec2.Flatcar, "amazon")))
	out, err := a.api.DescribeImages(t.Context(), &awsec2.DescribeImagesInput{Filters: filter("tag:team", "a")})
	a.Expect(err).NotTo(HaveOccurred())
	a.Expect(aws.ToString(out.Images[0].ImageId)).To(Equal(mine))
}

func TestDeprecatedImagesAreHidden(t *testing.T) {
	a := start(t)
	_, err := a.EC2.AddImage(region, ec2.Image{
		Name: "old", Owner: ec2.Canonical, Public: true, Architecture: "x86_64", RootDevice: "/dev/sda1", RootSizeGiB: 8, Deprecated: a.clock.Now().Add(time.Hour),
	})
	a.Expect(err).NotTo(HaveOccurred())
	count := func(deprecated bool) int {
		out, err := a.api.DescribeImages(t.Context(), &awsec2.DescribeImagesInput{Filters: filter("name", "old"), IncludeDeprecated: aws.Bool(deprecated)})
		a.Expect(err).NotTo(HaveOccurred())
		return len(out.Images)
	}
	a.Expect(count(false)).To(Equal(1))
	a.clock.Step(time.Hour)
	a.Expect(count(false)).To(Equal(0))
	a.Expect(count(true)).To(Equal(1))
}

func TestANewerImageTakesTheParameterOver(t *testing.T) {
	a := start(t)
	const path = "/aws/service/canonical/ubuntu/server/24.04/stable/current/amd64/hvm/ebs-gp3/ami-id"
	old := a.image("x86_64")
	next, err := a.EC2.AddImage(region, ec2.Image{
		Name: "newer", Owner: ec2.Canonical, Public: true, Architecture: "x86_64", RootDevice: "/dev/sda1", RootSizeGiB: 8, Parameters: []string{path},
	})
	a.Expect(err).NotTo(HaveOccurred())
	value := func() string {
		v, _ := a.SSM.Value(region, path)
		return v
	}
	a.Expect(value()).To(Equal(next))
	a.Expect(a.EC2.DeregisterImage(region, old)).To(Succeed())
	a.Expect(value()).To(Equal(next), "the parameter is not the old image's any more")
	a.Expect(a.EC2.DeregisterImage(region, next)).To(Succeed())
	a.Expect(value()).To(BeEmpty())
	_, err = a.api.DescribeImages(t.Context(), &awsec2.DescribeImagesInput{ImageIds: []string{old}})
	a.Expect(code(err)).To(Equal("InvalidAMIID.NotFound"))
}

func TestImagesInPages(t *testing.T) {
	a := start(t)
	pages := awsec2.NewDescribeImagesPaginator(a.api, &awsec2.DescribeImagesInput{Owners: []string{ec2.Canonical}, MaxResults: aws.Int32(3)})
	var sizes []int
	for pages.HasMorePages() {
		page, err := pages.NextPage(t.Context())
		a.Expect(err).NotTo(HaveOccurred())
		sizes = append(sizes, len(page.Images))
	}
	a.Expect(sizes).To(Equal([]int{3, 1}))
}
