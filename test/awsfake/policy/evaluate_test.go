package policy_test

import (
	"testing"

	. "github.com/onsi/gomega"
	"k8s.io/utils/clock"

	"github.com/karpenter-kubeadm/karpenter-provider-aws/test/awsfake/policy"
	"github.com/karpenter-kubeadm/karpenter-provider-aws/test/awsfake/wire"
	"github.com/karpenter-kubeadm/karpenter-provider-aws/test/awsfake/wire/wiretest"
)

const key = "AKIATESTED"

// decide evaluates a policy, given by its statements, for one check.
func decide(t *testing.T, statements string, principal wire.Keys, check wire.Check) error {
	t.Helper()
	doc, err := policy.Parse("test", []byte(`{"Version": "2012-10-17", "Statement": [`+statements+`]}`))
	if err != nil {
		t.Fatal(err)
	}
	engine := policy.New(wiretest.Env(clock.RealClock{}))
	engine.SetPrincipal(key, policy.Principal{Documents: []*policy.Document{doc}, Keys: principal})
	check.AccessKey = key
	return engine.Authorize(check)
}

func TestActionsAndResources(t *testing.T) {
	const (
		instance = "arn:aws:ec2:us-east-1:1:instance/i-0a"
		volume   = "arn:aws:ec2:us-east-1:1:volume/vol-0a"
	)
	allow := func(rest string) string { return `{"Effect": "Allow", ` + rest + `}` }
	for name, tc := range map[string]struct {
		statements string
		resources  []string
		allowed    bool
	}{
		"nothing allows it":                        {allow(`"Action": "ec2:Stop*", "Resource": "*"`), []string{instance}, false},
		"the action is named":                      {allow(`"Action": "ec2:RunInstances", "Resource": "*"`), []string{instance}, true},
		"the case of actions does not count":       {allow(`"Action": "EC2:runinstances", "Resource": "*"`), []string{instance}, true},
		"wildcards stand for any text":             {allow(`"Action": ["s3:*", "ec2:Run?nst*"], "Resource": "*"`), []string{instance}, true},
		"a star is all actions":                    {allow(`"Action": "*", "Resource": "*"`), []string{instance}, true},
		"an action is not a part of another":       {allow(`"Action": "ec2:Run", "Resource": "*"`), []string{instance}, false},
		"all others are allowed":                   {allow(`"NotAction": "iam:*", "Resource": "*"`), []string{instance}, true},
		"all others but this one are":              {allow(`"NotAction": "ec2:*", "Resource": "*"`), []string{instance}, false},
		"the resource matches":                     {allow(`"Action": "*", "Resource": "arn:aws:ec2:*:*:instance/*"`), []string{instance}, true},
		"one of two resources is not allowed":      {allow(`"Action": "*", "Resource": "arn:aws:ec2:*:*:instance/*"`), []string{instance, volume}, false},
		"two statements allow one each":            {allow(`"Action": "*", "Resource": "*:instance/*"`) + "," + allow(`"Action": "*", "Resource": "*:volume/*"`), []string{instance, volume}, true},
		"the case of resources counts":             {allow(`"Action": "*", "Resource": "*:Instance/*"`), []string{instance}, false},
		"all resources but this":                   {allow(`"Action": "*", "NotResource": "*:instance/*"`), []string{instance}, false},
		"a denial wins":                            {allow(`"Action": "*", "Resource": "*"`) + `, {"Effect": "Deny", "Action": "ec2:*", "Resource": "*:instance/*"}`, []string{instance}, false},
		"a denial of something else does not":      {allow(`"Action": "*", "Resource": "*"`) + `, {"Effect": "Deny", "Action": "ec2:*", "Resource": "*:volume/*"}`, []string{instance}, true},
		"what touches no resource needs all":       {allow(`"Action": "*", "Resource": "*"`), nil, true},
		"what touches no resource needs really *":  {allow(`"Action": "*", "Resource": "arn:aws:ec2:*"`), nil, false},
		"an escaped star is a star":                {allow(`"Action": "*", "Resource": "*:instance/${*}"`), []string{instance}, false},
		"a new resource is named by an actual one": {allow(`"Action": "*", "Resource": "*:instance/${*}"`), []string{"arn:aws:ec2:us-east-1:1:instance/*"}, true},
	} {
		t.Run(name, func(t *testing.T) {
			check := wire.Check{Action: "ec2:RunInstances"}
			for _, arn := range tc.resources {
				check.Resources = append(check.Resources, wire.Resource{ARN: arn})
			}
			NewWithT(t).Expect(decide(t, tc.statements, nil, check) == nil).To(Equal(tc.allowed))
		})
	}
}

// conditionCase is a Condition, the keys of a request, and whether it holds for them.
type conditionCase struct {
	condition string
	keys      wire.Keys
	holds     bool
}

