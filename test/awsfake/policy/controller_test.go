package policy_test

import (
	"encoding/json"
	"maps"
	"os"
	"slices"
	"strings"
	"testing"

	. "github.com/onsi/gomega"
	"k8s.io/utils/clock"

	"github.com/karpenter-kubeadm/karpenter-provider-aws/test/awsfake/policy"
	"github.com/karpenter-kubeadm/karpenter-provider-aws/test/awsfake/wire"
	"github.com/karpenter-kubeadm/karpenter-provider-aws/test/awsfake/wire/wiretest"
)

const (
	chartFolder = "../../../charts/karpenter/iam/"
	ec2ARN      = "arn:aws:ec2:ap-northeast-2:123456789012:"
	iamARN      = "arn:aws:iam::123456789012:"
)

func placeholders() map[string]string {
	return map[string]string{
		"AWS_PARTITION": "aws", "AWS_REGION": "ap-northeast-2", "AWS_ACCOUNT_ID": wiretest.Account, "CLUSTER_NAME": "prod",
	}
}

// tags are those the provider gives to what it launches, with changes; an empty value
// takes a tag away.
func tags(change map[string]string) map[string]string {
	out := map[string]string{
		"kubernetes.io/cluster/prod": "owned", "eks:eks-cluster-name": "prod", "karpenter.sh/nodepool": "default",
		"karpenter.k8s.aws/ec2nodeclass": "default", "topology.kubernetes.io/region": "ap-northeast-2", "team": "infra",
	}
	maps.Copy(out, change)
	maps.DeleteFunc(out, func(_, value string) bool { return value == "" })
	return out
}

// made is a resource that a call makes with tags.
func made(arn string, tags map[string]string) wire.Resource {
	keys := wire.Keys{}
	for key, value := range tags {
		keys["aws:RequestTag/"+key] = []string{value}
		keys["aws:TagKeys"] = append(keys["aws:TagKeys"], key)
	}
	return wire.Resource{ARN: arn, Keys: keys}
}

// has is a resource that has tags.
func has(arn string, tags map[string]string) wire.Resource {
	keys := wire.Keys{}
	for key, value := range tags {
		keys["aws:ResourceTag/"+key] = []string{value}
	}
	return wire.Resource{ARN: arn, Keys: keys}
}

// both is a resource that has tags and is given others.
func both(arn string, old, given map[string]string) wire.Resource {
	out := made(arn, given)
	maps.Copy(out.Keys, has(arn, old).Keys)
	return out
}

// launch is what EC2 checks when a fleet starts instances from a template.
func launch(action string, template, request map[string]string) wire.Check {
	check := wire.Check{Action: "ec2:" + action, Resources: []wire.Resource{
		{ARN: "arn:aws:ec2:ap-northeast-2::image/ami-0a"}, {ARN: ec2ARN + "subnet/subnet-0a"}, {ARN: ec2ARN + "security-group/sg-0a"},
		has(ec2ARN+"launch-template/lt-0a", template),
	}}
	for _, kind := range []string{"fleet", "instance", "volume", "network-interface", "spot-instances-request"} {
		check.Resources = append(check.Resources, made(ec2ARN+kind+"/*", request))
	}
	return check
}

// tagging is what EC2 checks when a call tags what it makes.
func tagging(createAction string, request map[string]string) wire.Check {
	return wire.Check{
		Action: "ec2:CreateTags", Keys: wire.Keys{"ec2:CreateAction": {createAction}},
		Resources: []wire.Resource{made(ec2ARN+"instance/*", request)},
	}
}

func one(action string, resource wire.Resource) wire.Check {
	return wire.Check{Action: action, Resources: []wire.Resource{resource}}
}

func in(region, action string) wire.Check {
	return wire.Check{Action: action, Keys: wire.Keys{"aws:RequestedRegion": {region}}}
}

func pass(role, service string) wire.Check {
	return wire.Check{
		Action: "iam:PassRole", Keys: wire.Keys{"iam:PassedToService": {service}}, Resources: []wire.Resource{{ARN: iamARN + "role/" + role}},
	}
}

