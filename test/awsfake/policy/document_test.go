package policy_test

import (
	"strings"
	"testing"

	. "github.com/onsi/gomega"

	"github.com/karpenter-kubeadm/karpenter-provider-aws/test/awsfake/policy"
)

func TestParseRefuses(t *testing.T) {
	const whole = `{"Version": "2012-10-17", "Statement": [{"Sid": "A", "Effect": "Allow", "Action": "ec2:RunInstances", "Resource": "*"}]}`
	for name, tc := range map[string]struct{ old, new, want string }{
		"an unknown version":              {`2012-10-17`, `2026-01-01`, "2026-01-01"},
		"an unknown element":              {`"Sid"`, `"Id"`, "unknown field"},
		"a principal, as resources have":  {`"Sid": "A"`, `"Principal": "*"`, "Principal"},
		"no statement":                    {`"Statement"`, `"Id": "x", "Statements"`, "unknown field"},
		"another effect":                  {`"Allow"`, `"allow"`, "neither Allow nor Deny"},
		"no action":                       {`"Action": "ec2:RunInstances", `, ``, "needs Action or NotAction"},
		"both forms of action":            {`"Action"`, `"NotAction": "s3:*", "Action"`, "and not both"},
		"an action without service":       {`ec2:RunInstances`, `RunInstances`, "names no service"},
		"no resource":                     {`, "Resource": "*"`, ``, "needs Resource or NotResource"},
		"an unknown operator":             {`"Resource"`, `"Condition": {"DateLessThan": {"aws:CurrentTime": "x"}}, "Resource"`, "DateLessThan is not modelled"},
		"an operator that does not exist": {`"Resource"`, `"Condition": {"NullIfExists": {"a:b": "true"}}, "Resource"`, "NullIfExists does not exist"},
		"a condition without values":      {`"Resource"`, `"Condition": {"StringLike": {"a:b": []}}, "Resource"`, "has no value"},
		"a placeholder left over":         {`"Resource": "*"`, `"Resource": "arn:${AWS_PARTITION}:ec2:*"`, "${AWS_PARTITION} is no policy variable"},
		"a variable that does not end":    {`"Resource": "*"`, `"Resource": "arn:${aws:username"`, "open ${"},
		"a default without quotes":        {`"Resource": "*"`, `"Resource": "arn:${aws:username, x}"`, "not in single quotes"},
		"an object for a text":            {`"Resource": "*"`, `"Resource": {}`, "neither a text"},
		"two statements of one Sid":       {`[{`, `[{"Sid": "A", "Effect": "Deny", "Action": "*", "Resource": "*"}, {`, "two statements have the Sid A"},
	} {
		t.Run(name, func(t *testing.T) {
			g := NewWithT(t)
			g.Expect(whole).To(ContainSubstring(tc.old))
			_, err := policy.Parse("test", []byte(strings.Replace(whole, tc.old, tc.new, 1)))
			g.Expect(err).To(MatchError(ContainSubstring(tc.want)))
		})
	}
}

func TestParseReadsOneStatementAndLists(t *testing.T) {
	g := NewWithT(t)
	doc, err := policy.Parse("one", []byte(`{"Statement": {"Effect": "Deny", "NotAction": ["s3:*"], "NotResource": "*"}}`))
	g.Expect(err).NotTo(HaveOccurred())
	g.Expect(doc.Statements).To(HaveLen(1))
	g.Expect(doc.Statements[0].Sid).To(Equal("#1"))
	g.Expect(doc.Statements[0].Deny).To(BeTrue())
}

func TestLoadReplacesPlaceholders(t *testing.T) {
	g := NewWithT(t)
	_, err := policy.Load("testdata/provider-1.15.json", placeholders())
	g.Expect(err).NotTo(HaveOccurred())
	_, err = policy.Load("testdata/provider-1.15.json", nil)
	g.Expect(err).To(MatchError(ContainSubstring("is it a placeholder that nobody replaced?")))
	_, err = policy.Load("testdata/missing.json", nil)
	g.Expect(err).To(MatchError(ContainSubstring("loading policy")))
}