func checkConditions(t *testing.T, cases map[string]conditionCase) {
	t.Helper()
	principal := wire.Keys{
		"aws:PrincipalTag/team": {"infra"}, "aws:PrincipalTag/star": {"*"},
		"ec2:SourceInstanceARN": {"arn:aws:ec2:r:1:instance/i-0a"},
	}
	for name, tc := range cases {
		t.Run(name, func(t *testing.T) {
			statement := `{"Effect": "Allow", "Action": "*", "Resource": "*", "Condition": {` + tc.condition + `}}`
			check := wire.Check{Action: "ssm:GetParameter", Resources: []wire.Resource{{ARN: "arn:aws:ssm:r:1:parameter/p", Keys: tc.keys}}}
			NewWithT(t).Expect(decide(t, statement, principal, check) == nil).To(Equal(tc.holds))
		})
	}
}

func TestConditionsOnStrings(t *testing.T) {
	checkConditions(t, map[string]conditionCase{
		"equal":                               {`"StringEquals": {"a:k": "v"}`, wire.Keys{"a:k": {"v"}}, true},
		"equal to one of several":             {`"StringEquals": {"a:k": ["u", "v"]}`, wire.Keys{"a:k": {"v"}}, true},
		"not equal":                           {`"StringEquals": {"a:k": "v"}`, wire.Keys{"a:k": {"V"}}, false},
		"wildcards do not count for equality": {`"StringEquals": {"a:k": "*"}`, wire.Keys{"a:k": {"v"}}, false},
		"equality needs the key":              {`"StringEquals": {"a:k": "v"}`, nil, false},
		"unless it says if exists":            {`"StringEqualsIfExists": {"a:k": "v"}`, nil, true},
		"if exists, and it does":              {`"StringEqualsIfExists": {"a:k": "v"}`, wire.Keys{"a:k": {"w"}}, false},
		"the case of keys does not count":     {`"StringEquals": {"aws:requesttag/Team": "v"}`, wire.Keys{"aws:RequestTag/team": {"v"}}, true},
		"two keys must both hold":             {`"StringEquals": {"a:k": "v", "a:l": "v"}`, wire.Keys{"a:k": {"v"}}, false},
		"two operators must both hold":        {`"StringEquals": {"a:k": "v"}, "StringLike": {"a:k": "w*"}`, wire.Keys{"a:k": {"v"}}, false},
		"ignoring case":                       {`"StringEqualsIgnoreCase": {"a:k": "V"}`, wire.Keys{"a:k": {"v"}}, true},
		"unequal":                             {`"StringNotEquals": {"a:k": "v"}`, wire.Keys{"a:k": {"w"}}, true},
		"unequal to none of several":          {`"StringNotEquals": {"a:k": ["v", "w"]}`, wire.Keys{"a:k": {"w"}}, false},
		"inequality holds without the key":    {`"StringNotEquals": {"a:k": "v"}`, nil, true},
		"like":                                {`"StringLike": {"a:k": "prod-?*"}`, wire.Keys{"a:k": {"prod-1"}}, true},
		"like needs what ? stands for":        {`"StringLike": {"a:k": "prod-?*"}`, wire.Keys{"a:k": {"prod-"}}, false},
		"? is a letter of any script":         {`"StringLike": {"a:k": "클?스터"}`, wire.Keys{"a:k": {"클러스터"}}, true},
		"like anything needs the key":         {`"StringLike": {"a:k": "*"}`, nil, false},
		"like anything takes nothing":         {`"StringLike": {"a:k": "*"}`, wire.Keys{"a:k": {""}}, true},
		"unlike":                              {`"StringNotLike": {"a:k": "prod-*"}`, wire.Keys{"a:k": {"test-1"}}, true},
	})
}

