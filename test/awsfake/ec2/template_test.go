package ec2_test

import (
	"fmt"
	"testing"
	"time"

	"github.com/aws/aws-sdk-go-v2/aws"
	awsec2 "github.com/aws/aws-sdk-go-v2/service/ec2"
	"github.com/aws/aws-sdk-go-v2/service/ec2/types"
	. "github.com/onsi/gomega"

	"github.com/karpenter-kubeadm/karpenter-provider-aws/test/awsfake/ec2"
)

func TestATemplateKeepsAllThatItWasGiven(t *testing.T) {
	a := start(t)
	lt := a.template("karpenter.k8s.aws/123", func(d *types.RequestLaunchTemplateData) {
		d.BlockDeviceMappings = []types.LaunchTemplateBlockDeviceMappingRequest{
			{DeviceName: aws.String("/dev/sda1"), Ebs: &types.LaunchTemplateEbsBlockDeviceRequest{VolumeSize: aws.Int32(40), Iops: aws.Int32(3500)}},
		}
		d.Monitoring = &types.LaunchTemplatesMonitoringRequest{Enabled: aws.Bool(true)}
		d.EnclaveOptions = &types.LaunchTemplateEnclaveOptionsRequest{Enabled: aws.Bool(true)}
		d.MetadataOptions = &types.LaunchTemplateInstanceMetadataOptionsRequest{InstanceMetadataTags: types.LaunchTemplateInstanceMetadataTagsStateDisabled}
		d.CpuOptions = &types.LaunchTemplateCpuOptionsRequest{CoreCount: aws.Int32(1)}
		d.CapacityReservationSpecification = &types.LaunchTemplateCapacityReservationSpecificationRequest{
			CapacityReservationPreference: types.CapacityReservationPreferenceNone,
		}
		d.Placement = &types.LaunchTemplatePlacementRequest{Tenancy: types.TenancyDedicated}
		d.TagSpecifications = []types.LaunchTemplateTagSpecificationRequest{
			{ResourceType: types.ResourceTypeInstance, Tags: []types.Tag{{Key: aws.String("k"), Value: aws.String("v")}}},
		}
	})
	out, err := a.api.DescribeLaunchTemplateVersions(t.Context(), &awsec2.DescribeLaunchTemplateVersionsInput{
		LaunchTemplateName: aws.String(lt), Versions: []string{"$Latest"},
	})
	a.Expect(err).NotTo(HaveOccurred())
	a.Expect(out.LaunchTemplateVersions).To(HaveLen(1))
	d := out.LaunchTemplateVersions[0].LaunchTemplateData
	a.Expect(aws.ToInt32(d.BlockDeviceMappings[0].Ebs.VolumeSize)).To(Equal(int32(40)))
	a.Expect(aws.ToInt32(d.BlockDeviceMappings[0].Ebs.Iops)).To(Equal(int32(3500)))
	a.Expect(aws.ToBool(d.Monitoring.Enabled)).To(BeTrue())
	a.Expect(aws.ToBool(d.EnclaveOptions.Enabled)).To(BeTrue())
	a.Expect(d.MetadataOptions.InstanceMetadataTags).To(Equal(types.LaunchTemplateInstanceMetadataTagsStateDisabled))
	a.Expect(d.MetadataOptions.HttpTokens).To(BeEmpty(), "what was not given is not made up")
	a.Expect(aws.ToInt32(d.CpuOptions.CoreCount)).To(Equal(int32(1)))
	a.Expect(d.CapacityReservationSpecification.CapacityReservationPreference).To(Equal(types.CapacityReservationPreferenceNone))
	a.Expect(d.Placement.Tenancy).To(Equal(types.TenancyDedicated))
	a.Expect(d.NetworkInterfaces[0].Groups).To(Equal([]string{a.group()}))
	a.Expect(aws.ToString(d.UserData)).To(Equal("IyEvYmluL3NoCg=="))
	a.Expect(tags(d.TagSpecifications[0].Tags)).To(Equal(map[string]string{"k": "v"}))
}

