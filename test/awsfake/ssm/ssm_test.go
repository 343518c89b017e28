package ssm_test

import (
	"errors"
	"fmt"
	"strings"
	"testing"
	"time"

	"github.com/aws/aws-sdk-go-v2/aws"
	awsssm "github.com/aws/aws-sdk-go-v2/service/ssm"
	"github.com/aws/aws-sdk-go-v2/service/ssm/types"
	. "github.com/onsi/gomega"
	clocktesting "k8s.io/utils/clock/testing"

	"github.com/karpenter-kubeadm/karpenter-provider-aws/test/awsfake/ssm"
	"github.com/karpenter-kubeadm/karpenter-provider-aws/test/awsfake/wire"
	"github.com/karpenter-kubeadm/karpenter-provider-aws/test/awsfake/wire/wiretest"
)

const (
	region = "ap-northeast-2"
	ubuntu = "/aws/service/canonical/ubuntu/server/24.04/stable/current/amd64/hvm/ebs-gp3/ami-id"
)

var birth = time.Date(2026, 3, 1, 12, 0, 0, 500e6, time.UTC)

type account struct {
	*GomegaWithT
	t      *testing.T
	clock  *clocktesting.FakeClock
	world  *ssm.World
	server *wire.Server
	client *awsssm.Client
}

func open(t *testing.T) account {
	t.Helper()
	clock := clocktesting.NewFakeClock(birth)
	env := wiretest.Env(clock)
	world := ssm.New(env)
	server, cfg := wiretest.Start(t, env, region, world.Service())
	return account{NewWithT(t), t, clock, world, server, awsssm.NewFromConfig(cfg)}
}

func (a account) put(name, value string, change ...func(*awsssm.PutParameterInput)) (*awsssm.PutParameterOutput, error) {
	in := &awsssm.PutParameterInput{Name: aws.String(name), Value: aws.String(value), Type: types.ParameterTypeSecureString}
	for _, edit := range change {
		edit(in)
	}
	return a.client.PutParameter(a.t.Context(), in)
}

func (a account) get(name string) (*types.Parameter, error) {
	out, err := a.client.GetParameter(a.t.Context(), &awsssm.GetParameterInput{Name: aws.String(name), WithDecryption: aws.Bool(true)})
	if err != nil {
		return nil, err
	}
	return out.Parameter, nil
}

func TestAPublicParameterIsReadInItsRegion(t *testing.T) {
	a := open(t)
	a.world.SetPublic(region, ubuntu, "ami-0aaa")
	a.world.SetPublic("us-east-1", ubuntu, "ami-0bbb")
	a.clock.Step(time.Hour)
	a.world.SetPublic(region, ubuntu, "ami-0ccc")

	got, err := a.get(ubuntu)
	a.Expect(err).NotTo(HaveOccurred())
	a.Expect(*got.Value).To(Equal("ami-0ccc"))
	a.Expect(got.Version).To(Equal(int64(2)))
	a.Expect(*got.ARN).To(Equal("arn:aws:ssm:ap-northeast-2::parameter" + ubuntu))
	a.Expect(*got.LastModifiedDate).To(BeTemporally("==", birth.Add(time.Hour)))

	got, err = a.get(*got.ARN + ":1")
	a.Expect(err).NotTo(HaveOccurred())
	a.Expect(*got.Value).To(Equal("ami-0aaa"))

	a.world.RemovePublic(region, ubuntu)
	_, err = a.get(ubuntu)
	a.Expect(err).To(Satisfy(func(err error) bool {
		_, gone := errors.AsType[*types.ParameterNotFound](err)
		return gone
	}))
}

func TestASecretIsShownOnlyDecrypted(t *testing.T) {
	a := open(t)
	_, err := a.put("/karpenter/token", "abcdef.0123456789abcdef")
	a.Expect(err).NotTo(HaveOccurred())
	got, err := a.get("/karpenter/token")
	a.Expect(err).NotTo(HaveOccurred())
	a.Expect(*got.Value).To(Equal("abcdef.0123456789abcdef"))

	out, err := a.client.GetParameter(t.Context(), &awsssm.GetParameterInput{Name: aws.String("/karpenter/token")})
	a.Expect(err).NotTo(HaveOccurred())
	a.Expect(out.Parameter.Type).To(Equal(types.ParameterTypeSecureString))
	a.Expect(*out.Parameter.Value).NotTo(ContainSubstring("abcdef"))
}

