package contract_test

import (
	"context"
	"errors"

	"github.com/aws/aws-sdk-go-v2/aws"
	"github.com/aws/aws-sdk-go-v2/service/ec2"
	ec2types "github.com/aws/aws-sdk-go-v2/service/ec2/types"
	. "github.com/onsi/gomega"
	"github.com/samber/lo"
	"k8s.io/apimachinery/pkg/types"
	karpv1 "sigs.k8s.io/karpenter/pkg/apis/v1"

	v1 "github.com/karpenter-kubeadm/karpenter-provider-aws/pkg/apis/v1"
	"github.com/karpenter-kubeadm/karpenter-provider-aws/pkg/instance"
	"github.com/karpenter-kubeadm/karpenter-provider-aws/pkg/providers/launch"
)

// launchContracts are about instances that the product launches.
func launchContracts() []contract {
	return []contract{
		{"the product launches the cheapest pool in a subnet of its class", productLaunch},
		{"the product's instances bear its tags from the start", productTags},
		{"the product's instances have the class's security groups", productLaunchGroups},
		{"the product's instances get their user data", productUserData},
		{"the product launches spot instances", productLaunchSpot},
		{"the product launches one instance for a claim, asked twice", productTwice},
		{"the product launches one instance for each of many claims", productMany},
		{"a restarted product adopts what was launched before", productAdopts},
		{"the product makes a template anew that was deleted", productTemplateGone},
		{"the product uses one template for equal launches", productOneTemplate},
		{"the product deletes the templates of a class", productDeletesTemplates},
		{"the product tells that no pool can start", productNoCapacity},
		{"the product's dry run passes, and leaves nothing", productDryRun},
		{"the product's dry run finds that the profile is missing", productDryRunProfile},
	}
}

func productLaunch(ctx context.Context, g Gomega, a *account) {
	p := a.newProduct(g)
	got := a.launch(ctx, g, p, types.UID(a.name("claim")))
	found := a.ofCluster(ctx, g, p)
	g.Expect(found).To(HaveLen(1))
	g.Expect(*found[0].InstanceId).To(BeEquivalentTo(got.ID))
	g.Expect(found[0].InstanceType).To(Equal(ec2types.InstanceType(small)))
	g.Expect(got.Pool.InstanceType).To(Equal(small))
	g.Expect(got.Pool.Zone).To(Equal(*found[0].Placement.AvailabilityZone))
	g.Expect(got.Pool.CapacityType).To(Equal(karpv1.CapacityTypeOnDemand))
	g.Expect(*found[0].ImageId).To(Equal(a.image))
	g.Expect([]string{*a.subnets[0].SubnetId, *a.subnets[1].SubnetId}).To(ContainElement(*found[0].SubnetId))
}

func productTags(ctx context.Context, g Gomega, a *account) {
	p := a.newProduct(g)
	a.launch(ctx, g, p, types.UID(a.name("claim")))
	found := a.ofCluster(ctx, g, p)
	g.Expect(found).To(HaveLen(1))
	g.Expect(tagMap(found[0].Tags)).To(And(
		HaveKeyWithValue(v1.ClusterUIDTagKey, p.cluster.UID), HaveKeyWithValue(v1.NodePoolTagKey, "workers"),
		HaveKeyWithValue(v1.LaunchClaimsTagKey, Not(BeEmpty())),
	))
}

func productLaunchGroups(ctx context.Context, g Gomega, a *account) {
	p := a.newProduct(g)
	id := a.launch(ctx, g, p, types.UID(a.name("claim"))).ID
	got, err := p.inventory.Get(ctx, id)
	g.Expect(err).NotTo(HaveOccurred())
	g.Expect(got.SecurityGroupIDs).To(Equal([]string{a.group}), "what drift compares")
}

func productUserData(ctx context.Context, g Gomega, a *account) {
	p := a.newProduct(g)
	g.Expect(a.userData(ctx, g, string(a.launch(ctx, g, p, types.UID(a.name("claim"))).ID))).To(Equal(script))
}

// spot asks for spot capacity in the pools of r.
func spot(r *launch.Request) {
	r.CapacityType = karpv1.CapacityTypeSpot
	for n := range r.Groups[0].Offers {
		r.Groups[0].Offers[n].Pool.CapacityType = karpv1.CapacityTypeSpot
	}
}

func productLaunchSpot(ctx context.Context, g Gomega, a *account) {
	p := a.newProduct(g)
	got := a.launch(ctx, g, p, types.UID(a.name("claim")), spot)
	g.Expect(got.Pool.CapacityType).To(Equal(karpv1.CapacityTypeSpot))
	found := a.ofCluster(ctx, g, p)
	g.Expect(found).To(HaveLen(1))
	g.Expect(found[0].InstanceLifecycle).To(Equal(ec2types.InstanceLifecycleTypeSpot))
}

func productTwice(ctx context.Context, g Gomega, a *account) {
	p, claim := a.newProduct(g), types.UID(a.name("claim"))
	first, again := a.launch(ctx, g, p, claim), a.launch(ctx, g, p, claim)
	g.Expect(again.ID).To(Equal(first.ID))
	g.Expect(a.ofCluster(ctx, g, p)).To(HaveLen(1))
}

