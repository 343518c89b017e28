package contract_test

import (
	"context"
	"encoding/base64"
	"strings"

	"github.com/aws/aws-sdk-go-v2/aws"
	"github.com/aws/aws-sdk-go-v2/service/ec2"
	ec2types "github.com/aws/aws-sdk-go-v2/service/ec2/types"
	. "github.com/onsi/gomega"
	"github.com/samber/lo"
)

func templateContracts() []contract {
	return []contract{
		{"a launch template is described by name and by id, with its tags", templateIsDescribed},
		{"launch templates are found by tag", templateByTag},
		{"a template's version has the user data byte for byte", templateUserData},
		{"a template's version has devices, interfaces and metadata options", templateDevices},
		{"a template's version has the tags of what it launches", templateTags},
		{"a second template of a name is refused", duplicateTemplate},
		{"a template made with a token used before is the first one", templateToken},
		{"a dry run makes no template", dryTemplate},
		{"a template with more than 16 KiB of user data is refused", templateTooLarge},
		{"a deleted template is unknown by its name", deletedTemplateByName},
		{"a deleted template is unknown by its id", deletedTemplateByID},
		{"launch templates come in pages", templatePages},
	}
}

func (a *account) describeTemplate(ctx context.Context, name string) (*ec2.DescribeLaunchTemplatesOutput, error) {
	return a.ec2.DescribeLaunchTemplates(ctx, &ec2.DescribeLaunchTemplatesInput{LaunchTemplateNames: []string{name}})
}

// templateID is the id of the template that is there under name.
func (a *account) templateID(ctx context.Context, g Gomega, name string) string {
	out, err := a.describeTemplate(ctx, name)
	g.Expect(err).NotTo(HaveOccurred())
	g.Expect(out.LaunchTemplates).To(HaveLen(1))
	return *out.LaunchTemplates[0].LaunchTemplateId
}

// version is what the latest version of a template holds.
func (a *account) version(ctx context.Context, g Gomega, name string) *ec2types.ResponseLaunchTemplateData {
	out, err := a.ec2.DescribeLaunchTemplateVersions(ctx, &ec2.DescribeLaunchTemplateVersionsInput{
		LaunchTemplateName: &name, Versions: []string{"$Latest"},
	})
	g.Expect(err).NotTo(HaveOccurred())
	g.Expect(out.LaunchTemplateVersions).To(HaveLen(1))
	return out.LaunchTemplateVersions[0].LaunchTemplateData
}

func templateIsDescribed(ctx context.Context, g Gomega, a *account) {
	name := a.newTemplate(ctx, g)
	id := a.templateID(ctx, g, name)
	out, err := a.ec2.DescribeLaunchTemplates(ctx, &ec2.DescribeLaunchTemplatesInput{LaunchTemplateIds: []string{id}})
	g.Expect(err).NotTo(HaveOccurred())
	g.Expect(out.LaunchTemplates).To(HaveLen(1))
	got := out.LaunchTemplates[0]
	g.Expect(*got.LaunchTemplateName).To(Equal(name))
	g.Expect(*got.LatestVersionNumber).To(BeEquivalentTo(1))
	g.Expect(tagMap(got.Tags)).To(Equal(map[string]string{runTag: a.run}))
}

func templateByTag(ctx context.Context, g Gomega, a *account) {
	mark := a.name("mark")
	name := a.newTemplate(ctx, g, func(in *ec2.CreateLaunchTemplateInput) {
		in.TagSpecifications = a.tagging(ec2types.ResourceTypeLaunchTemplate, "mark", mark)
	})
	a.newTemplate(ctx, g)
	out, err := a.ec2.DescribeLaunchTemplates(ctx, &ec2.DescribeLaunchTemplatesInput{Filters: append(where("tag:mark", mark), where("tag-key", runTag)...)})
	g.Expect(err).NotTo(HaveOccurred())
	g.Expect(out.LaunchTemplates).To(HaveLen(1))
	g.Expect(*out.LaunchTemplates[0].LaunchTemplateName).To(Equal(name))
}

func templateUserData(ctx context.Context, g Gomega, a *account) {
	data, err := base64.StdEncoding.DecodeString(*a.version(ctx, g, a.newTemplate(ctx, g)).UserData)
	g.Expect(err).NotTo(HaveOccurred())
	g.Expect(string(data)).To(Equal(script))
}

func templateDevices(ctx context.Context, g Gomega, a *account) {
	got := a.version(ctx, g, a.newTemplate(ctx, g))
	g.Expect(*got.ImageId).To(Equal(a.image))
	g.Expect(*got.IamInstanceProfile.Name).To(Equal(a.profile))
	g.Expect(got.BlockDeviceMappings).To(HaveLen(1))
	g.Expect(*got.BlockDeviceMappings[0].DeviceName).To(Equal("/dev/xvda"))
	g.Expect(*got.BlockDeviceMappings[0].Ebs.VolumeSize).To(BeEquivalentTo(33))
	g.Expect(got.NetworkInterfaces).To(HaveLen(1))
	g.Expect(got.NetworkInterfaces[0].Groups).To(Equal([]string{a.group}))
	g.Expect(got.MetadataOptions.HttpTokens).To(Equal(ec2types.LaunchTemplateHttpTokensStateRequired))
	g.Expect(*got.MetadataOptions.HttpPutResponseHopLimit).To(BeEquivalentTo(2))
}

