package contract_test

import (
	"context"

	"github.com/aws/aws-sdk-go-v2/aws"
	"github.com/aws/aws-sdk-go-v2/service/ec2"
	"github.com/aws/aws-sdk-go-v2/service/iam"
	iamtypes "github.com/aws/aws-sdk-go-v2/service/iam/types"
	"github.com/aws/aws-sdk-go-v2/service/sts"
	. "github.com/onsi/gomega"
	"github.com/samber/lo"

	steadyaws "github.com/karpenter-kubeadm/karpenter-provider-aws/pkg/aws"
)

// accountContracts are about who calls, and who nodes are.
func accountContracts() []contract {
	return []contract{
		{"the caller's account owns what the caller makes", callerOwns},
		{"the controller's check at its start passes", checkPasses},
		{"an instance profile is described with role, path and tags", profileIsDescribed},
		{"an unknown instance profile is NoSuchEntity", unknownProfile},
		{"a second instance profile of a name is refused", duplicateProfile},
		{"an instance profile holds one role", secondRole},
		{"an unknown role cannot be put into a profile", unknownRole},
		{"an instance profile with a role cannot be deleted", profileInUse},
		{"instance profiles are listed by path", profilesByPath},
	}
}

func callerOwns(ctx context.Context, g Gomega, a *account) {
	caller, err := a.sts.GetCallerIdentity(ctx, &sts.GetCallerIdentityInput{})
	g.Expect(err).NotTo(HaveOccurred())
	g.Expect(*caller.Arn).To(ContainSubstring("::" + *caller.Account + ":"))
	out, err := a.ec2.DescribeVpcs(ctx, &ec2.DescribeVpcsInput{VpcIds: []string{a.vpc}})
	g.Expect(err).NotTo(HaveOccurred())
	g.Expect(*out.Vpcs[0].OwnerId).To(Equal(*caller.Account))
}

func checkPasses(ctx context.Context, g Gomega, a *account) {
	g.Expect(steadyaws.Check(ctx, a.cfg)).To(Succeed())
	elsewhere := a.cfg.Copy()
	elsewhere.Region = "nowhere"
	g.Expect(steadyaws.Check(ctx, elsewhere)).NotTo(Succeed())
}

// describeProfile returns the profile called name.
func (a *account) describeProfile(ctx context.Context, g Gomega, name string) *iamtypes.InstanceProfile {
	out, err := a.iam.GetInstanceProfile(ctx, &iam.GetInstanceProfileInput{InstanceProfileName: &name})
	g.Expect(err).NotTo(HaveOccurred())
	return out.InstanceProfile
}

func roles(profile *iamtypes.InstanceProfile) []string {
	return lo.Map(profile.Roles, func(r iamtypes.Role, _ int) string { return *r.RoleName })
}

func profileIsDescribed(ctx context.Context, g Gomega, a *account) {
	name, role := a.name("profile"), a.newRole(ctx, g)
	_, err := a.iam.CreateInstanceProfile(ctx, &iam.CreateInstanceProfileInput{
		InstanceProfileName: &name, Path: aws.String("/karpenter/x/"), Tags: []iamtypes.Tag{{Key: aws.String("color"), Value: aws.String("blue")}},
	})
	g.Expect(err).NotTo(HaveOccurred())
	g.Expect(a.describeProfile(ctx, g, name).Roles).To(BeEmpty())
	_, err = a.iam.AddRoleToInstanceProfile(ctx, &iam.AddRoleToInstanceProfileInput{InstanceProfileName: &name, RoleName: &role})
	g.Expect(err).NotTo(HaveOccurred())
	got := a.describeProfile(ctx, g, name)
	g.Expect(roles(got)).To(Equal([]string{role}))
	g.Expect(*got.Arn).To(HaveSuffix(":instance-profile/karpenter/x/" + name))
	g.Expect(got.Tags).To(Equal([]iamtypes.Tag{{Key: aws.String("color"), Value: aws.String("blue")}}))
}

