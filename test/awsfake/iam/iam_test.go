package iam_test

import (
	"errors"
	"fmt"
	"testing"
	"time"

	"github.com/aws/aws-sdk-go-v2/aws"
	awsiam "github.com/aws/aws-sdk-go-v2/service/iam"
	"github.com/aws/aws-sdk-go-v2/service/iam/types"
	. "github.com/onsi/gomega"
	clocktesting "k8s.io/utils/clock/testing"

	"github.com/karpenter-kubeadm/karpenter-provider-aws/test/awsfake/iam"
	"github.com/karpenter-kubeadm/karpenter-provider-aws/test/awsfake/wire"
	"github.com/karpenter-kubeadm/karpenter-provider-aws/test/awsfake/wire/wiretest"
)

const trust = `{"Version":"2012-10-17","Statement":[{"Effect":"Allow","Principal":{"Service":"ec2.amazonaws.com"},"Action":"sts:AssumeRole"}]}`

var birth = time.Date(2026, 3, 1, 12, 0, 0, 0, time.UTC)

type account struct {
	*GomegaWithT
	t      *testing.T
	clock  *clocktesting.FakeClock
	world  *iam.World
	server *wire.Server
	client *awsiam.Client
}

func open(t *testing.T) account {
	t.Helper()
	clock := clocktesting.NewFakeClock(birth)
	env := wiretest.Env(clock)
	world := iam.New(env)
	server, cfg := wiretest.Start(t, env, "us-east-1", world.Service())
	return account{NewWithT(t), t, clock, world, server, awsiam.NewFromConfig(cfg)}
}

// profile makes one, without a role.
func (a account) profile(name, path string) {
	a.t.Helper()
	_, err := a.client.CreateInstanceProfile(a.t.Context(), &awsiam.CreateInstanceProfileInput{
		InstanceProfileName: aws.String(name), Path: aws.String(path),
	})
	a.Expect(err).NotTo(HaveOccurred())
}

func (a account) addRole(profile, role string) error {
	_, err := a.client.AddRoleToInstanceProfile(a.t.Context(), &awsiam.AddRoleToInstanceProfileInput{
		InstanceProfileName: aws.String(profile), RoleName: aws.String(role),
	})
	return err
}

func (a account) get(name string) (*types.InstanceProfile, error) {
	out, err := a.client.GetInstanceProfile(a.t.Context(), &awsiam.GetInstanceProfileInput{InstanceProfileName: aws.String(name)})
	if err != nil {
		return nil, err
	}
	return out.InstanceProfile, nil
}

func TestARoleReadsBackAsItWasMade(t *testing.T) {
	a := open(t)
	made, err := a.client.CreateRole(t.Context(), &awsiam.CreateRoleInput{
		RoleName: aws.String("node"), Path: aws.String("/karpenter/"), AssumeRolePolicyDocument: aws.String(trust),
		Tags: []types.Tag{{Key: aws.String("team"), Value: aws.String("infra")}},
	})
	a.Expect(err).NotTo(HaveOccurred())
	got, err := a.client.GetRole(t.Context(), &awsiam.GetRoleInput{RoleName: aws.String("node")})
	a.Expect(err).NotTo(HaveOccurred())
	a.Expect(got.Role).To(Equal(made.Role))
	a.Expect(*got.Role.Arn).To(Equal("arn:aws:iam::123456789012:role/karpenter/node"))
	a.Expect(*got.Role.CreateDate).To(Equal(birth))
	a.Expect(*got.Role.AssumeRolePolicyDocument).To(ContainSubstring("sts%3AAssumeRole"))
	a.Expect(got.Role.Tags).To(ConsistOf(types.Tag{Key: aws.String("team"), Value: aws.String("infra")}))
}