func TestTemplateNames(t *testing.T) {
	a := start(t)
	a.template("taken")
	for name, want := range map[string]string{
		"taken": "InvalidLaunchTemplateName.AlreadyExistsException", "no": "InvalidLaunchTemplateName.MalformedException",
		"with space": "InvalidLaunchTemplateName.MalformedException",
	} {
		_, err := a.api.CreateLaunchTemplate(t.Context(), &awsec2.CreateLaunchTemplateInput{
			LaunchTemplateName: aws.String(name), LaunchTemplateData: &types.RequestLaunchTemplateData{KeyName: aws.String("k")},
		})
		a.Expect(code(err)).To(Equal(want), name)
	}
}

func TestTemplatesGoWhenDeleted(t *testing.T) {
	a := start(t)
	lt := a.template("gone")
	_, err := a.api.DeleteLaunchTemplate(t.Context(), &awsec2.DeleteLaunchTemplateInput{LaunchTemplateName: aws.String(lt)})
	a.Expect(err).NotTo(HaveOccurred())
	_, err = a.api.DescribeLaunchTemplates(t.Context(), &awsec2.DescribeLaunchTemplatesInput{LaunchTemplateNames: []string{lt}})
	a.Expect(code(err)).To(Equal("InvalidLaunchTemplateName.NotFoundException"))
	_, err = a.api.DeleteLaunchTemplate(t.Context(), &awsec2.DeleteLaunchTemplateInput{LaunchTemplateId: aws.String("lt-00000000000000000")})
	a.Expect(code(err)).To(Equal("InvalidLaunchTemplateId.NotFound"))
	_, err = a.api.CreateFleet(t.Context(), a.request(lt, 1, region+"a", "t3.large"))
	a.Expect(code(err)).To(Equal("InvalidLaunchTemplateName.NotFoundException"))
	a.template(lt) // the name is free again
}

func TestATemplateIsInvisibleForAWhile(t *testing.T) {
	a := start(t, delays(ec2.Delays{TemplateVisible: 2 * time.Second}))
	lt := a.template("new")
	_, err := a.api.CreateFleet(t.Context(), a.request(lt, 1, region+"a", "t3.large"))
	a.Expect(code(err)).To(Equal("InvalidLaunchTemplateName.NotFoundException"))
	all, err := a.api.DescribeLaunchTemplates(t.Context(), &awsec2.DescribeLaunchTemplatesInput{})
	a.Expect(err).NotTo(HaveOccurred())
	a.Expect(all.LaunchTemplates).To(BeEmpty())
	a.clock.Step(2 * time.Second)
	a.Expect(a.fleet(a.request(lt, 1, region+"a", "t3.large")).Instances).To(HaveLen(1))
}

func TestTemplatesByTagInPages(t *testing.T) {
	a := start(t)
	for i := range 5 {
		_, err := a.api.CreateLaunchTemplate(t.Context(), &awsec2.CreateLaunchTemplateInput{
			LaunchTemplateName: aws.String(fmt.Sprintf("tagged-%d", i)), LaunchTemplateData: &types.RequestLaunchTemplateData{KeyName: aws.String("k")},
			TagSpecifications: []types.TagSpecification{tagsFor(types.ResourceTypeLaunchTemplate, "cluster", fmt.Sprint(i%2))},
		})
		a.Expect(err).NotTo(HaveOccurred())
	}
	pages := awsec2.NewDescribeLaunchTemplatesPaginator(a.api, &awsec2.DescribeLaunchTemplatesInput{
		MaxResults: aws.Int32(2), Filters: filter("tag:cluster", "0"),
	})
	var names []string
	for pages.HasMorePages() {
		page, err := pages.NextPage(t.Context())
		a.Expect(err).NotTo(HaveOccurred())
		a.Expect(len(page.LaunchTemplates)).To(BeNumerically("<=", 2))
		for _, lt := range page.LaunchTemplates {
			names = append(names, aws.ToString(lt.LaunchTemplateName))
		}
	}
	a.Expect(names).To(Equal([]string{"tagged-0", "tagged-2", "tagged-4"}))
	a.Expect(a.Calls("DescribeLaunchTemplates")).To(Equal(2))
}
