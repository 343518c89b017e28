package contract_test

import (
	"context"

	"github.com/aws/aws-sdk-go-v2/service/iam"
	. "github.com/onsi/gomega"
	"github.com/samber/lo"
	corev1 "k8s.io/api/core/v1"
	karpv1 "sigs.k8s.io/karpenter/pkg/apis/v1"
	karpenter "sigs.k8s.io/karpenter/pkg/cloudprovider"

	v1 "github.com/karpenter-kubeadm/karpenter-provider-aws/pkg/apis/v1"
	"github.com/karpenter-kubeadm/karpenter-provider-aws/pkg/pool"
	"github.com/karpenter-kubeadm/karpenter-provider-aws/pkg/providers/ami"
	"github.com/karpenter-kubeadm/karpenter-provider-aws/pkg/providers/identity"
	"github.com/karpenter-kubeadm/karpenter-provider-aws/pkg/providers/instancetype"
)

// resolveContracts are about what the product's providers find, and the profiles that they make.
func resolveContracts() []contract {
	return []contract{
		{"the product finds subnets by tag and by id", productSubnets},
		{"the product finds security groups by tag, name and id", productGroups},
		{"the product finds an image by parameter, id, and name with owner", productImages},
		{"the product says which image it did not find", productNoImage},
		{"the product finds Canonical's image for an Ubuntu class", productUbuntu},
		{"the product makes an instance profile, changes its role and deletes it", productProfile},
		{"the product lists the profiles that it made", productProfiles},
		{"the product knows what a type has and where it is", productTypes},
		{"the product offers types in the zones of a class", productOfferings},
		{"the product knows spot prices by type and zone", productSpot},
		{"the product renews on-demand prices", productOnDemand},
	}
}

func productSubnets(ctx context.Context, g Gomega, a *account) {
	p, vpc, mark := a.newProduct(g), a.newVpc(ctx, g, "10.60.0.0/16"), a.name("mark")
	made := a.newSubnet(ctx, g, vpc, *a.subnets[0].AvailabilityZone, "10.60.0.0/24", "mark", mark)
	class := a.class()
	class.Spec.SubnetSelectorTerms = []v1.SubnetSelectorTerm{{Tags: map[string]string{"mark": mark, runTag: "*"}}, {ID: *a.subnets[1].SubnetId}}
	got, err := p.network.Subnets(ctx, class)
	g.Expect(err).NotTo(HaveOccurred())
	g.Expect(got).To(ConsistOf(
		v1.Subnet{ID: *made.SubnetId, Zone: *made.AvailabilityZone, ZoneID: *made.AvailabilityZoneId},
		v1.Subnet{ID: *a.subnets[1].SubnetId, Zone: *a.subnets[1].AvailabilityZone, ZoneID: *a.subnets[1].AvailabilityZoneId},
	))
}

func productGroups(ctx context.Context, g Gomega, a *account) {
	p, mark, name := a.newProduct(g), a.name("mark"), a.name("group")
	tagged, named := a.newGroup(ctx, g, a.vpc, a.name("group"), "mark", mark), a.newGroup(ctx, g, a.vpc, name)
	class := a.class()
	class.Spec.SecurityGroupSelectorTerms = []v1.SecurityGroupSelectorTerm{{Tags: map[string]string{"mark": mark}}, {Name: name}, {ID: a.group}}
	got, err := p.network.SecurityGroups(ctx, class)
	g.Expect(err).NotTo(HaveOccurred())
	g.Expect(lo.Map(got, func(s v1.SecurityGroup, _ int) string { return s.ID })).To(ConsistOf(tagged, named, a.group))
}

func productImages(ctx context.Context, g Gomega, a *account) {
	p := a.newProduct(g)
	class := a.class()
	byParameter, err := p.images.List(ctx, class)
	g.Expect(err).NotTo(HaveOccurred())
	g.Expect(byParameter).To(HaveLen(1))
	g.Expect(byParameter[0].ID).To(Equal(a.image))
	g.Expect(byParameter[0].Requirements).To(ConsistOf(HaveField("Values", []string{karpv1.ArchitectureAmd64})))

	class.Spec.AMISelectorTerms = []v1.AMISelectorTerm{{ID: a.image}}
	byID, err := p.images.List(ctx, class)
	g.Expect(err).NotTo(HaveOccurred())
	g.Expect(byID).To(Equal(byParameter))

	class.Spec.AMISelectorTerms = []v1.AMISelectorTerm{{Name: byID[0].Name, Owner: "amazon"}}
	byName, err := p.images.List(ctx, class)
	g.Expect(err).NotTo(HaveOccurred())
	g.Expect(byName).To(Equal(byParameter))
}

func productNoImage(ctx context.Context, g Gomega, a *account) {
	class := a.class()
	class.Spec.AMISelectorTerms = []v1.AMISelectorTerm{{ID: "ami-0123456789abcdef0"}}
	_, err := a.newProduct(g).images.List(ctx, class)
	var missing *ami.NotFoundError
	g.Expect(err).To(BeAssignableToTypeOf(missing))
	g.Expect(err.Error()).To(ContainSubstring("ami-0123456789abcdef0"))
}

func productUbuntu(ctx context.Context, g Gomega, a *account) {
	class := a.class()
	family := v1.AMIFamilyUbuntu
	class.Spec.AMIFamily, class.Spec.AMISelectorTerms = &family, nil
	got, err := a.newProduct(g).images.List(ctx, class)
	g.Expect(err).NotTo(HaveOccurred())
	g.Expect(lo.Map(got, func(i v1.AMI, _ int) string { return i.Name })).To(ConsistOf(ContainSubstring("amd64"), ContainSubstring("arm64")))
}