// needed is what the controller asks of AWS; both policies must allow all of it.
func needed() map[string]wire.Check {
	own := tags(nil)
	instance, template, profile := ec2ARN+"instance/i-0a", ec2ARN+"launch-template/lt-0a", iamARN+"instance-profile/karpenter/x"
	return map[string]wire.Check{
		"a fleet":                       launch("CreateFleet", own, own),
		"instances of a fleet":          launch("RunInstances", own, own),
		"a launch template":             one("ec2:CreateLaunchTemplate", made(ec2ARN+"launch-template/*", own)),
		"tags of a fleet":               tagging("CreateFleet", own),
		"tags of instances":             tagging("RunInstances", own),
		"tags of a template":            tagging("CreateLaunchTemplate", own),
		"the name of a node":            one("ec2:CreateTags", both(instance, own, map[string]string{"Name": "n", "karpenter.sh/nodeclaim": "c", "eks:eks-cluster-name": "prod"})),
		"the end of an instance":        one("ec2:TerminateInstances", has(instance, own)),
		"the end of a template":         one("ec2:DeleteLaunchTemplate", has(template, own)),
		"the role of nodes":             pass("KarpenterNodeRole-prod", "ec2.amazonaws.com"),
		"a profile":                     one("iam:CreateInstanceProfile", made(profile, own)),
		"tags of a profile":             one("iam:TagInstanceProfile", both(profile, own, own)),
		"a role in a profile":           one("iam:AddRoleToInstanceProfile", has(profile, own)),
		"no role in a profile":          one("iam:RemoveRoleFromInstanceProfile", has(profile, own)),
		"the end of a profile":          one("iam:DeleteInstanceProfile", has(profile, own)),
		"a look at a profile of anyone": one("iam:GetInstanceProfile", wire.Resource{ARN: profile}),
		"a list of profiles":            one("iam:ListInstanceProfiles", wire.Resource{ARN: iamARN + "instance-profile/karpenter/"}),
		"subnets of the region":         in("ap-northeast-2", "ec2:DescribeSubnets"),
		"status of instances":           in("ap-northeast-2", "ec2:DescribeInstanceStatus"),
		"a public parameter":            one("ssm:GetParameter", wire.Resource{ARN: "arn:aws:ssm:ap-northeast-2::parameter/aws/service/canonical/x"}),
		"prices":                        in("us-east-1", "pricing:GetProducts"),
		"messages of the queue":         one("sqs:ReceiveMessage", wire.Resource{ARN: "arn:aws:sqs:ap-northeast-2:123456789012:prod"}),
	}
}

// forbidden is what neither policy may allow.
func forbidden() map[string]wire.Check {
	own, other := tags(nil), tags(map[string]string{"kubernetes.io/cluster/prod": "", "kubernetes.io/cluster/test": "owned"})
	instance, profile := ec2ARN+"instance/i-0a", iamARN+"instance-profile/x"
	return map[string]wire.Check{
		"a fleet from a template of others":        launch("CreateFleet", other, own),
		"a fleet from a template without a pool":   launch("CreateFleet", tags(map[string]string{"karpenter.sh/nodepool": ""}), own),
		"instances without the cluster's tag":      launch("RunInstances", own, other),
		"instances without a pool's tag":           launch("RunInstances", own, tags(map[string]string{"karpenter.sh/nodepool": ""})),
		"a template without tags":                  one("ec2:CreateLaunchTemplate", made(ec2ARN+"launch-template/*", nil)),
		"tags of what another call makes":          tagging("CreateVolume", own),
		"taking over an instance by tags":          one("ec2:CreateTags", both(instance, other, map[string]string{"Name": "n"})),
		"other tags on an own instance":            one("ec2:CreateTags", both(instance, own, map[string]string{"karpenter.sh/nodepool": "x"})),
		"an own instance for another cluster":      one("ec2:CreateTags", both(instance, own, map[string]string{"eks:eks-cluster-name": "test"})),
		"the end of an instance of others":         one("ec2:TerminateInstances", has(instance, other)),
		"the end of a volume":                      one("ec2:DeleteVolume", has(ec2ARN+"volume/vol-0a", own)),
		"the role of others":                       pass("Administrator", "ec2.amazonaws.com"),
		"the role for another service":             pass("KarpenterNodeRole-prod", "lambda.amazonaws.com"),
		"a profile of another region":              one("iam:CreateInstanceProfile", made(profile, tags(map[string]string{"topology.kubernetes.io/region": "us-east-1"}))),
		"taking over a profile by tags":            one("iam:TagInstanceProfile", both(profile, other, own)),
		"a role in a profile of others":            one("iam:AddRoleToInstanceProfile", has(profile, other)),
		"subnets of another region":                in("us-east-1", "ec2:DescribeSubnets"),
		"a parameter of the account":               one("ssm:GetParameter", wire.Resource{ARN: "arn:aws:ssm:ap-northeast-2:123456789012:parameter/secret"}),
		"messages of another queue":                one("sqs:ReceiveMessage", wire.Resource{ARN: "arn:aws:sqs:ap-northeast-2:123456789012:other"}),
		"a new role":                               one("iam:CreateRole", wire.Resource{ARN: iamARN + "role/x"}),
		"a role's session":                         one("sts:AssumeRole", wire.Resource{ARN: iamARN + "role/Administrator"}),
		"user data of instances, with the secrets": in("ap-northeast-2", "ec2:DescribeInstanceAttribute"),
	}
}

