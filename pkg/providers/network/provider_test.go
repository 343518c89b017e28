package network_test

import (
	"errors"
	"testing"
	"time"

	"github.com/aws/aws-sdk-go-v2/service/ec2"
	. "github.com/onsi/gomega"
	"github.com/samber/lo"
	clocktesting "k8s.io/utils/clock/testing"

	v1 "github.com/karpenter-kubeadm/karpenter-provider-aws/pkg/apis/v1"
	"github.com/karpenter-kubeadm/karpenter-provider-aws/pkg/aws"
	"github.com/karpenter-kubeadm/karpenter-provider-aws/pkg/cache"
	"github.com/karpenter-kubeadm/karpenter-provider-aws/pkg/providers/network"
	"github.com/karpenter-kubeadm/karpenter-provider-aws/test/awsfake"
	fakeec2 "github.com/karpenter-kubeadm/karpenter-provider-aws/test/awsfake/ec2"
	"github.com/karpenter-kubeadm/karpenter-provider-aws/test/awsfake/wire"
)

func start(t *testing.T) (*network.Provider, *awsfake.Server, *clocktesting.FakeClock) {
	t.Helper()
	fake, clk := awsfake.Start(t), clocktesting.NewFakeClock(time.Unix(1_700_000_000, 0))
	return network.New(ec2.NewFromConfig(fake.Config()), clk, network.Refresh{}), fake, clk
}

func selectsSubnets(terms ...v1.SubnetSelectorTerm) *v1.EC2NodeClass {
	return &v1.EC2NodeClass{Spec: v1.EC2NodeClassSpec{SubnetSelectorTerms: terms}}
}

func selectsGroups(terms ...v1.SecurityGroupSelectorTerm) *v1.EC2NodeClass {
	return &v1.EC2NodeClass{Spec: v1.EC2NodeClassSpec{SecurityGroupSelectorTerms: terms}}
}

func addSubnet(t *testing.T, fake *awsfake.Server, zone, cidr string, tags map[string]string) string {
	t.Helper()
	id, err := fake.EC2.AddSubnet(fake.Region(), fakeec2.Subnet{Zone: zone, CIDR: cidr, Tags: tags})
	NewWithT(t).Expect(err).NotTo(HaveOccurred())
	return id
}

func subnetIDs(subnets []v1.Subnet) []string {
	return lo.Map(subnets, func(s v1.Subnet, _ int) string { return s.ID })
}

func TestSubnets(t *testing.T) {
	provider, fake, _ := start(t)
	large := addSubnet(t, fake, "ap-northeast-2a", "10.0.128.0/20", map[string]string{"team": "a", "tier": "x"})
	small := addSubnet(t, fake, "ap-northeast-2c", "10.0.144.0/24", map[string]string{"team": "a", "tier": "y"})
	other := addSubnet(t, fake, "ap-northeast-2c", "10.0.145.0/24", map[string]string{"team": "b"})
	for name, tc := range map[string]struct {
		terms []v1.SubnetSelectorTerm
		want  []string
	}{
		"by a tag, those with most free addresses first": {[]v1.SubnetSelectorTerm{{Tags: map[string]string{"team": "a"}}}, []string{large, small}},
		"within a term all tags must match":              {[]v1.SubnetSelectorTerm{{Tags: map[string]string{"team": "a", "tier": "y"}}}, []string{small}},
		"a star is any value":                            {[]v1.SubnetSelectorTerm{{Tags: map[string]string{"team": "*", "tier": "*"}}}, []string{large, small}},
		"by id":                                          {[]v1.SubnetSelectorTerm{{ID: other}}, []string{other}},
		"terms are ORed and nothing counts twice":        {[]v1.SubnetSelectorTerm{{ID: small}, {ID: large}, {Tags: map[string]string{"team": "a"}}}, []string{large, small}},
		"an id that does not exist matches nothing":      {[]v1.SubnetSelectorTerm{{ID: "subnet-0123456789abcdef0"}}, nil},
		"tags that nothing bears match nothing":          {[]v1.SubnetSelectorTerm{{Tags: map[string]string{"team": "c"}}}, nil},
	} {
		t.Run(name, func(t *testing.T) {
			g := NewWithT(t)
			got, err := provider.Subnets(t.Context(), selectsSubnets(tc.terms...))
			g.Expect(err).NotTo(HaveOccurred())
			g.Expect(subnetIDs(got)).To(HaveExactElements(tc.want))
		})
	}
}

func TestSubnetsHaveTheirZones(t *testing.T) {
	g := NewWithT(t)
	provider, fake, _ := start(t)
	got, err := provider.Subnets(t.Context(), selectsSubnets(v1.SubnetSelectorTerm{Tags: map[string]string{"karpenter.sh/discovery": "true"}}))
	g.Expect(err).NotTo(HaveOccurred())
	g.Expect(len(got)).To(BeNumerically(">=", 3))
	for _, subnet := range got {
		g.Expect(subnet.Zone).To(HavePrefix(fake.Region()))
		g.Expect(subnet.ZoneID).To(HavePrefix("apne2-az"))
	}
}