func productProfile(ctx context.Context, g Gomega, a *account) {
	p, name, first, second := a.newProduct(g), a.name("profile"), a.newRole(ctx, g), a.newRole(ctx, g)
	wanted := identity.Wanted{Name: name, Path: "/karpenter/", Role: first, Tags: map[string]string{"color": "blue"}}
	g.Expect(p.profiles.Ensure(ctx, wanted)).To(Succeed())
	g.Expect(p.profiles.Ensure(ctx, wanted)).To(Succeed(), "again")
	got := a.describeProfile(ctx, g, name)
	g.Expect(roles(got)).To(Equal([]string{first}))
	g.Expect(got.Tags).To(ContainElement(HaveField("Key", HaveValue(Equal("color")))))

	wanted.Role = second
	g.Expect(p.profiles.Ensure(ctx, wanted)).To(Succeed())
	g.Expect(roles(a.describeProfile(ctx, g, name))).To(Equal([]string{second}))

	wanted.Role = a.name("absent")
	var missing *identity.RoleNotFoundError
	g.Expect(p.profiles.Ensure(ctx, wanted)).To(BeAssignableToTypeOf(missing))

	g.Expect(p.profiles.Delete(ctx, name)).To(Succeed())
	_, err := a.iam.GetInstanceProfile(ctx, &iam.GetInstanceProfileInput{InstanceProfileName: &name})
	g.Expect(err).To(code("NoSuchEntity"))
	g.Expect(p.profiles.Delete(ctx, name)).To(Succeed(), "what is gone")
}

func productProfiles(ctx context.Context, g Gomega, a *account) {
	p, path := a.newProduct(g), "/"+a.name("path")+"/"
	var want []string
	for range 2 {
		name := a.name("profile")
		g.Expect(p.profiles.Ensure(ctx, identity.Wanted{Name: name, Path: path, Role: a.newRole(ctx, g)})).To(Succeed())
		want = append(want, name)
	}
	got, err := p.profiles.List(ctx, path)
	g.Expect(err).NotTo(HaveOccurred())
	g.Expect(got).To(ConsistOf(want))
}

func productTypes(ctx context.Context, g Gomega, a *account) {
	p := a.newProduct(g)
	g.Expect(p.types.Update(ctx)).To(Succeed())
	facts := lo.KeyBy(p.types.Facts(), func(t instancetype.Type) string { return t.Name })
	g.Expect(len(facts)).To(BeNumerically(">", 100))
	got := facts[large]
	g.Expect(got.VCPUs).To(BeEquivalentTo(2))
	g.Expect(got.MemoryMiB).To(BeEquivalentTo(8192))
	g.Expect(got.Architecture).To(Equal(karpv1.ArchitectureAmd64))
	g.Expect(got.CPU.Manufacturer).To(Equal("Intel"))
	g.Expect(got.Zones).To(ContainElements(*a.subnets[0].AvailabilityZone, *a.subnets[1].AvailabilityZone))
	g.Expect(got.CapacityTypes).To(Equal([]string{karpv1.CapacityTypeOnDemand, karpv1.CapacityTypeSpot}))
	g.Expect(facts[arm].Architecture).To(Equal(karpv1.ArchitectureArm64))
	g.Expect(facts["g4dn.xlarge"].GPUs).To(HaveLen(1))
}

func productOfferings(ctx context.Context, g Gomega, a *account) {
	p := a.newProduct(g)
	g.Expect(p.types.Update(ctx)).To(Succeed())
	types, err := p.offerings.InstanceTypes(ctx, a.class())
	g.Expect(err).NotTo(HaveOccurred())
	got := lo.KeyBy(types, func(t *karpenter.InstanceType) string { return t.Name })[small]
	g.Expect(got).NotTo(BeNil())
	zones := lo.Uniq(lo.Map(got.Offerings.Available(), func(o *karpenter.Offering, _ int) string {
		return o.Requirements.Get(corev1.LabelTopologyZone).Any()
	}))
	g.Expect(zones).To(ConsistOf(*a.subnets[0].AvailabilityZone, *a.subnets[1].AvailabilityZone))
	g.Expect(got.Capacity.Cpu().Value()).To(BeEquivalentTo(2))
}

func productSpot(ctx context.Context, g Gomega, a *account) {
	p := a.newProduct(g)
	g.Expect(p.offerings.UpdateSpotPrices(ctx)).To(Succeed())
	price := func(kind string) float64 {
		got, ok := p.offerings.Price(pool.Pool{InstanceType: kind, Zone: *a.subnets[0].AvailabilityZone, CapacityType: karpv1.CapacityTypeSpot})
		g.Expect(ok).To(BeTrue(), "a spot price of %s", kind)
		return got
	}
	g.Expect(price(small)).To(BeNumerically(">", 0))
	g.Expect(price(large)).To(BeNumerically(">", price(small)), "the larger type's price")
}

func productOnDemand(ctx context.Context, g Gomega, a *account) {
	p := a.newProduct(g)
	g.Expect(p.offerings.UpdateOnDemandPrices(ctx)).To(Succeed())
	got, ok := p.offerings.Price(pool.Pool{InstanceType: large, Zone: *a.subnets[0].AvailabilityZone, CapacityType: karpv1.CapacityTypeOnDemand})
	g.Expect(ok).To(BeTrue())
	g.Expect(got).To(BeNumerically("~", 0.1, 0.1))
}
