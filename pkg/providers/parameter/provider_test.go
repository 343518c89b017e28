package parameter_test

import (
	"testing"
	"time"

	awssdk "github.com/aws/aws-sdk-go-v2/aws"
	"github.com/aws/aws-sdk-go-v2/service/ssm"
	"github.com/aws/aws-sdk-go-v2/service/ssm/types"
	. "github.com/onsi/gomega"
	clocktesting "k8s.io/utils/clock/testing"

	"github.com/karpenter-kubeadm/karpenter-provider-aws/pkg/join"
	"github.com/karpenter-kubeadm/karpenter-provider-aws/pkg/providers/parameter"
	"github.com/karpenter-kubeadm/karpenter-provider-aws/test/awsfake"
	"github.com/karpenter-kubeadm/karpenter-provider-aws/test/awsfake/policy"
)

var (
	first  = join.Token{ID: "abcdef", Secret: "0123456789abcdef"}
	second = join.Token{ID: "ghijkl", Secret: "fedcba9876543210"}
)

func TestDeliver(t *testing.T) {
	g, account, clk := NewWithT(t), awsfake.Start(t), clocktesting.NewFakeClock(time.Unix(1_700_000_000, 0))
	api := ssm.NewFromConfig(account.Config())
	p := parameter.New(api, "prod", clk)
	holds := func() *types.Parameter {
		out, err := api.GetParameter(t.Context(), &ssm.GetParameterInput{Name: awssdk.String("/karpenter/prod/bootstrap-token"), WithDecryption: awssdk.Bool(true)})
		g.Expect(err).NotTo(HaveOccurred())
		return out.Parameter
	}

	name, err := p.Deliver(t.Context(), first)
	g.Expect(err).NotTo(HaveOccurred())
	g.Expect(name).To(Equal("/karpenter/prod/bootstrap-token"))
	g.Expect(holds().Type).To(Equal(types.ParameterTypeSecureString))
	g.Expect(awssdk.ToString(holds().Value)).To(Equal(first.Value()))

	g.Expect(p.Deliver(t.Context(), first)).To(Equal(name))
	g.Expect(account.Calls("PutParameter")).To(Equal(1), "it is remembered")

	g.Expect(p.Deliver(t.Context(), second)).To(Equal(name), "a rotation changes no user data")
	g.Expect(awssdk.ToString(holds().Value)).To(Equal(second.Value()))

	_, err = api.DeleteParameter(t.Context(), &ssm.DeleteParameterInput{Name: &name})
	g.Expect(err).NotTo(HaveOccurred())
	clk.Step(6 * time.Minute)
	g.Expect(p.Deliver(t.Context(), second)).To(Equal(name))
	g.Expect(awssdk.ToString(holds().Value)).To(Equal(second.Value()), "what somebody deleted is there again")
}

func TestDeliverSaysWhatIsRefused(t *testing.T) {
	g, account := NewWithT(t), awsfake.Start(t)
	account.Policy.SetPrincipal("AKIANOBODY0000000000", policy.Principal{})
	p := parameter.New(ssm.NewFromConfig(account.ConfigFor("AKIANOBODY0000000000", account.Region())), "prod", clocktesting.NewFakeClock(time.Now()))
	_, err := p.Deliver(t.Context(), first)
	g.Expect(err).To(MatchError(And(ContainSubstring("putting parameter /karpenter/prod/bootstrap-token"), ContainSubstring("AccessDenied"))))
	g.Expect(err.Error()).NotTo(ContainSubstring(first.Secret))
}
