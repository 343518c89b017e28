package ec2_test

import (
	"errors"
	"maps"
	"slices"
	"sync"
	"testing"

	"github.com/aws/aws-sdk-go-v2/aws"
	awsec2 "github.com/aws/aws-sdk-go-v2/service/ec2"
	"github.com/aws/aws-sdk-go-v2/service/ec2/types"
	. "github.com/onsi/gomega"

	"github.com/karpenter-kubeadm/karpenter-provider-aws/test/awsfake"
	"github.com/karpenter-kubeadm/karpenter-provider-aws/test/awsfake/wire"
)

// asked remembers what an authoriser was asked, and refuses one action.
type asked struct {
	mu     sync.Mutex
	checks []wire.Check
	refuse string
}

func (a *asked) Authorize(c wire.Check) error {
	a.mu.Lock()
	defer a.mu.Unlock()
	a.checks = append(a.checks, c)
	if c.Action == a.refuse {
		return errors.New("User: arn:aws:iam::000000000000:user/x is not authorized to perform: " + c.Action)
	}
	return nil
}

// of returns the resources that an action was asked for, by ARN; the last question counts.
func (a *asked) of(action string) map[string]wire.Keys {
	a.mu.Lock()
	defer a.mu.Unlock()
	out := map[string]wire.Keys{}
	for _, c := range a.checks {
		if c.Action == action {
			for _, res := range c.Resources {
				out[res.ARN] = maps.Clone(res.Keys)
				for k, v := range c.Keys {
					out[res.ARN][k] = v
				}
			}
		}
	}
	return out
}

func TestAFleetAsksForAllThatItTouches(t *testing.T) {
	a := start(t)
	lt := a.template("karpenter", func(d *types.RequestLaunchTemplateData) {
		d.TagSpecifications = []types.LaunchTemplateTagSpecificationRequest{
			{ResourceType: types.ResourceTypeNetworkInterface, Tags: []types.Tag{{Key: aws.String("owned"), Value: aws.String("nic")}}},
		}
	})
	image, group, subnet := a.image("x86_64"), a.group(), aws.ToString(a.subnet(region+"a").SubnetId)
	in := a.request(lt, 1, region+"a", "t3.large")
	in.LaunchTemplateConfigs[0].Overrides[0].ImageId = aws.String(image)
	in.TagSpecifications = []types.TagSpecification{
		tagsFor(types.ResourceTypeFleet, "owned", "fleet"), tagsFor(types.ResourceTypeInstance, "owned", "instance"), tagsFor(types.ResourceTypeVolume, "owned", "volume"),
	}
	who := &asked{}
	a.SetAuthorizer(who)
	template := aws.ToString(a.fleet(in).Instances[0].LaunchTemplateAndOverrides.LaunchTemplateSpecification.LaunchTemplateId)

	prefix := "arn:aws:ec2:" + region + ":" + awsfake.DefaultAccount + ":"
	fleet := who.of("ec2:CreateFleet")
	a.Expect(slices.Sorted(maps.Keys(fleet))).To(Equal(slices.Sorted(slices.Values([]string{
		prefix + "fleet/*", prefix + "instance/*", prefix + "volume/*", prefix + "launch-template/" + template, prefix + "subnet/" + subnet,
		"arn:aws:ec2:" + region + "::image/" + image,
	}))))
	a.Expect(fleet[prefix+"fleet/*"]).To(HaveKeyWithValue("aws:RequestTag/owned", []string{"fleet"}))
	a.Expect(fleet[prefix+"fleet/*"]).To(HaveKeyWithValue("aws:TagKeys", []string{"owned"}))
	a.Expect(fleet[prefix+"subnet/"+subnet]).To(HaveKeyWithValue("aws:ResourceTag/karpenter.sh/discovery", []string{"true"}))
	a.Expect(fleet[prefix+"subnet/"+subnet]).To(HaveKeyWithValue("aws:RequestedRegion", []string{region}))

	run := who.of("ec2:RunInstances")
	a.Expect(slices.Sorted(maps.Keys(run))).To(Equal(slices.Sorted(slices.Values([]string{
		prefix + "instance/*", prefix + "volume/*", prefix + "network-interface/*", prefix + "launch-template/" + template, prefix + "subnet/" + subnet,
		prefix + "security-group/" + group, "arn:aws:ec2:" + region + "::image/" + image,
	}))))
	a.Expect(run[prefix+"network-interface/*"]).To(HaveKeyWithValue("aws:RequestTag/owned", []string{"nic"}))
	a.Expect(run[prefix+"instance/*"]).To(HaveKeyWithValue("ec2:InstanceType", []string{"t3.large"}))
	a.Expect(run[prefix+"instance/*"]).To(HaveKeyWithValue("ec2:IsLaunchTemplateResource", []string{"true"}))
	a.Expect(run[prefix+"instance/*"]["aws:TagKeys"]).To(Equal([]string{"owned"}), "the tags of EC2 itself are nobody's request")

	tagging := who.of("ec2:CreateTags")
	a.Expect(tagging[prefix+"fleet/*"]).To(HaveKeyWithValue("ec2:CreateAction", []string{"CreateFleet"}))
	a.Expect(tagging[prefix+"instance/*"]).To(HaveKeyWithValue("ec2:CreateAction", []string{"RunInstances"}))
	a.Expect(who.of("iam:PassRole")).To(HaveKey("arn:aws:iam::" + awsfake.DefaultAccount + ":role/" + awsfake.NodeRole))
}