func TestOverwritingMakesAVersion(t *testing.T) {
	a := open(t)
	_, err := a.put("/k/t", "one")
	a.Expect(err).NotTo(HaveOccurred())
	_, err = a.put("/k/t", "two")
	a.Expect(wiretest.Code(err)).To(Equal("ParameterAlreadyExists"))
	out, err := a.put("/k/t", "two", func(in *awsssm.PutParameterInput) { in.Overwrite, in.Type = aws.Bool(true), "" })
	a.Expect(err).NotTo(HaveOccurred())
	a.Expect(out.Version).To(Equal(int64(2)))
	got, err := a.get("/k/t")
	a.Expect(err).NotTo(HaveOccurred())
	a.Expect(*got.Value).To(Equal("two"))
	a.Expect(got.Type).To(Equal(types.ParameterTypeSecureString))
	_, err = a.get("/k/t:3")
	a.Expect(wiretest.Code(err)).To(Equal("ParameterVersionNotFound"))
}

func TestPutParameterRefuses(t *testing.T) {
	a := open(t)
	for name, tc := range map[string]struct {
		path, value string
		change      func(*awsssm.PutParameterInput)
		code        string
	}{
		"a name that AWS reserves":    {path: "/aws/service/mine", value: "x", code: "AccessDeniedException"},
		"a path without its root":     {path: "karpenter/token", value: "x", code: "ValidationException"},
		"a name with a space":         {path: "/a b", value: "x", code: "ValidationException"},
		"sixteen levels":              {path: strings.Repeat("/a", 16), value: "x", code: "HierarchyLevelLimitExceededException"},
		"more than four kilobytes":    {path: "/a", value: strings.Repeat("x", 4097), code: "ValidationException"},
		"no type":                     {path: "/a", value: "x", change: func(in *awsssm.PutParameterInput) { in.Type = "" }, code: "ValidationException"},
		"a key, which no part models": {path: "/a", value: "x", change: func(in *awsssm.PutParameterInput) { in.KeyId = aws.String("alias/k") }, code: "SerializationException"},
		"tags on an overwrite": {path: "/a", value: "x", change: func(in *awsssm.PutParameterInput) {
			in.Overwrite, in.Tags = aws.Bool(true), []types.Tag{{Key: aws.String("a"), Value: aws.String("b")}}
		}, code: "ValidationException"},
	} {
		t.Run(name, func(t *testing.T) {
			change := tc.change
			if change == nil {
				change = func(*awsssm.PutParameterInput) {}
			}
			_, err := a.put(tc.path, tc.value, change)
			NewWithT(t).Expect(wiretest.Code(err)).To(Equal(tc.code))
		})
	}
	a.Expect(a.world.Names(region)).To(BeEmpty())
}

func TestAPathIsReadPageByPage(t *testing.T) {
	a := open(t)
	a.world.SetPublic(region, ubuntu, "ami-0aaa")
	for i := range 25 {
		_, err := a.put(fmt.Sprintf("/k/t/%02d", i), "x")
		a.Expect(err).NotTo(HaveOccurred())
	}
	_, err := a.put("/k/t/deeper/one", "x")
	a.Expect(err).NotTo(HaveOccurred())

	count := func(path string, recursive bool) int {
		pages := awsssm.NewGetParametersByPathPaginator(a.client, &awsssm.GetParametersByPathInput{Path: aws.String(path), Recursive: aws.Bool(recursive)})
		n := 0
		for pages.HasMorePages() {
			page, err := pages.NextPage(t.Context())
			a.Expect(err).NotTo(HaveOccurred())
			n += len(page.Parameters)
		}
		return n
	}
	a.Expect(count("/k/t", false)).To(Equal(25))
	a.Expect(a.server.Calls("GetParametersByPath")).To(Equal(3))
	a.Expect(count("/k/", true)).To(Equal(26))
	a.Expect(count("/", true)).To(Equal(26), "public parameters are listed below their own path only")
	a.Expect(count("/aws/service/canonical", true)).To(Equal(1))
}