func TestControllerPolicies(t *testing.T) {
	for name, path := range map[string]string{
		"ours":               chartFolder + "controller-policy.json",
		"the AWS provider's": "testdata/provider-1.15.json",
	} {
		t.Run(name, func(t *testing.T) {
			g := NewWithT(t)
			doc, err := policy.Load(path, placeholders())
			g.Expect(err).NotTo(HaveOccurred())
			engine := policy.New(wiretest.Env(clock.RealClock{}))
			engine.SetPrincipal(key, policy.Principal{Documents: []*policy.Document{doc}})
			for what, check := range needed() {
				check.AccessKey = key
				g.Expect(engine.Authorize(check)).To(Succeed(), what)
			}
			for what, check := range forbidden() {
				check.AccessKey = key
				g.Expect(engine.Authorize(check)).NotTo(Succeed(), what)
			}
		})
	}
}

func TestOurControllerPolicyAllowsWhatOursAloneAsks(t *testing.T) {
	g := NewWithT(t)
	doc, err := policy.Load(chartFolder+"controller-policy.json", placeholders())
	g.Expect(err).NotTo(HaveOccurred())
	engine := policy.New(wiretest.Env(clock.RealClock{}))
	engine.SetPrincipal(key, policy.Principal{Documents: []*policy.Document{doc}})
	for _, action := range []string{"ec2:GetConsoleOutput", "ec2:RebootInstances"} {
		for owned, instance := range map[bool]wire.Resource{
			true:  has(ec2ARN+"instance/i-0a", tags(nil)),
			false: has(ec2ARN+"instance/i-0a", nil),
		} {
			check := one(action, instance)
			check.AccessKey = key
			g.Expect(engine.Authorize(check) == nil).To(Equal(owned), action)
		}
	}
}

func TestOurControllerPolicyAsksNothingOfEKSAndFits(t *testing.T) {
	g := NewWithT(t)
	raw, err := os.ReadFile(chartFolder + "controller-policy.json")
	g.Expect(err).NotTo(HaveOccurred())
	text := string(raw)
	g.Expect(text).NotTo(ContainSubstring(`"eks:Describe`))
	values := placeholders()
	values["CLUSTER_NAME"] = strings.Repeat("k", 40)
	for name, value := range values {
		text = strings.ReplaceAll(text, "${"+name+"}", value)
	}
	var document any
	g.Expect(json.Unmarshal([]byte(text), &document)).To(Succeed())
	compact, err := json.Marshal(document)
	g.Expect(err).NotTo(HaveOccurred())
	g.Expect(len(compact)).To(BeNumerically("<=", 6144), "IAM's limit for a managed policy")
}

