package parameter_test

import (
	"testing"
	"time"

	awssdk "github.com/aws/aws-sdk-go-v2/aws"
	"github.com/aws/aws-sdk-go-v2/service/ssm"
	"github.com/aws/aws-sdk-go-v2/service/ssm/types"
	"github.com/aws/aws-sdk-go-v2/service/sts"
	. "github.com/onsi/gomega"
	clocktesting "k8s.io/utils/clock/testing"

	"github.com/karpenter-kubeadm/karpenter-provider-aws/pkg/instance"
	"github.com/karpenter-kubeadm/karpenter-provider-aws/pkg/providers/parameter"
	"github.com/karpenter-kubeadm/karpenter-provider-aws/test/awsfake"
	"github.com/karpenter-kubeadm/karpenter-provider-aws/test/awsfake/policy"
	"github.com/karpenter-kubeadm/karpenter-provider-aws/test/awsfake/wire"
)

// chartKey is a controller that has the chart's policy for this and no other.
const chartKey = "AKIACONTROLLER000000"

func instances(t *testing.T, account *awsfake.Server, clk *clocktesting.FakeClock) *parameter.Instances {
	t.Helper()
	document, err := policy.Load("../../../charts/karpenter/iam/controller-instance-token-policy.json", map[string]string{
		"AWS_PARTITION": "aws", "AWS_REGION": account.Region(), "AWS_ACCOUNT_ID": awsfake.DefaultAccount, "CLUSTER_NAME": "prod",
	})
	NewWithT(t).Expect(err).NotTo(HaveOccurred())
	account.Policy.SetPrincipal(chartKey, policy.Principal{Documents: []*policy.Document{document}})
	t.Cleanup(func() {
		if !t.Failed() {
			// AWS tells everybody who he is, whatever his policies say.
			NewWithT(t).Expect(account.Policy.Denials()).To(HaveEach(HaveField("Action", "sts:GetCallerIdentity")))
		}
	})
	config := account.ConfigFor(chartKey, account.Region())
	return parameter.NewInstances(ssm.NewFromConfig(config), sts.NewFromConfig(config), account.Region(), "prod", clk)
}

func TestEachInstanceHasAParameter(t *testing.T) {
	g, account, clk := NewWithT(t), awsfake.Start(t), clocktesting.NewFakeClock(time.Unix(1_700_000_000, 0))
	p, api := instances(t, account, clk), ssm.NewFromConfig(account.Config())
	name := parameter.InstanceName("prod", "i-0a")
	g.Expect(name).To(Equal("/karpenter/prod/bootstrap-tokens/i-0a"))

	g.Expect(p.Put(t.Context(), "i-0a", first)).To(Succeed())
	found, err := api.GetParameter(t.Context(), &ssm.GetParameterInput{Name: &name, WithDecryption: awssdk.Bool(true)})
	g.Expect(err).NotTo(HaveOccurred())
	g.Expect(found.Parameter.Type).To(Equal(types.ParameterTypeSecureString))
	g.Expect(awssdk.ToString(found.Parameter.Value)).To(Equal(first.Value()))
	tags, err := api.ListTagsForResource(t.Context(), &ssm.ListTagsForResourceInput{ResourceId: &name, ResourceType: types.ResourceTypeForTaggingParameter})
	g.Expect(err).NotTo(HaveOccurred())
	g.Expect(tags.TagList).To(ConsistOf(types.Tag{
		Key: awssdk.String(parameter.InstanceTagKey), Value: awssdk.String("arn:aws:ec2:" + account.Region() + ":" + awsfake.DefaultAccount + ":instance/i-0a"),
	}))

	g.Expect(p.Put(t.Context(), "i-0a", first)).To(Succeed())
	g.Expect(account.Calls("PutParameter")).To(Equal(1), "it is remembered")
	g.Expect(p.Put(t.Context(), "i-0b", second)).To(Succeed())
	g.Expect(p.List(t.Context())).To(ConsistOf(instance.ID("i-0a"), instance.ID("i-0b")))
	g.Expect(account.Calls("GetCallerIdentity")).To(Equal(1))

	g.Expect(p.Remove(t.Context(), "i-0a")).To(Succeed())
	g.Expect(p.Remove(t.Context(), "i-0a")).To(Succeed(), "twice is once")
	g.Expect(p.List(t.Context())).To(ConsistOf(instance.ID("i-0b")))
	g.Expect(p.Put(t.Context(), "i-0a", first)).To(Succeed())
	g.Expect(p.List(t.Context())).To(HaveLen(2), "that it is gone is remembered too")
}

