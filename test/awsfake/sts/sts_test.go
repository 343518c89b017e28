package sts_test

import (
	"errors"
	"testing"
	"time"

	"github.com/aws/aws-sdk-go-v2/aws"
	awssts "github.com/aws/aws-sdk-go-v2/service/sts"
	. "github.com/onsi/gomega"
	clocktesting "k8s.io/utils/clock/testing"

	"github.com/karpenter-kubeadm/karpenter-provider-aws/test/awsfake/policy"
	"github.com/karpenter-kubeadm/karpenter-provider-aws/test/awsfake/sts"
	"github.com/karpenter-kubeadm/karpenter-provider-aws/test/awsfake/wire"
	"github.com/karpenter-kubeadm/karpenter-provider-aws/test/awsfake/wire/wiretest"
)

const role = "arn:aws:iam::123456789012:role/nodes/worker"

var birth = time.Date(2026, 3, 1, 12, 0, 0, 0, time.UTC)

// open returns an account whose engine is its directory, but decides nothing.
func open(t *testing.T) (*policy.Engine, *wire.Server, aws.Config) {
	t.Helper()
	env := wiretest.Env(clocktesting.NewFakeClock(birth))
	engine := policy.New(env)
	server, cfg := wiretest.Start(t, env, "us-east-1", sts.New(env, engine).Service())
	return engine, server, cfg
}

func TestGetCallerIdentityAnswersEvenWhoMayDoNothing(t *testing.T) {
	g := NewWithT(t)
	_, server, cfg := open(t)
	server.SetAuthorizer(wire.AuthorizerFunc(func(wire.Check) error { return errors.New("no") }))
	out, err := awssts.NewFromConfig(cfg).GetCallerIdentity(t.Context(), &awssts.GetCallerIdentityInput{})
	g.Expect(err).NotTo(HaveOccurred())
	g.Expect(*out.Arn).To(Equal("arn:aws:iam::123456789012:user/" + wiretest.AccessKey))
	g.Expect(*out.Account).To(Equal("123456789012"))
}

func TestAssumeRoleGivesAKeyThatIsTheRole(t *testing.T) {
	g := NewWithT(t)
	_, _, cfg := open(t)
	out, err := awssts.NewFromConfig(cfg).AssumeRole(t.Context(), &awssts.AssumeRoleInput{
		RoleArn: aws.String(role), RoleSessionName: aws.String("karpenter"), DurationSeconds: aws.Int32(900),
	})
	g.Expect(err).NotTo(HaveOccurred())
	g.Expect(*out.AssumedRoleUser.Arn).To(Equal("arn:aws:sts::123456789012:assumed-role/worker/karpenter"))
	g.Expect(*out.Credentials.Expiration).To(Equal(birth.Add(15 * time.Minute)))

	as := wiretest.As(cfg, *out.Credentials.AccessKeyId)
	who, err := awssts.NewFromConfig(as).GetCallerIdentity(t.Context(), &awssts.GetCallerIdentityInput{})
	g.Expect(err).NotTo(HaveOccurred())
	g.Expect(*who.Arn).To(Equal(*out.AssumedRoleUser.Arn))
}

func TestAssumeRoleRefuses(t *testing.T) {
	_, server, cfg := open(t)
	client := awssts.NewFromConfig(cfg)
	for name, tc := range map[string]struct {
		role, session string
		seconds       int32
		denied        bool
		code          string
	}{
		"a role by its name":      {"worker", "karpenter", 900, false, "ValidationError"},
		"a session with a space":  {role, "a b", 900, false, "ValidationError"},
		"a session of a minute":   {role, "karpenter", 60, false, "ValidationError"},
		"who is not permitted to": {role, "karpenter", 900, true, "AccessDenied"},
	} {
		t.Run(name, func(t *testing.T) {
			server.SetAuthorizer(wire.AuthorizerFunc(func(c wire.Check) error {
				if tc.denied && c.Resources[0].ARN == role {
					return errors.New("no")
				}
				return nil
			}))
			_, err := client.AssumeRole(t.Context(), &awssts.AssumeRoleInput{
				RoleArn: aws.String(tc.role), RoleSessionName: aws.String(tc.session), DurationSeconds: aws.Int32(tc.seconds),
			})
			NewWithT(t).Expect(wiretest.Code(err)).To(Equal(tc.code))
		})
	}
}