func TestRefusedActions(t *testing.T) {
	for refuse, call := range map[string]func(*account, string) error{
		"ec2:DescribeInstances": func(a *account, _ string) error {
			_, err := a.api.DescribeInstances(a.t.Context(), &awsec2.DescribeInstancesInput{})
			return err
		},
		"ec2:TerminateInstances": func(a *account, id string) error {
			_, err := a.api.TerminateInstances(a.t.Context(), &awsec2.TerminateInstancesInput{InstanceIds: []string{id}, DryRun: aws.Bool(true)})
			return err
		},
		"ec2:CreateTags": func(a *account, id string) error { return a.tag(id, "a", "b") },
		"ec2:RunInstances": func(a *account, _ string) error {
			_, err := a.run(func(in *awsec2.RunInstancesInput) { in.DryRun = aws.Bool(true) })
			return err
		},
		"ec2:CreateLaunchTemplate": func(a *account, _ string) error {
			_, err := a.api.CreateLaunchTemplate(a.t.Context(), &awsec2.CreateLaunchTemplateInput{
				LaunchTemplateName: aws.String("refused"), LaunchTemplateData: &types.RequestLaunchTemplateData{KeyName: aws.String("k")},
			})
			return err
		},
	} {
		t.Run(refuse, func(t *testing.T) {
			a := start(t)
			id := a.launch()
			a.SetAuthorizer(&asked{refuse: refuse})
			err := call(a, id)
			a.Expect(code(err)).To(Equal("UnauthorizedOperation"))
			a.Expect(err).To(MatchError(ContainSubstring("not authorized to perform: " + refuse)))
		})
	}
}

// A fleet that may be made but whose launches may not says so in its list of errors.
func TestAFleetWithoutTheRightToLaunch(t *testing.T) {
	for _, refuse := range []string{"ec2:RunInstances", "iam:PassRole"} {
		a := start(t)
		in := a.request(a.template("fleet"), 1, region+"a", "t3.large")
		a.SetAuthorizer(&asked{refuse: refuse})
		a.Expect(errorCodes(a.fleet(in))).To(Equal([]string{"UnauthorizedOperation"}))
		a.SetAuthorizer(&asked{refuse: "ec2:CreateFleet"})
		_, err := a.api.CreateFleet(t.Context(), in)
		a.Expect(code(err)).To(Equal("UnauthorizedOperation"))
	}
}

func TestTaggingAsksWithOldAndNewTags(t *testing.T) {
	a := start(t)
	id := a.launch()
	a.Expect(a.tag(id, "cluster", "mine")).To(Succeed())
	who := &asked{}
	a.SetAuthorizer(who)
	a.Expect(a.tag(id, "Name", "node")).To(Succeed())
	keys := who.of("ec2:CreateTags")["arn:aws:ec2:"+region+":"+awsfake.DefaultAccount+":instance/"+id]
	a.Expect(keys).To(HaveKeyWithValue("aws:ResourceTag/cluster", []string{"mine"}))
	a.Expect(keys).To(HaveKeyWithValue("aws:RequestTag/Name", []string{"node"}))
	a.Expect(keys).To(HaveKeyWithValue("aws:TagKeys", []string{"Name"}))
	a.Expect(keys).NotTo(HaveKey("ec2:CreateAction"))
}