func TestPoliciesOfNodesAllowOneThingEach(t *testing.T) {
	actions := []string{"ssm:UpdateInstanceInformation", "ssmmessages:OpenDataChannel", "ssm:GetParameter", "ec2:DescribeInstances", "sts:AssumeRole"}
	for file, allowed := range map[string][]string{
		"node-policy.json": {"ssm:UpdateInstanceInformation", "ssmmessages:OpenDataChannel"}, "node-bottlerocket-policy.json": {"ec2:DescribeInstances"},
	} {
		t.Run(file, func(t *testing.T) {
			g := NewWithT(t)
			doc, err := policy.Load(chartFolder+file, placeholders())
			g.Expect(err).NotTo(HaveOccurred())
			engine := policy.New(wiretest.Env(clock.RealClock{}))
			engine.SetPrincipal(key, policy.Principal{Documents: []*policy.Document{doc}})
			for _, action := range actions {
				check := in("ap-northeast-2", action)
				check.AccessKey = key
				g.Expect(engine.Authorize(check) == nil).To(Equal(slices.Contains(allowed, action)), action)
			}
		})
	}
}

func TestTokenPoliciesAreForOneParameterOfOneCluster(t *testing.T) {
	for file, allowed := range map[string]string{"controller-token-policy.json": "ssm:PutParameter", "node-token-policy.json": "ssm:GetParameter"} {
		t.Run(file, func(t *testing.T) {
			g := NewWithT(t)
			doc, err := policy.Load(chartFolder+file, placeholders())
			g.Expect(err).NotTo(HaveOccurred())
			engine := policy.New(wiretest.Env(clock.RealClock{}))
			engine.SetPrincipal(key, policy.Principal{Documents: []*policy.Document{doc}})
			for _, action := range []string{"ssm:PutParameter", "ssm:GetParameter", "ssm:DeleteParameter"} {
				for _, cluster := range []string{"prod", "other"} {
					check := one(action, wire.Resource{ARN: "arn:aws:ssm:ap-northeast-2:" + wiretest.Account + ":parameter/karpenter/" + cluster + "/bootstrap-token"})
					check.AccessKey = key
					g.Expect(engine.Authorize(check) == nil).To(Equal(action == allowed && cluster == "prod"), action+" "+cluster)
				}
			}
		})
	}
}

// An instance's own token: the policy of the role that all nodes share gives each its own parameter.
func TestANodeReadsItsOwnInstancesParameter(t *testing.T) {
	g := NewWithT(t)
	doc, err := policy.Load(chartFolder+"node-instance-token-policy.json", placeholders())
	g.Expect(err).NotTo(HaveOccurred())
	engine := policy.New(wiretest.Env(clock.RealClock{}))
	const own = ec2ARN + "instance/i-0a"
	engine.SetPrincipal(key, policy.Principal{Documents: []*policy.Document{doc}, Keys: wire.Keys{"ec2:SourceInstanceARN": {own}}})
	engine.SetPrincipal("elsewhere", policy.Principal{Documents: []*policy.Document{doc}}) // the role's credentials of no instance
	of := func(cluster, tag string) wire.Resource {
		arn := "arn:aws:ssm:ap-northeast-2:" + wiretest.Account + ":parameter/karpenter/" + cluster + "/bootstrap-tokens/i-0a"
		if tag == "" {
			return wire.Resource{ARN: arn}
		}
		return has(arn, map[string]string{"karpenter.k8s.aws/instance-arn": tag})
	}
	for name, tc := range map[string]struct {
		who, action string
		resource    wire.Resource
		allowed     bool
	}{
		"its own":                        {key, "ssm:GetParameter", of("prod", own), true},
		"another instance's":             {key, "ssm:GetParameter", of("prod", ec2ARN+"instance/i-0b"), false},
		"one without an owner":           {key, "ssm:GetParameter", of("prod", ""), false},
		"one whose owner is any":         {key, "ssm:GetParameter", of("prod", "*"), false},
		"another cluster's":              {key, "ssm:GetParameter", of("other", own), false},
		"its own, to write":              {key, "ssm:PutParameter", of("prod", own), false},
		"its own, to delete":             {key, "ssm:DeleteParameter", of("prod", own), false},
		"all of them":                    {key, "ssm:GetParametersByPath", of("prod", own), false},
		"one, without being an instance": {"elsewhere", "ssm:GetParameter", of("prod", own), false},
		"one without an owner, by none":  {"elsewhere", "ssm:GetParameter", of("prod", ""), false},
	} {
		t.Run(name, func(t *testing.T) {
			check := one(tc.action, tc.resource)
			check.AccessKey = tc.who
			NewWithT(t).Expect(engine.Authorize(check) == nil).To(Equal(tc.allowed))
		})
	}
}