func templateTags(ctx context.Context, g Gomega, a *account) {
	name := a.newTemplate(ctx, g, func(in *ec2.CreateLaunchTemplateInput) {
		in.LaunchTemplateData.TagSpecifications = []ec2types.LaunchTemplateTagSpecificationRequest{
			{ResourceType: ec2types.ResourceTypeNetworkInterface, Tags: a.tags("color", "blue")},
		}
	})
	got := a.version(ctx, g, name).TagSpecifications
	g.Expect(got).To(HaveLen(1))
	g.Expect(got[0].ResourceType).To(Equal(ec2types.ResourceTypeNetworkInterface))
	g.Expect(tagMap(got[0].Tags)).To(Equal(map[string]string{runTag: a.run, "color": "blue"}))
}

func duplicateTemplate(ctx context.Context, g Gomega, a *account) {
	name := a.newTemplate(ctx, g)
	id := a.templateID(ctx, g, name)
	_, err := a.ec2.CreateLaunchTemplate(ctx, &ec2.CreateLaunchTemplateInput{LaunchTemplateName: &name, LaunchTemplateData: a.templateData()})
	g.Expect(err).To(code("InvalidLaunchTemplateName.AlreadyExistsException"))
	g.Expect(a.templateID(ctx, g, name)).To(Equal(id))
}

func templateToken(ctx context.Context, g Gomega, a *account) {
	input := &ec2.CreateLaunchTemplateInput{
		LaunchTemplateName: aws.String(a.name("template")), LaunchTemplateData: a.templateData(), ClientToken: aws.String(a.name("token")),
	}
	first, err := a.ec2.CreateLaunchTemplate(ctx, input)
	g.Expect(err).NotTo(HaveOccurred())
	again, err := a.ec2.CreateLaunchTemplate(ctx, input)
	g.Expect(err).NotTo(HaveOccurred())
	g.Expect(again.LaunchTemplate.LaunchTemplateId).To(Equal(first.LaunchTemplate.LaunchTemplateId))
	g.Expect(a.templateID(ctx, g, *input.LaunchTemplateName)).To(Equal(*first.LaunchTemplate.LaunchTemplateId))
}

func dryTemplate(ctx context.Context, g Gomega, a *account) {
	name := a.name("template")
	_, err := a.ec2.CreateLaunchTemplate(ctx, &ec2.CreateLaunchTemplateInput{LaunchTemplateName: &name, LaunchTemplateData: a.templateData(), DryRun: aws.Bool(true)})
	g.Expect(err).To(code("DryRunOperation"))
	_, err = a.describeTemplate(ctx, name)
	g.Expect(err).To(HaveOccurred())
}

func templateTooLarge(ctx context.Context, g Gomega, a *account) {
	name, data := a.name("template"), a.templateData()
	data.UserData = aws.String(base64.StdEncoding.EncodeToString([]byte(strings.Repeat("x", 16<<10+1))))
	_, err := a.ec2.CreateLaunchTemplate(ctx, &ec2.CreateLaunchTemplateInput{LaunchTemplateName: &name, LaunchTemplateData: data})
	g.Expect(err).To(HaveOccurred(), "16,385 bytes of user data")
	_, err = a.describeTemplate(ctx, name)
	g.Expect(err).To(HaveOccurred())
}

func (a *account) deleteTemplate(ctx context.Context, g Gomega, name string) {
	_, err := a.ec2.DeleteLaunchTemplate(ctx, &ec2.DeleteLaunchTemplateInput{LaunchTemplateName: &name})
	g.Expect(err).NotTo(HaveOccurred())
}

func deletedTemplateByName(ctx context.Context, g Gomega, a *account) {
	name := a.newTemplate(ctx, g)
	a.deleteTemplate(ctx, g, name)
	_, err := a.describeTemplate(ctx, name)
	g.Expect(err).To(code("InvalidLaunchTemplateName.NotFoundException"))
}

func deletedTemplateByID(ctx context.Context, g Gomega, a *account) {
	name := a.newTemplate(ctx, g)
	id := a.templateID(ctx, g, name)
	a.deleteTemplate(ctx, g, name)
	_, err := a.ec2.DescribeLaunchTemplates(ctx, &ec2.DescribeLaunchTemplatesInput{LaunchTemplateIds: []string{id}})
	g.Expect(err).To(code("InvalidLaunchTemplateId.NotFound"))
}

func templatePages(ctx context.Context, g Gomega, a *account) {
	mark := a.name("mark")
	for range 5 {
		a.newTemplate(ctx, g, func(in *ec2.CreateLaunchTemplateInput) {
			in.TagSpecifications = a.tagging(ec2types.ResourceTypeLaunchTemplate, "mark", mark)
		})
	}
	var names []string
	pages := ec2.NewDescribeLaunchTemplatesPaginator(a.ec2, &ec2.DescribeLaunchTemplatesInput{Filters: where("tag:mark", mark), MaxResults: aws.Int32(2)})
	for pages.HasMorePages() {
		page, err := pages.NextPage(ctx)
		g.Expect(err).NotTo(HaveOccurred())
		g.Expect(len(page.LaunchTemplates)).To(BeNumerically("<=", 2))
		names = append(names, lo.Map(page.LaunchTemplates, func(t ec2types.LaunchTemplate, _ int) string { return *t.LaunchTemplateName })...)
	}
	g.Expect(lo.Uniq(names)).To(HaveLen(5))
}