func TestAParameterThatIsThereAlreadyIsMadeAnew(t *testing.T) {
	g, account, clk := NewWithT(t), awsfake.Start(t), clocktesting.NewFakeClock(time.Unix(1_700_000_000, 0))
	p, api, name := instances(t, account, clk), ssm.NewFromConfig(account.Config()), parameter.InstanceName("prod", "i-0a")
	_, err := api.PutParameter(t.Context(), &ssm.PutParameterInput{Name: &name, Value: awssdk.String("x"), Type: types.ParameterTypeString})
	g.Expect(err).NotTo(HaveOccurred())
	g.Expect(p.Put(t.Context(), "i-0a", first)).To(Succeed())
	value, _ := account.SSM.Value(account.Region(), name)
	g.Expect(value).To(Equal(first.Value()))
	tags, err := api.ListTagsForResource(t.Context(), &ssm.ListTagsForResourceInput{ResourceId: &name, ResourceType: types.ResourceTypeForTaggingParameter})
	g.Expect(err).NotTo(HaveOccurred())
	g.Expect(tags.TagList).To(HaveLen(1), "without it the instance could not read it")
}

func TestErrorsSayWhyAndWhatToDo(t *testing.T) {
	for name, tc := range map[string]struct {
		answer *wire.Error
		reason parameter.Reason
		remedy string
	}{
		"denied":    {wire.Errorf("AccessDeniedException", "no"), parameter.Denied, "iam folder"},
		"throttled": {wire.Errorf("ThrottlingException", "Rate exceeded"), parameter.Throttled, "higher throughput"},
		"unknown":   {wire.Errorf("ParameterLimitExceeded", "too many"), parameter.Other, "too many"},
	} {
		t.Run(name, func(t *testing.T) {
			g, account, clk := NewWithT(t), awsfake.Start(t), clocktesting.NewFakeClock(time.Unix(1_700_000_000, 0))
			account.Inject(wire.Fault{Action: "PutParameter", Times: -1, Answer: tc.answer})
			config := account.Config()
			config.RetryMaxAttempts = 1
			p := parameter.NewInstances(ssm.NewFromConfig(config), sts.NewFromConfig(config), account.Region(), "prod", clk)
			err := p.Put(t.Context(), "i-0a", first)
			g.Expect(err).To(BeAssignableToTypeOf(&parameter.Error{}))
			g.Expect(err).To(HaveField("Reason", tc.reason))
			g.Expect(err.Error()).To(And(ContainSubstring(parameter.InstanceName("prod", "i-0a")), ContainSubstring(tc.remedy), Not(ContainSubstring(first.Secret))))
		})
	}
}

func TestAParameterOfTheUsers(t *testing.T) {
	g, account := NewWithT(t), awsfake.Start(t)
	api := ssm.NewFromConfig(account.Config())
	given := parameter.NewGiven(api, "/mine/token")
	_, err := given.Read(t.Context())
	g.Expect(err).To(MatchError(And(ContainSubstring("/mine/token"), ContainSubstring("create it as a SecureString"))))

	_, err = api.PutParameter(t.Context(), &ssm.PutParameterInput{Name: awssdk.String("/mine/token"), Value: awssdk.String(first.Value()), Type: types.ParameterTypeSecureString})
	g.Expect(err).NotTo(HaveOccurred())
	g.Expect(given.Read(t.Context())).To(Equal(first.Value()))
	g.Expect(given.Deliver(t.Context(), first)).To(Equal("/mine/token"))
	g.Expect(account.Calls("PutParameter")).To(Equal(1), "it is the user's to write")
}