func productMany(ctx context.Context, g Gomega, a *account) {
	const claims = 12
	p := a.newProduct(g)
	got, errs := a.launchAll(ctx, p, claims)
	g.Expect(errors.Join(errs...)).To(Succeed())
	g.Expect(lo.UniqBy(got, func(i instance.Instance) instance.ID { return i.ID })).To(HaveLen(claims))
	g.Expect(a.ofCluster(ctx, g, p)).To(HaveLen(claims))
}

func productAdopts(ctx context.Context, g Gomega, a *account) {
	p, claim := a.newProduct(g), types.UID(a.name("claim"))
	first := a.launch(ctx, g, p, claim)
	again := a.launch(ctx, g, a.restarted(g, p.cluster, claim), claim)
	g.Expect(again.ID).To(Equal(first.ID))
	g.Expect(a.ofCluster(ctx, g, p)).To(HaveLen(1))
}

// templatesOf are the launch templates of p's cluster.
func (a *account) templatesOf(ctx context.Context, g Gomega, p *product) []ec2types.LaunchTemplate {
	out, err := a.ec2.DescribeLaunchTemplates(ctx, &ec2.DescribeLaunchTemplatesInput{Filters: where("tag:"+v1.ClusterUIDTagKey, p.cluster.UID)})
	g.Expect(err).NotTo(HaveOccurred())
	return out.LaunchTemplates
}

func productTemplateGone(ctx context.Context, g Gomega, a *account) {
	p := a.newProduct(g)
	a.launch(ctx, g, p, types.UID(a.name("claim")))
	first := a.templatesOf(ctx, g, p)
	g.Expect(first).To(HaveLen(1))
	a.deleteTemplate(ctx, g, *first[0].LaunchTemplateName)
	a.launch(ctx, g, p, types.UID(a.name("claim")))
	again := a.templatesOf(ctx, g, p)
	g.Expect(again).To(HaveLen(1))
	g.Expect(*again[0].LaunchTemplateId).NotTo(Equal(*first[0].LaunchTemplateId))
	g.Expect(a.ofCluster(ctx, g, p)).To(HaveLen(2))
}

func productOneTemplate(ctx context.Context, g Gomega, a *account) {
	p := a.newProduct(g)
	a.launch(ctx, g, p, types.UID(a.name("claim")))
	a.launch(ctx, g, a.restarted(g, p.cluster), types.UID(a.name("claim")))
	g.Expect(a.templatesOf(ctx, g, p)).To(HaveLen(1))
}

func productDeletesTemplates(ctx context.Context, g Gomega, a *account) {
	p := a.newProduct(g)
	a.launch(ctx, g, p, types.UID(a.name("claim")))
	g.Expect(p.launcher.DeleteTemplates(ctx, p.cluster.UID, "another")).To(Succeed())
	g.Expect(a.templatesOf(ctx, g, p)).To(HaveLen(1))
	g.Expect(p.launcher.DeleteTemplates(ctx, p.cluster.UID, "default")).To(Succeed())
	g.Expect(a.templatesOf(ctx, g, p)).To(BeEmpty())
}

func productNoCapacity(ctx context.Context, g Gomega, a *account) {
	vpc := a.newVpc(ctx, g, "10.61.0.0/24")
	tiny := a.newSubnet(ctx, g, vpc, *a.subnets[0].AvailabilityZone, "10.61.0.0/28")
	group := a.newGroup(ctx, g, vpc, a.name("group"))
	filler := a.newTemplate(ctx, g, func(in *ec2.CreateLaunchTemplateInput) {
		in.LaunchTemplateData.NetworkInterfaces[0].Groups = []string{group}
	})
	_, err := a.ec2.CreateFleet(ctx, a.fleet(filler, a.name("mark"), 11, in(tiny, small)))
	g.Expect(err).NotTo(HaveOccurred())
	p := a.newProduct(g)
	_, err = p.launcher.Launch(ctx, a.request(p, types.UID(a.name("claim")), func(r *launch.Request) {
		r.Subnets = []v1.Subnet{{ID: *tiny.SubnetId, Zone: *tiny.AvailabilityZone, ZoneID: aws.ToString(tiny.AvailabilityZoneId)}}
		r.Groups[0].Template.SecurityGroupIDs = []string{group}
	}))
	var full *launch.CapacityError
	g.Expect(errors.As(err, &full)).To(BeTrue(), "a launch into a full subnet: %v", err)
	g.Expect(a.ofCluster(ctx, g, p)).To(BeEmpty())
}

func productDryRun(ctx context.Context, g Gomega, a *account) {
	p := a.newProduct(g)
	g.Expect(p.launcher.DryRun(ctx, a.request(p, ""))).To(Succeed())
	g.Expect(a.ofCluster(ctx, g, p)).To(BeEmpty())
	g.Expect(a.templatesOf(ctx, g, p)).To(BeEmpty())
}

func productDryRunProfile(ctx context.Context, g Gomega, a *account) {
	p := a.newProduct(g)
	err := p.launcher.DryRun(ctx, a.request(p, "", func(r *launch.Request) { r.Groups[0].Template.InstanceProfile = a.name("absent") }))
	var denied *launch.DeniedError
	g.Expect(errors.As(err, &denied)).To(BeTrue(), "a dry run with an absent profile: %v", err)
	g.Expect(a.ofCluster(ctx, g, p)).To(BeEmpty())
	g.Expect(a.templatesOf(ctx, g, p)).To(BeEmpty())
}