func TestManyAreReadAndDeletedAtOnce(t *testing.T) {
	a := open(t)
	a.world.SetPublic(region, ubuntu, "ami-0aaa")
	_, err := a.put("/k/a", "x")
	a.Expect(err).NotTo(HaveOccurred())

	got, err := a.client.GetParameters(t.Context(), &awsssm.GetParametersInput{Names: []string{"/k/a", "/k/b", ubuntu}})
	a.Expect(err).NotTo(HaveOccurred())
	a.Expect(got.Parameters).To(HaveLen(2))
	a.Expect(got.InvalidParameters).To(Equal([]string{"/k/b"}))

	gone, err := a.client.DeleteParameters(t.Context(), &awsssm.DeleteParametersInput{Names: []string{"/k/a", ubuntu}})
	a.Expect(err).NotTo(HaveOccurred())
	a.Expect(gone.DeletedParameters).To(Equal([]string{"/k/a"}))
	a.Expect(gone.InvalidParameters).To(Equal([]string{ubuntu}))
	_, err = a.client.DeleteParameter(t.Context(), &awsssm.DeleteParameterInput{Name: aws.String("/k/a")})
	a.Expect(wiretest.Code(err)).To(Equal("ParameterNotFound"))
}

func TestTagsComeAtCreationAndLater(t *testing.T) {
	a := open(t)
	_, err := a.put("/k/a", "x", func(in *awsssm.PutParameterInput) {
		in.Tags = []types.Tag{{Key: aws.String("instance"), Value: aws.String("i-0a")}}
	})
	a.Expect(err).NotTo(HaveOccurred())
	_, err = a.client.AddTagsToResource(t.Context(), &awsssm.AddTagsToResourceInput{
		ResourceType: types.ResourceTypeForTaggingParameter, ResourceId: aws.String("/k/a"),
		Tags: []types.Tag{{Key: aws.String("more"), Value: aws.String("1")}},
	})
	a.Expect(err).NotTo(HaveOccurred())
	out, err := a.client.ListTagsForResource(t.Context(), &awsssm.ListTagsForResourceInput{
		ResourceType: types.ResourceTypeForTaggingParameter, ResourceId: aws.String("/k/a"),
	})
	a.Expect(err).NotTo(HaveOccurred())
	a.Expect(out.TagList).To(ConsistOf(
		types.Tag{Key: aws.String("instance"), Value: aws.String("i-0a")}, types.Tag{Key: aws.String("more"), Value: aws.String("1")}))
	_, err = a.client.ListTagsForResource(t.Context(), &awsssm.ListTagsForResourceInput{
		ResourceType: types.ResourceTypeForTaggingParameter, ResourceId: aws.String("/k/b"),
	})
	a.Expect(wiretest.Code(err)).To(Equal("InvalidResourceId"))
}

func TestWhatACallAsksPermissionFor(t *testing.T) {
	a := open(t)
	_, err := a.put("/k/a", "x", func(in *awsssm.PutParameterInput) {
		in.Tags = []types.Tag{{Key: aws.String("instance"), Value: aws.String("i-0a")}}
	})
	a.Expect(err).NotTo(HaveOccurred())
	var checks []wire.Check
	a.server.SetAuthorizer(wire.AuthorizerFunc(func(c wire.Check) error { checks = append(checks, c); return nil }))

	_, err = a.get("/k/a")
	a.Expect(err).NotTo(HaveOccurred())
	_, err = a.put("/k/b", "x", func(in *awsssm.PutParameterInput) {
		in.Tags = []types.Tag{{Key: aws.String("instance"), Value: aws.String("i-0b")}}
	})
	a.Expect(err).NotTo(HaveOccurred())

	a.Expect(checks).To(HaveLen(3))
	a.Expect(checks[0].Resources[0].ARN).To(Equal("arn:aws:ssm:ap-northeast-2:123456789012:parameter/k/a"))
	a.Expect(checks[0].Resources[0].Keys).To(HaveKeyWithValue("aws:ResourceTag/instance", []string{"i-0a"}))
	a.Expect(checks[1].Resources[0].Keys).To(And(
		HaveKeyWithValue("aws:RequestTag/instance", []string{"i-0b"}),
		HaveKeyWithValue("aws:TagKeys", []string{"instance"}),
		HaveKeyWithValue("ssm:Overwrite", []string{"false"})))
	a.Expect(checks[2].Action).To(Equal("ssm:AddTagsToResource"))
}

func TestADeniedWriteWritesNothing(t *testing.T) {
	a := open(t)
	a.server.SetAuthorizer(wire.AuthorizerFunc(func(wire.Check) error { return errors.New("no") }))
	_, err := a.put("/k/a", "x")
	a.Expect(wiretest.Code(err)).To(Equal("AccessDeniedException"))
	_, there := a.world.Value(region, "/k/a")
	a.Expect(there).To(BeFalse())
}