func TestCreateRoleRefuses(t *testing.T) {
	a := open(t)
	a.world.AddRole("taken")
	for name, tc := range map[string]struct {
		in   awsiam.CreateRoleInput
		code string
	}{
		"a name that is taken":        {awsiam.CreateRoleInput{RoleName: aws.String("taken")}, "EntityAlreadyExists"},
		"a name with a slash":         {awsiam.CreateRoleInput{RoleName: aws.String("a/b")}, "ValidationError"},
		"a path that does not end":    {awsiam.CreateRoleInput{RoleName: aws.String("a"), Path: aws.String("/x")}, "ValidationError"},
		"a session of a minute":       {awsiam.CreateRoleInput{RoleName: aws.String("a"), MaxSessionDuration: aws.Int32(60)}, "ValidationError"},
		"what is not modelled":        {awsiam.CreateRoleInput{RoleName: aws.String("a"), PermissionsBoundary: aws.String("arn:aws:iam::aws:policy/x")}, "UnknownParameter"},
		"a trust policy that is none": {awsiam.CreateRoleInput{RoleName: aws.String("a"), AssumeRolePolicyDocument: aws.String("{")}, "MalformedPolicyDocument"},
	} {
		t.Run(name, func(t *testing.T) {
			if tc.in.AssumeRolePolicyDocument == nil {
				tc.in.AssumeRolePolicyDocument = aws.String(trust)
			}
			_, err := a.client.CreateRole(t.Context(), &tc.in)
			NewWithT(t).Expect(wiretest.Code(err)).To(Equal(tc.code))
		})
	}
}

func TestAProfileLivesAndDies(t *testing.T) {
	a := open(t)
	a.world.AddRole("node")
	a.profile("nodes", "/")
	a.Expect(a.addRole("nodes", "node")).To(Succeed())

	got, err := a.get("nodes")
	a.Expect(err).NotTo(HaveOccurred())
	a.Expect(*got.Arn).To(Equal("arn:aws:iam::123456789012:instance-profile/nodes"))
	a.Expect(got.Roles).To(HaveLen(1))
	a.Expect(*got.Roles[0].RoleName).To(Equal("node"))

	_, err = a.client.DeleteInstanceProfile(t.Context(), &awsiam.DeleteInstanceProfileInput{InstanceProfileName: aws.String("nodes")})
	a.Expect(wiretest.Code(err)).To(Equal("DeleteConflict"))
	_, err = a.client.RemoveRoleFromInstanceProfile(t.Context(), &awsiam.RemoveRoleFromInstanceProfileInput{
		InstanceProfileName: aws.String("nodes"), RoleName: aws.String("node"),
	})
	a.Expect(err).NotTo(HaveOccurred())
	_, err = a.client.DeleteInstanceProfile(t.Context(), &awsiam.DeleteInstanceProfileInput{InstanceProfileName: aws.String("nodes")})
	a.Expect(err).NotTo(HaveOccurred())

	_, err = a.get("nodes")
	a.Expect(err).To(Satisfy(func(err error) bool {
		_, gone := errors.AsType[*types.NoSuchEntityException](err)
		return gone
	}))
}

func TestAProfileHoldsOneRole(t *testing.T) {
	a := open(t)
	a.world.AddProfile("nodes", "node")
	a.world.AddRole("other")
	a.Expect(wiretest.Code(a.addRole("nodes", "other"))).To(Equal("LimitExceeded"))
	a.Expect(wiretest.Code(a.addRole("nodes", "missing"))).To(Equal("NoSuchEntity"))
	_, err := a.client.RemoveRoleFromInstanceProfile(t.Context(), &awsiam.RemoveRoleFromInstanceProfileInput{
		InstanceProfileName: aws.String("nodes"), RoleName: aws.String("other"),
	})
	a.Expect(wiretest.Code(err)).To(Equal("NoSuchEntity"))
}

func TestTheAccountHoldsSoManyProfiles(t *testing.T) {
	a := open(t)
	a.world.SetProfileQuota(1)
	a.profile("first", "/")
	_, err := a.client.CreateInstanceProfile(t.Context(), &awsiam.CreateInstanceProfileInput{InstanceProfileName: aws.String("first")})
	a.Expect(wiretest.Code(err)).To(Equal("EntityAlreadyExists"))
	_, err = a.client.CreateInstanceProfile(t.Context(), &awsiam.CreateInstanceProfileInput{InstanceProfileName: aws.String("second")})
	a.Expect(wiretest.Code(err)).To(Equal("LimitExceeded"))
	a.Expect(err).To(MatchError(ContainSubstring("Cannot exceed quota for InstanceProfilesPerAccount: 1")))
	a.Expect(a.world.Profiles()).To(Equal([]string{"first"}))
}