func TestEveryPageIsRead(t *testing.T) {
	g := NewWithT(t)
	provider, fake, _ := start(t)
	const many = 600 // more than a page
	g.Expect(fake.EC2.AddSubnets(fake.Region(), many)).To(Succeed())
	got, err := provider.Subnets(t.Context(), selectsSubnets(v1.SubnetSelectorTerm{Tags: map[string]string{"karpenter.sh/discovery": "*"}}))
	g.Expect(err).NotTo(HaveOccurred())
	g.Expect(len(got)).To(BeNumerically(">=", many))
	g.Expect(fake.Calls("DescribeSubnets")).To(Equal(2))
}

func TestSecurityGroups(t *testing.T) {
	provider, fake, _ := start(t)
	add := func(name string, tags map[string]string) string {
		id, err := fake.EC2.AddSecurityGroup(fake.Region(), name, tags)
		NewWithT(t).Expect(err).NotTo(HaveOccurred())
		return id
	}
	web, db := add("web", map[string]string{"team": "a"}), add("db", map[string]string{"team": "a"})
	for name, tc := range map[string]struct {
		terms []v1.SecurityGroupSelectorTerm
		want  []v1.SecurityGroup
	}{
		"by tag":        {[]v1.SecurityGroupSelectorTerm{{Tags: map[string]string{"team": "a"}}}, []v1.SecurityGroup{{ID: web, Name: "web"}, {ID: db, Name: "db"}}},
		"by name":       {[]v1.SecurityGroupSelectorTerm{{Name: "db"}}, []v1.SecurityGroup{{ID: db, Name: "db"}}},
		"by id or name": {[]v1.SecurityGroupSelectorTerm{{ID: web}, {Name: "db"}}, []v1.SecurityGroup{{ID: web, Name: "web"}, {ID: db, Name: "db"}}},
		"none":          {[]v1.SecurityGroupSelectorTerm{{Name: "nobody"}}, nil},
	} {
		t.Run(name, func(t *testing.T) {
			g := NewWithT(t)
			got, err := provider.SecurityGroups(t.Context(), selectsGroups(tc.terms...))
			g.Expect(err).NotTo(HaveOccurred())
			g.Expect(got).To(ConsistOf(tc.want))
			g.Expect(lo.IsSorted(lo.Map(got, func(s v1.SecurityGroup, _ int) string { return s.ID }))).To(BeTrue())
		})
	}
}

func TestAnswersAreKeptForAWhile(t *testing.T) {
	g := NewWithT(t)
	provider, fake, clk := start(t)
	class := selectsSubnets(v1.SubnetSelectorTerm{Tags: map[string]string{"new": "*"}})
	ask := func() []v1.Subnet {
		got, err := provider.Subnets(t.Context(), class)
		g.Expect(err).NotTo(HaveOccurred())
		return got
	}
	g.Expect(ask()).To(BeEmpty())
	id := addSubnet(t, fake, "ap-northeast-2a", "10.0.128.0/24", map[string]string{"new": ""})
	g.Expect(ask()).To(BeEmpty(), "the answer is still young")
	g.Expect(fake.Calls("DescribeSubnets")).To(Equal(1))
	clk.Step(cache.Network)
	g.Expect(subnetIDs(ask())).To(HaveExactElements(id))
}

func TestErrorsSayWhatToDoAndAreNotKept(t *testing.T) {
	g := NewWithT(t)
	provider, fake, _ := start(t)
	denied := &wire.Error{Code: "UnauthorizedOperation", Message: "You are not authorized", Status: 403}
	fake.Inject(wire.Fault{Action: "DescribeSubnets", Answer: denied})
	fake.Inject(wire.Fault{Action: "DescribeSecurityGroups", Answer: denied})

	_, err := provider.Subnets(t.Context(), selectsSubnets(v1.SubnetSelectorTerm{ID: "subnet-1"}))
	var call *aws.CallError
	g.Expect(errors.As(err, &call)).To(BeTrue())
	g.Expect(call.Advice()).To(Equal("AWS denies ec2:DescribeSubnets (UnauthorizedOperation); allow it in the controller's IAM policy"))
	_, err = provider.SecurityGroups(t.Context(), selectsGroups(v1.SecurityGroupSelectorTerm{ID: "sg-1"}))
	g.Expect(err).To(MatchError(ContainSubstring("describing security groups")))

	_, err = provider.Subnets(t.Context(), selectsSubnets(v1.SubnetSelectorTerm{ID: "subnet-1"}))
	g.Expect(err).NotTo(HaveOccurred(), "the next call is asked for itself")
}