func TestConditionsOnOtherTypes(t *testing.T) {
	checkConditions(t, map[string]conditionCase{
		"an ARN":                             {`"ArnLike": {"a:k": "arn:aws:ec2:*:*:instance/*"}`, wire.Keys{"a:k": {"arn:aws:ec2:r:1:instance/i-0"}}, true},
		"a star of an ARN stays in its part": {`"ArnLike": {"a:k": "arn:aws:*:instance/*"}`, wire.Keys{"a:k": {"arn:aws:ec2:r:1:instance/i-0"}}, false},
		"the last part may have colons":      {`"ArnEquals": {"a:k": "arn:aws:sns:r:1:a:*"}`, wire.Keys{"a:k": {"arn:aws:sns:r:1:a:b:c"}}, true},
		"what is no ARN":                     {`"ArnLike": {"a:k": "*"}`, wire.Keys{"a:k": {"arn:aws:ec2:r:1:instance/i-0"}}, false},
		"an ARN is another":                  {`"ArnNotLike": {"a:k": "arn:aws:ec2:*:*:instance/*"}`, wire.Keys{"a:k": {"arn:aws:ec2:r:1:volume/v"}}, true},
		"true":                               {`"Bool": {"a:k": true}`, wire.Keys{"a:k": {"true"}}, true},
		"not true":                           {`"Bool": {"a:k": "true"}`, wire.Keys{"a:k": {"false"}}, false},
		"the key is absent":                  {`"Null": {"a:k": "true"}`, nil, true},
		"the key is there":                   {`"Null": {"a:k": "true"}`, wire.Keys{"a:k": {"v"}}, false},
		"the key must be there":              {`"Null": {"a:k": "false"}`, wire.Keys{"a:k": {"v"}}, true},
		"a number is small enough":           {`"NumericLessThanEquals": {"a:k": "2"}`, wire.Keys{"a:k": {"2"}}, true},
		"a number is too large":              {`"NumericLessThan": {"a:k": 2}`, wire.Keys{"a:k": {"10"}}, false},
		"a number is another":                {`"NumericNotEquals": {"a:k": 2}`, wire.Keys{"a:k": {"10"}}, true},
		"what is no number":                  {`"NumericGreaterThan": {"a:k": 2}`, wire.Keys{"a:k": {"many"}}, false},
	})
}

func TestConditionsOnSeveralValues(t *testing.T) {
	checkConditions(t, map[string]conditionCase{
		"all of several are":        {`"ForAllValues:StringEquals": {"a:k": ["u", "v"]}`, wire.Keys{"a:k": {"u", "v"}}, true},
		"not all of several are":    {`"ForAllValues:StringEquals": {"a:k": ["u", "v"]}`, wire.Keys{"a:k": {"u", "x"}}, false},
		"all of none are":           {`"ForAllValues:StringEquals": {"a:k": "u"}`, nil, true},
		"any of several is":         {`"ForAnyValue:StringLike": {"a:k": "u*"}`, wire.Keys{"a:k": {"x", "u1"}}, true},
		"none of several is":        {`"ForAnyValue:StringLike": {"a:k": "u*"}`, wire.Keys{"a:k": {"x", "y"}}, false},
		"any of none is":            {`"ForAnyValue:StringEquals": {"a:k": "u"}`, nil, false},
		"any of several is another": {`"ForAnyValue:StringNotEquals": {"a:k": "u"}`, wire.Keys{"a:k": {"u", "x"}}, true},
		"all of several are others": {`"ForAllValues:StringNotEquals": {"a:k": "u"}`, wire.Keys{"a:k": {"u", "x"}}, false},
	})
}

func TestConditionsWithVariables(t *testing.T) {
	checkConditions(t, map[string]conditionCase{
		"a variable":                           {`"StringEquals": {"a:k": "${aws:PrincipalTag/team}-x"}`, wire.Keys{"a:k": {"infra-x"}}, true},
		"a variable is not a pattern":          {`"StringLike": {"a:k": "${aws:PrincipalTag/star}"}`, wire.Keys{"a:k": {"anything"}}, false},
		"a variable without value matches not": {`"StringLike": {"a:k": "*${aws:PrincipalTag/none}"}`, wire.Keys{"a:k": {"x"}}, false},
		"a variable's default":                 {`"StringEquals": {"a:k": "${aws:PrincipalTag/none, 'x'}"}`, wire.Keys{"a:k": {"x"}}, true},
		"an instance's own ARN":                {`"ArnEquals": {"aws:ResourceTag/owner": "${ec2:SourceInstanceARN}"}`, wire.Keys{"aws:ResourceTag/owner": {"arn:aws:ec2:r:1:instance/i-0a"}}, true},
		"another instance's ARN":               {`"ArnEquals": {"aws:ResourceTag/owner": "${ec2:SourceInstanceARN}"}`, wire.Keys{"aws:ResourceTag/owner": {"arn:aws:ec2:r:1:instance/i-0b"}}, false},
	})
}

func TestTheOldVersionTakesVariablesForText(t *testing.T) {
	g := NewWithT(t)
	doc, err := policy.Parse("old", []byte(`{"Version": "2008-10-17", "Statement": {"Effect": "Allow", "Action": "*", "Resource": "${aws:username}"}}`))
	g.Expect(err).NotTo(HaveOccurred())
	engine := policy.New(wiretest.Env(clock.RealClock{}))
	engine.SetPrincipal(key, policy.Principal{Documents: []*policy.Document{doc}})
	g.Expect(engine.Authorize(wire.Check{AccessKey: key, Action: "a:b", Resources: []wire.Resource{{ARN: "${aws:username}"}}})).To(Succeed())
	g.Expect(engine.Authorize(wire.Check{AccessKey: key, Action: "a:b", Resources: []wire.Resource{{ARN: key}}})).NotTo(Succeed())
}