func TestProfilesAreListedByPathAndPage(t *testing.T) {
	a := open(t)
	a.world.AddRole("node")
	for i := range 5 {
		a.profile(fmt.Sprintf("p%d", i), "/karpenter/")
	}
	a.profile("other", "/elsewhere/")
	pages := awsiam.NewListInstanceProfilesPaginator(a.client, &awsiam.ListInstanceProfilesInput{
		PathPrefix: aws.String("/karpenter/"), MaxItems: aws.Int32(2),
	})
	var names []string
	for pages.HasMorePages() {
		page, err := pages.NextPage(t.Context())
		a.Expect(err).NotTo(HaveOccurred())
		for _, p := range page.InstanceProfiles {
			names = append(names, *p.InstanceProfileName)
		}
	}
	a.Expect(names).To(Equal([]string{"p0", "p1", "p2", "p3", "p4"}))
	a.Expect(a.server.Calls("ListInstanceProfiles")).To(Equal(3))

	_, err := a.client.ListInstanceProfiles(t.Context(), &awsiam.ListInstanceProfilesInput{MaxItems: aws.Int32(1001)})
	a.Expect(wiretest.Code(err)).To(Equal("ValidationError"))
}

func TestTagsAreAddedToThoseThereAre(t *testing.T) {
	a := open(t)
	_, err := a.client.CreateInstanceProfile(t.Context(), &awsiam.CreateInstanceProfileInput{
		InstanceProfileName: aws.String("nodes"), Tags: []types.Tag{{Key: aws.String("a"), Value: aws.String("1")}, {Key: aws.String("b"), Value: aws.String("1")}},
	})
	a.Expect(err).NotTo(HaveOccurred())
	_, err = a.client.TagInstanceProfile(t.Context(), &awsiam.TagInstanceProfileInput{
		InstanceProfileName: aws.String("nodes"), Tags: []types.Tag{{Key: aws.String("b"), Value: aws.String("2")}, {Key: aws.String("c"), Value: aws.String("2")}},
	})
	a.Expect(err).NotTo(HaveOccurred())
	got, err := a.get("nodes")
	a.Expect(err).NotTo(HaveOccurred())
	tags := map[string]string{}
	for _, tag := range got.Tags {
		tags[*tag.Key] = *tag.Value
	}
	a.Expect(tags).To(Equal(map[string]string{"a": "1", "b": "2", "c": "2"}))
}

func TestEC2LearnsOfAProfileAndItsRoleLater(t *testing.T) {
	a := open(t)
	a.world.SetVisible(10 * time.Second)
	a.world.AddRole("node")
	a.profile("nodes", "/")
	_, _, _, known := a.world.InstanceProfile("nodes")
	a.Expect(known).To(BeFalse())

	a.clock.Step(10 * time.Second)
	a.Expect(a.addRole("nodes", "node")).To(Succeed())
	_, _, role, known := a.world.InstanceProfile("nodes")
	a.Expect(known).To(BeTrue())
	a.Expect(role).To(BeEmpty())

	a.clock.Step(10 * time.Second)
	arn, id, role, known := a.world.InstanceProfile("arn:aws:iam::123456789012:instance-profile/nodes")
	a.Expect(known).To(BeTrue())
	a.Expect(role).To(Equal("arn:aws:iam::123456789012:role/node"))
	a.Expect(arn).To(HaveSuffix("/nodes"))
	a.Expect(id).To(HavePrefix("AIPA"))
	_, _, _, known = a.world.InstanceProfile("arn:aws:iam::999999999999:instance-profile/nodes")
	a.Expect(known).To(BeFalse())
}

func TestAddingARoleAsksForPassRole(t *testing.T) {
	a := open(t)
	a.world.AddRole("node")
	a.profile("nodes", "/")
	var checks []wire.Check
	a.server.SetAuthorizer(wire.AuthorizerFunc(func(c wire.Check) error {
		checks = append(checks, c)
		if c.Action == "iam:PassRole" {
			return errors.New("not this one")
		}
		return nil
	}))
	a.Expect(wiretest.Code(a.addRole("nodes", "node"))).To(Equal("AccessDenied"))
	a.Expect(checks).To(HaveLen(2))
	a.Expect(checks[1].Resources[0].ARN).To(Equal("arn:aws:iam::123456789012:role/node"))
	a.Expect(checks[1].Keys).To(HaveKeyWithValue("iam:PassedToService", []string{"ec2.amazonaws.com"}))
	got, err := a.get("nodes")
	a.Expect(err).NotTo(HaveOccurred())
	a.Expect(got.Roles).To(BeEmpty())
}