func unknownProfile(ctx context.Context, g Gomega, a *account) {
	_, err := a.iam.GetInstanceProfile(ctx, &iam.GetInstanceProfileInput{InstanceProfileName: aws.String(a.name("absent"))})
	g.Expect(err).To(code("NoSuchEntity"))
}

func duplicateProfile(ctx context.Context, g Gomega, a *account) {
	name := a.name("profile")
	a.newProfile(ctx, g, name, a.newRole(ctx, g))
	_, err := a.iam.CreateInstanceProfile(ctx, &iam.CreateInstanceProfileInput{InstanceProfileName: &name})
	g.Expect(err).To(code("EntityAlreadyExists"))
	g.Expect(a.describeProfile(ctx, g, name).Roles).To(HaveLen(1))
}

func secondRole(ctx context.Context, g Gomega, a *account) {
	name, first, second := a.name("profile"), a.newRole(ctx, g), a.newRole(ctx, g)
	a.newProfile(ctx, g, name, first)
	_, err := a.iam.AddRoleToInstanceProfile(ctx, &iam.AddRoleToInstanceProfileInput{InstanceProfileName: &name, RoleName: &second})
	g.Expect(err).To(code("LimitExceeded"))
	g.Expect(roles(a.describeProfile(ctx, g, name))).To(Equal([]string{first}))
	_, err = a.iam.RemoveRoleFromInstanceProfile(ctx, &iam.RemoveRoleFromInstanceProfileInput{InstanceProfileName: &name, RoleName: &first})
	g.Expect(err).NotTo(HaveOccurred())
	_, err = a.iam.AddRoleToInstanceProfile(ctx, &iam.AddRoleToInstanceProfileInput{InstanceProfileName: &name, RoleName: &second})
	g.Expect(err).NotTo(HaveOccurred())
	g.Expect(roles(a.describeProfile(ctx, g, name))).To(Equal([]string{second}))
}

func unknownRole(ctx context.Context, g Gomega, a *account) {
	name := a.name("profile")
	_, err := a.iam.CreateInstanceProfile(ctx, &iam.CreateInstanceProfileInput{InstanceProfileName: &name})
	g.Expect(err).NotTo(HaveOccurred())
	_, err = a.iam.AddRoleToInstanceProfile(ctx, &iam.AddRoleToInstanceProfileInput{InstanceProfileName: &name, RoleName: aws.String(a.name("absent"))})
	g.Expect(err).To(code("NoSuchEntity"))
	g.Expect(a.describeProfile(ctx, g, name).Roles).To(BeEmpty())
}

func profileInUse(ctx context.Context, g Gomega, a *account) {
	name := a.name("profile")
	a.newProfile(ctx, g, name, a.newRole(ctx, g))
	_, err := a.iam.DeleteInstanceProfile(ctx, &iam.DeleteInstanceProfileInput{InstanceProfileName: &name})
	g.Expect(err).To(code("DeleteConflict"))
	g.Expect(a.describeProfile(ctx, g, name).Roles).To(HaveLen(1))
}

func profilesByPath(ctx context.Context, g Gomega, a *account) {
	path := "/" + a.name("path") + "/"
	var want []string
	for range 3 {
		name := a.name("profile")
		_, err := a.iam.CreateInstanceProfile(ctx, &iam.CreateInstanceProfileInput{InstanceProfileName: &name, Path: aws.String(path + "below/")})
		g.Expect(err).NotTo(HaveOccurred())
		want = append(want, name)
	}
	out, err := a.iam.ListInstanceProfiles(ctx, &iam.ListInstanceProfilesInput{PathPrefix: &path})
	g.Expect(err).NotTo(HaveOccurred())
	g.Expect(lo.Map(out.InstanceProfiles, func(p iamtypes.InstanceProfile, _ int) string { return *p.InstanceProfileName })).To(ConsistOf(want))
}
