package contract_test

import (
	"context"
	"slices"
	"time"

	"github.com/aws/aws-sdk-go-v2/aws"
	"github.com/aws/aws-sdk-go-v2/service/ec2"
	ec2types "github.com/aws/aws-sdk-go-v2/service/ec2/types"
	"github.com/aws/aws-sdk-go-v2/service/ssm"
	. "github.com/onsi/gomega"
	"github.com/samber/lo"
)

func imageContracts() []contract {
	return []contract{
		{"a public parameter names an image that exists", publicImageExists},
		{"a public parameter names an image for its architecture", publicArmImage},
		{"Canonical publishes a parameter for Ubuntu", canonicalParameter},
		{"images are found by owner, name pattern and architecture", imagesByName},
		{"an image says when it was made", imageDate},
		{"images come in pages", imagePages},
		{"an unknown image is InvalidAMIID.NotFound", unknownImage},
		{"a filter for an unknown image finds nothing", unknownImageByFilter},
	}
}

func (a *account) describeImages(ctx context.Context, g Gomega, input *ec2.DescribeImagesInput) []ec2types.Image {
	out, err := a.ec2.DescribeImages(ctx, input)
	g.Expect(err).NotTo(HaveOccurred())
	return out.Images
}

func (a *account) parameter(ctx context.Context, g Gomega, name string) string {
	out, err := a.ssm.GetParameter(ctx, &ssm.GetParameterInput{Name: &name})
	g.Expect(err).NotTo(HaveOccurred())
	return *out.Parameter.Value
}

func publicImageExists(ctx context.Context, g Gomega, a *account) {
	found := a.describeImages(ctx, g, &ec2.DescribeImagesInput{Filters: where("image-id", a.parameter(ctx, g, publicImage))})
	g.Expect(found).To(HaveLen(1))
	g.Expect(found[0].Architecture).To(Equal(ec2types.ArchitectureValuesX8664))
	g.Expect(found[0].State).To(Equal(ec2types.ImageStateAvailable))
	g.Expect(*found[0].RootDeviceName).To(Equal("/dev/xvda"))
	g.Expect(*found[0].OwnerId).To(Equal("137112412989"), "Amazon Linux")
}

func publicArmImage(ctx context.Context, g Gomega, a *account) {
	id := a.parameter(ctx, g, "/aws/service/ami-amazon-linux-latest/al2023-ami-kernel-default-arm64")
	found := a.describeImages(ctx, g, &ec2.DescribeImagesInput{ImageIds: []string{id}})
	g.Expect(found).To(HaveLen(1))
	g.Expect(found[0].Architecture).To(Equal(ec2types.ArchitectureValuesArm64))
}

func canonicalParameter(ctx context.Context, g Gomega, a *account) {
	id := a.parameter(ctx, g, "/aws/service/canonical/ubuntu/server/24.04/stable/current/amd64/hvm/ebs-gp3/ami-id")
	found := a.describeImages(ctx, g, &ec2.DescribeImagesInput{ImageIds: []string{id}, Owners: []string{"099720109477"}})
	g.Expect(found).To(HaveLen(1))
	g.Expect(*found[0].Name).To(ContainSubstring("ubuntu-noble-24.04-amd64-server"))
}

func imagesByName(ctx context.Context, g Gomega, a *account) {
	found := a.describeImages(ctx, g, &ec2.DescribeImagesInput{
		Owners: []string{"amazon"}, Filters: append(where("name", "al2023-ami-2023*"), where("architecture", "arm64")...),
	})
	g.Expect(found).NotTo(BeEmpty())
	for _, i := range found {
		g.Expect(*i.Name).To(HavePrefix("al2023-ami-2023"))
		g.Expect(i.Architecture).To(Equal(ec2types.ArchitectureValuesArm64))
	}
	g.Expect(a.describeImages(ctx, g, &ec2.DescribeImagesInput{Owners: []string{"self"}})).To(BeEmpty())
}

func imageDate(ctx context.Context, g Gomega, a *account) {
	found := a.describeImages(ctx, g, &ec2.DescribeImagesInput{ImageIds: []string{a.image}})
	made, err := time.Parse(time.RFC3339, *found[0].CreationDate)
	g.Expect(err).NotTo(HaveOccurred())
	// Whatever runs now was published before now: by more than the time that a server has been up.
	g.Expect(time.Since(made)).To(BeNumerically(">", 6*time.Hour))
}

func imagePages(ctx context.Context, g Gomega, a *account) {
	input := &ec2.DescribeImagesInput{Owners: []string{"amazon"}, Filters: where("name", "*")}
	all := a.describeImages(ctx, g, input)
	g.Expect(len(all)).To(BeNumerically(">", 5))
	input.MaxResults = aws.Int32(5)
	first, err := a.ec2.DescribeImages(ctx, input)
	g.Expect(err).NotTo(HaveOccurred())
	g.Expect(len(first.Images)).To(BeNumerically("<=", 5))
	input.NextToken = first.NextToken
	second := a.describeImages(ctx, g, input)
	ids := lo.Map(slices.Concat(first.Images, second), func(i ec2types.Image, _ int) string { return *i.ImageId })
	g.Expect(lo.Uniq(ids)).To(HaveLen(10))
}

func unknownImage(ctx context.Context, g Gomega, a *account) {
	_, err := a.ec2.DescribeImages(ctx, &ec2.DescribeImagesInput{ImageIds: []string{"ami-0123456789abcdef0"}})
	g.Expect(err).To(code("InvalidAMIID.NotFound"))
}

func unknownImageByFilter(ctx context.Context, g Gomega, a *account) {
	g.Expect(a.describeImages(ctx, g, &ec2.DescribeImagesInput{Filters: where("image-id", "ami-0123456789abcdef0")})).To(BeEmpty())
	g.Expect(a.describeImages(ctx, g, &ec2.DescribeImagesInput{Filters: where("image-id", "ami-0123456789abcdef0", a.image)})).To(HaveLen(1))
}
