package policy_test

import (
	"errors"
	"testing"

	. "github.com/onsi/gomega"
	"k8s.io/utils/clock"

	"github.com/karpenter-kubeadm/karpenter-provider-aws/test/awsfake/policy"
	"github.com/karpenter-kubeadm/karpenter-provider-aws/test/awsfake/wire"
	"github.com/karpenter-kubeadm/karpenter-provider-aws/test/awsfake/wire/wiretest"
)

func engineFor(t *testing.T, statements string) (*policy.Engine, *policy.Document) {
	t.Helper()
	doc, err := policy.Parse("doc", []byte(`{"Version": "2012-10-17", "Statement": [`+statements+`]}`))
	if err != nil {
		t.Fatal(err)
	}
	engine := policy.New(wiretest.Env(clock.RealClock{}))
	engine.SetPrincipal(key, policy.Principal{Documents: []*policy.Document{doc}})
	return engine, doc
}

func TestARefusalNamesWhoWhatAndWhere(t *testing.T) {
	g := NewWithT(t)
	engine, _ := engineFor(t, `{"Sid": "No", "Effect": "Deny", "Action": "ec2:StopInstances", "Resource": "*"}`)
	check := wire.Check{AccessKey: key, Action: "ec2:RunInstances", Resources: []wire.Resource{{ARN: "arn:aws:ec2:r:1:instance/*"}}}
	g.Expect(engine.Authorize(check)).To(MatchError("User: arn:aws:iam::123456789012:user/AKIATESTED is not authorized to perform: " +
		"ec2:RunInstances on resource: arn:aws:ec2:r:1:instance/* because no identity-based policy allows the ec2:RunInstances action"))

	check = wire.Check{AccessKey: key, Action: "ec2:StopInstances"}
	err := engine.Authorize(check)
	g.Expect(err).To(MatchError("User: arn:aws:iam::123456789012:user/AKIATESTED is not authorized to perform: " +
		"ec2:StopInstances on resource: * with an explicit deny in an identity-based policy"))
	denial, ok := errors.AsType[*policy.DeniedError](err)
	g.Expect(ok).To(BeTrue())
	g.Expect(denial.Sid).To(Equal("No"))
	g.Expect(engine.Denials()).To(HaveLen(2))
}

func TestWhatNothingNeededIsListed(t *testing.T) {
	g := NewWithT(t)
	engine, doc := engineFor(t, `
		{"Sid": "Read", "Effect": "Allow", "Action": ["ec2:Describe*", "ssm:GetParameter"], "Resource": "*"},
		{"Sid": "Write", "Effect": "Allow", "Action": "ec2:RunInstances", "Resource": ["*:instance/*", "*:volume/*", "*:fleet/*"]},
		{"Sid": "No", "Effect": "Deny", "Action": "iam:*", "Resource": "*"}`)
	g.Expect(engine.Unused(doc)).To(HaveLen(9))

	g.Expect(engine.Authorize(wire.Check{AccessKey: key, Action: "ec2:DescribeSubnets"})).To(Succeed())
	g.Expect(engine.Authorize(wire.Check{AccessKey: key, Action: "ec2:RunInstances", Resources: []wire.Resource{{ARN: "a:instance/*"}, {ARN: "a:volume/*"}}})).To(Succeed())
	g.Expect(engine.Authorize(wire.Check{AccessKey: key, Action: "iam:GetRole"})).NotTo(Succeed())
	// What a refused request would have needed counts for nothing.
	g.Expect(engine.Authorize(wire.Check{AccessKey: key, Action: "ec2:RunInstances", Resources: []wire.Resource{{ARN: "a:fleet/*"}, {ARN: "a:subnet/s"}}})).NotTo(Succeed())

	g.Expect(engine.Unused(doc)).To(Equal([]string{
		"doc: Read: Action ssm:GetParameter",
		"doc: Write: Resource *:fleet/*",
	}))
}

func TestAnUnknownKeyMayDoAllUntilOthersAreRefused(t *testing.T) {
	g := NewWithT(t)
	engine, _ := engineFor(t, `{"Effect": "Allow", "Action": "*", "Resource": "*"}`)
	g.Expect(engine.Authorize(wire.Check{AccessKey: "AKIAOTHER", Action: "ec2:RunInstances"})).To(Succeed())
	engine.RefuseOthers()
	for action, code := range map[string]string{
		"ec2:RunInstances":   "AuthFailure",
		"iam:GetRole":        "InvalidClientTokenId",
		"sqs:ReceiveMessage": "UnrecognizedClientException",
	} {
		answer, ok := errors.AsType[*wire.Error](engine.Authorize(wire.Check{AccessKey: "AKIAOTHER", Action: action}))
		g.Expect(ok).To(BeTrue())
		g.Expect(answer.Code).To(Equal(code))
	}
	g.Expect(engine.Authorize(wire.Check{AccessKey: key, Action: "ec2:RunInstances"})).To(Succeed())
}

func TestASessionHasThePoliciesOfItsRole(t *testing.T) {
	g := NewWithT(t)
	engine, doc := engineFor(t, `{"Effect": "Allow", "Action": "ec2:*", "Resource": "*",
		"Condition": {"ArnEquals": {"aws:PrincipalArn": "arn:aws:iam::123456789012:role/node"}}}`)
	const role = "arn:aws:iam::123456789012:role/node"
	engine.SetRole(role, policy.Principal{Documents: []*policy.Document{doc}})

	g.Expect(engine.Assume("ASIA1", role, "s")).To(Equal("arn:aws:sts::123456789012:assumed-role/node/s"))
	g.Expect(engine.ARN("ASIA1")).To(Equal("arn:aws:sts::123456789012:assumed-role/node/s"))
	g.Expect(engine.Authorize(wire.Check{AccessKey: "ASIA1", Action: "ec2:RunInstances"})).To(Succeed())
	g.Expect(engine.Authorize(wire.Check{AccessKey: "ASIA1", Action: "iam:GetRole"})).NotTo(Succeed())

	engine.Assume("ASIA2", "arn:aws:iam::123456789012:role/unset", "s")
	g.Expect(engine.Authorize(wire.Check{AccessKey: "ASIA2", Action: "iam:GetRole"})).To(Succeed())
	engine.RefuseOthers()
	g.Expect(engine.Authorize(wire.Check{AccessKey: "ASIA2", Action: "iam:GetRole"})).NotTo(Succeed())
}
