package join_test

import (
	"testing"

	"github.com/aws/aws-sdk-go-v2/aws"
	"github.com/aws/aws-sdk-go-v2/service/ssm"
	. "github.com/onsi/gomega"
	"k8s.io/utils/clock"

	"github.com/karpenter-kubeadm/karpenter-provider-aws/pkg/join"
	"github.com/karpenter-kubeadm/karpenter-provider-aws/pkg/providers/parameter"
	"github.com/karpenter-kubeadm/karpenter-provider-aws/test/awsfake"
	"github.com/karpenter-kubeadm/karpenter-provider-aws/test/awsfake/policy"
	"github.com/karpenter-kubeadm/karpenter-provider-aws/test/hollow/machine"
)

const (
	controllerKey = "AKIACONTROLLER000000"
	nodeKey       = "ASIANODE000000000000"
	clusterName   = "seed"
)

// podOnNode is (j): a pod that reaches the metadata service of its node, which takes a hop
// limit of 2, when the token is delivered by SSM. User data gives it nothing. The role's
// credentials give it what a token is worth (see siblingRace), and no other parameter.
func (s *siege) podOnNode(t *testing.T) {
	t.Helper()
	g := NewWithT(t)
	account := s.accountWithTokenPolicies(t)
	spec := s.spec(t, "")
	secret := spec.Token.Secret
	shared, err := join.Render(spec)
	g.Expect(err).NotTo(HaveOccurred())
	g.Expect(string(shared.Bytes())).To(ContainSubstring(secret), "the twin: delivery by user data")

	delivery := parameter.New(ssm.NewFromConfig(account.ConfigFor(controllerKey, region)), clusterName, clock.RealClock{})
	spec.Parameter, err = delivery.Deliver(t.Context(), spec.Token)
	g.Expect(err).NotTo(HaveOccurred())
	spec.Token = join.Token{}
	i := s.waiting(t, nil)
	var userData string
	m := boot(t, i, spec, func(facts *machine.Facts, config *machine.Config) {
		userData = string(facts.UserData)
		facts.Role = &machine.Role{Name: nodeRole, AccessKeyID: nodeKey, SecretAccessKey: "s/ecret+", SessionToken: "ses/sion+=="}
		config.AWS = account.URL
	})
	g.Expect(userData).NotTo(ContainSubstring(secret))
	s.expectNode(t, m, i)
	g.Eventually(m.Console.Text, patience).Should(And(ContainSubstring("phase=token result=ok"), ContainSubstring("phase=join result=ok")))
	g.Expect(m.Console.Text()).NotTo(ContainSubstring(secret))
	g.Expect(holding(t, m, secret)).To(BeEmpty(), "nothing of it stays on the disk")

	pod := ssm.NewFromConfig(account.ConfigFor(nodeKey, region))
	_, err = pod.GetParameter(t.Context(), &ssm.GetParameterInput{Name: aws.String("/karpenter/another/bootstrap-token"), WithDecryption: aws.Bool(true)})
	g.Expect(err).To(MatchError(ContainSubstring("AccessDenied")))
	_, err = pod.PutParameter(t.Context(), &ssm.PutParameterInput{Name: aws.String(spec.Parameter), Value: aws.String("x"), Overwrite: aws.Bool(true)})
	g.Expect(err).To(MatchError(ContainSubstring("AccessDenied")))
	found, err := pod.GetParameter(t.Context(), &ssm.GetParameterInput{Name: aws.String(spec.Parameter), WithDecryption: aws.Bool(true)})
	g.Expect(err).NotTo(HaveOccurred())
	g.Expect(aws.ToString(found.Parameter.Value)).To(HaveSuffix("." + secret))
}

// accountWithTokenPolicies is one whose controller and nodes have the policies for one parameter
// that nodes share.
func (s *siege) accountWithTokenPolicies(t *testing.T) *awsfake.Server {
	t.Helper()
	return s.account(t, map[string]string{controllerKey: "controller-token-policy.json", nodeKey: "node-token-policy.json"})
}

// account is an AWS account in which each key has one of the chart's policies, and no other.
func (s *siege) account(t *testing.T, policies map[string]string) *awsfake.Server {
	t.Helper()
	account := awsfake.Start(t)
	for key, file := range policies {
		account.Policy.SetPrincipal(key, policy.Principal{Documents: []*policy.Document{policyOf(t, file)}})
	}
	return account
}

// policyOf is a policy of the chart for this test's cluster.
func policyOf(t *testing.T, file string) *policy.Document {
	t.Helper()
	document, err := policy.Load("../../charts/karpenter/iam/"+file, map[string]string{
		"AWS_PARTITION": "aws", "AWS_REGION": region, "AWS_ACCOUNT_ID": awsfake.DefaultAccount, "CLUSTER_NAME": clusterName,
	})
	NewWithT(t).Expect(err).NotTo(HaveOccurred())
	return document
}
