package contract_test

import (
	"context"
	"fmt"

	"github.com/aws/aws-sdk-go-v2/aws"
	"github.com/aws/aws-sdk-go-v2/service/ec2"
	ec2types "github.com/aws/aws-sdk-go-v2/service/ec2/types"
	. "github.com/onsi/gomega"
	"github.com/samber/lo"
)

func networkContracts() []contract {
	return []contract{
		{"a VPC is described with its block and its tags", vpcIsDescribed},
		{"a dry run makes no VPC", dryVpc},
		{"a VPC has a default security group", vpcHasDefaultGroup},
		{"a subnet is described with zone, zone id and free addresses", subnetIsDescribed},
		{"subnets are found by filters, all of which must match", subnetFilters},
		{"a filter's star matches any text", subnetWildcard},
		{"subnets come in pages", subnetPages},
		{"a subnet that overlaps another is refused", subnetConflict},
		{"a subnet outside of its VPC is refused", subnetRange},
		{"an unknown subnet is InvalidSubnetID.NotFound", unknownSubnet},
		{"a security group is described with its VPC and its tags", groupIsDescribed},
		{"a second security group of a name is refused", duplicateGroup},
		{"security groups are found by name within a VPC", groupByName},
		{"an unknown security group is InvalidGroup.NotFound", unknownGroup},
		{"a zone id leads to its zone", zoneID},
		{"a zone names its group", zoneGroup},
	}
}

func vpcIsDescribed(ctx context.Context, g Gomega, a *account) {
	id := a.newVpc(ctx, g, "10.41.0.0/16")
	out, err := a.ec2.DescribeVpcs(ctx, &ec2.DescribeVpcsInput{VpcIds: []string{id}})
	g.Expect(err).NotTo(HaveOccurred())
	g.Expect(out.Vpcs).To(HaveLen(1))
	g.Expect(*out.Vpcs[0].CidrBlock).To(Equal("10.41.0.0/16"))
	g.Expect(tagMap(out.Vpcs[0].Tags)).To(Equal(map[string]string{runTag: a.run}))
}

func dryVpc(ctx context.Context, g Gomega, a *account) {
	_, err := a.ec2.CreateVpc(ctx, &ec2.CreateVpcInput{CidrBlock: aws.String("10.99.0.0/16"), DryRun: aws.Bool(true)})
	g.Expect(err).To(code("DryRunOperation"))
	out, err := a.ec2.DescribeVpcs(ctx, &ec2.DescribeVpcsInput{Filters: where("cidr", "10.99.0.0/16")})
	g.Expect(err).NotTo(HaveOccurred())
	g.Expect(out.Vpcs).To(BeEmpty())
}

func vpcHasDefaultGroup(ctx context.Context, g Gomega, a *account) {
	id := a.newVpc(ctx, g, "10.42.0.0/16")
	out, err := a.ec2.DescribeSecurityGroups(ctx, &ec2.DescribeSecurityGroupsInput{Filters: where("vpc-id", id)})
	g.Expect(err).NotTo(HaveOccurred())
	g.Expect(out.SecurityGroups).To(HaveLen(1))
	g.Expect(*out.SecurityGroups[0].GroupName).To(Equal("default"))
}

func subnetIsDescribed(ctx context.Context, g Gomega, a *account) {
	vpc, zone := a.newVpc(ctx, g, "10.43.0.0/16"), *a.subnets[0].AvailabilityZone
	made := a.newSubnet(ctx, g, vpc, zone, "10.43.1.0/24", "color", "blue")
	out, err := a.ec2.DescribeSubnets(ctx, &ec2.DescribeSubnetsInput{SubnetIds: []string{*made.SubnetId}})
	g.Expect(err).NotTo(HaveOccurred())
	g.Expect(out.Subnets).To(HaveLen(1))
	got := out.Subnets[0]
	g.Expect(*got.AvailabilityZone).To(Equal(zone))
	g.Expect(*got.AvailabilityZoneId).To(MatchRegexp(`^[a-z]+\d-az\d$`))
	g.Expect(*got.AvailableIpAddressCount).To(BeEquivalentTo(251), "AWS keeps five addresses of each subnet")
	g.Expect(tagMap(got.Tags)).To(Equal(map[string]string{runTag: a.run, "color": "blue"}))
}

func subnetFilters(ctx context.Context, g Gomega, a *account) {
	vpc, mark := a.newVpc(ctx, g, "10.44.0.0/16"), a.name("mark")
	zones := []string{*a.subnets[0].AvailabilityZone, *a.subnets[1].AvailabilityZone}
	first := a.newSubnet(ctx, g, vpc, zones[0], "10.44.0.0/24", "mark", mark)
	second := a.newSubnet(ctx, g, vpc, zones[1], "10.44.1.0/24", "mark", mark)
	a.newSubnet(ctx, g, vpc, zones[1], "10.44.2.0/24", "mark", "other")
	find := func(filters ...[]ec2types.Filter) []string {
		out, err := a.ec2.DescribeSubnets(ctx, &ec2.DescribeSubnetsInput{Filters: lo.Flatten(filters)})
		g.Expect(err).NotTo(HaveOccurred())
		return lo.Map(out.Subnets, func(s ec2types.Subnet, _ int) string { return *s.SubnetId })
	}
	g.Expect(find(where("tag:mark", mark))).To(ConsistOf(*first.SubnetId, *second.SubnetId))
	g.Expect(find(where("tag:mark", mark), where("availability-zone", zones[1]))).To(ConsistOf(*second.SubnetId))
	g.Expect(find(where("vpc-id", vpc), where("tag-key", "mark"))).To(HaveLen(3))
	g.Expect(find(where("tag:mark", mark, "other"), where("vpc-id", vpc))).To(HaveLen(3), "values are alternatives")
	g.Expect(find(where("tag:mark", "absent"))).To(BeEmpty())
}

func subnetWildcard(ctx context.Context, g Gomega, a *account) {
	vpc, mark := a.newVpc(ctx, g, "10.45.0.0/16"), a.name("mark")
	made := a.newSubnet(ctx, g, vpc, *a.subnets[0].AvailabilityZone, "10.45.0.0/24", "mark", mark+"-tail")
	out, err := a.ec2.DescribeSubnets(ctx, &ec2.DescribeSubnetsInput{Filters: where("tag:mark", mark+"-*")})
	g.Expect(err).NotTo(HaveOccurred())
	g.Expect(out.Subnets).To(HaveLen(1))
	g.Expect(out.Subnets[0].SubnetId).To(Equal(made.SubnetId))
}

func subnetPages(ctx context.Context, g Gomega, a *account) {
	vpc := a.newVpc(ctx, g, "10.46.0.0/16")
	for n := range 7 {
		a.newSubnet(ctx, g, vpc, *a.subnets[0].AvailabilityZone, fmt.Sprintf("10.46.%d.0/24", n))
	}
	var sizes []int
	seen := map[string]bool{}
	pages := ec2.NewDescribeSubnetsPaginator(a.ec2, &ec2.DescribeSubnetsInput{Filters: where("vpc-id", vpc), MaxResults: aws.Int32(5)})
	for pages.HasMorePages() {
		page, err := pages.NextPage(ctx)
		g.Expect(err).NotTo(HaveOccurred())
		sizes = append(sizes, len(page.Subnets))
		for _, s := range page.Subnets {
			seen[*s.SubnetId] = true
		}
	}
	g.Expect(seen).To(HaveLen(7))
	g.Expect(sizes).To(HaveEach(BeNumerically("<=", 5)))
}

func subnetConflict(ctx context.Context, g Gomega, a *account) {
	vpc, zone := a.newVpc(ctx, g, "10.47.0.0/16"), a.subnets[0].AvailabilityZone
	a.newSubnet(ctx, g, vpc, *zone, "10.47.0.0/20")
	_, err := a.ec2.CreateSubnet(ctx, &ec2.CreateSubnetInput{VpcId: &vpc, AvailabilityZone: zone, CidrBlock: aws.String("10.47.1.0/24")})
	g.Expect(err).To(code("InvalidSubnet.Conflict"))
	out, err := a.ec2.DescribeSubnets(ctx, &ec2.DescribeSubnetsInput{Filters: where("vpc-id", vpc)})
	g.Expect(err).NotTo(HaveOccurred())
	g.Expect(out.Subnets).To(HaveLen(1))
}

func subnetRange(ctx context.Context, g Gomega, a *account) {
	vpc := a.newVpc(ctx, g, "10.48.0.0/16")
	_, err := a.ec2.CreateSubnet(ctx, &ec2.CreateSubnetInput{VpcId: &vpc, CidrBlock: aws.String("10.49.1.0/24")})
	g.Expect(err).To(code("InvalidSubnet.Range"))
	out, err := a.ec2.DescribeSubnets(ctx, &ec2.DescribeSubnetsInput{Filters: where("vpc-id", vpc)})
	g.Expect(err).NotTo(HaveOccurred())
	g.Expect(out.Subnets).To(BeEmpty())
}

func unknownSubnet(ctx context.Context, g Gomega, a *account) {
	_, err := a.ec2.DescribeSubnets(ctx, &ec2.DescribeSubnetsInput{SubnetIds: []string{"subnet-0123456789abcdef0"}})
	g.Expect(err).To(code("InvalidSubnetID.NotFound"))
}

func (a *account) findGroups(ctx context.Context, g Gomega, filters ...ec2types.Filter) []ec2types.SecurityGroup {
	out, err := a.ec2.DescribeSecurityGroups(ctx, &ec2.DescribeSecurityGroupsInput{Filters: filters})
	g.Expect(err).NotTo(HaveOccurred())
	return out.SecurityGroups
}

func groupIsDescribed(ctx context.Context, g Gomega, a *account) {
	id := a.newGroup(ctx, g, a.vpc, a.name("group"), "color", "blue")
	found := a.findGroups(ctx, g, where("group-id", id)...)
	g.Expect(found).To(HaveLen(1))
	g.Expect(*found[0].VpcId).To(Equal(a.vpc))
	g.Expect(tagMap(found[0].Tags)).To(Equal(map[string]string{runTag: a.run, "color": "blue"}))
}

func duplicateGroup(ctx context.Context, g Gomega, a *account) {
	name := a.name("group")
	id := a.newGroup(ctx, g, a.vpc, name)
	_, err := a.ec2.CreateSecurityGroup(ctx, &ec2.CreateSecurityGroupInput{VpcId: &a.vpc, GroupName: &name, Description: aws.String("again")})
	g.Expect(err).To(code("InvalidGroup.Duplicate"))
	found := a.findGroups(ctx, g, where("group-name", name)...)
	g.Expect(found).To(HaveLen(1))
	g.Expect(*found[0].GroupId).To(Equal(id))
}

func groupByName(ctx context.Context, g Gomega, a *account) {
	vpc, name := a.newVpc(ctx, g, "10.50.0.0/16"), a.name("group")
	a.newGroup(ctx, g, a.vpc, name)
	there := a.newGroup(ctx, g, vpc, name)
	g.Expect(a.findGroups(ctx, g, where("group-name", name)...)).To(HaveLen(2))
	found := a.findGroups(ctx, g, append(where("group-name", name), where("vpc-id", vpc)...)...)
	g.Expect(found).To(HaveLen(1))
	g.Expect(*found[0].GroupId).To(Equal(there))
}

func unknownGroup(ctx context.Context, g Gomega, a *account) {
	_, err := a.ec2.DescribeSecurityGroups(ctx, &ec2.DescribeSecurityGroupsInput{GroupIds: []string{"sg-0123456789abcdef0"}})
	g.Expect(err).To(code("InvalidGroup.NotFound"))
}

func zoneID(ctx context.Context, g Gomega, a *account) {
	out, err := a.ec2.DescribeAvailabilityZones(ctx, &ec2.DescribeAvailabilityZonesInput{})
	g.Expect(err).NotTo(HaveOccurred())
	zone := out.AvailabilityZones[0]
	g.Expect(*zone.RegionName).To(Equal(a.cfg.Region))
	g.Expect(*zone.ZoneType).To(Equal("availability-zone"))
	vpc := a.newVpc(ctx, g, "10.51.0.0/16")
	made, err := a.ec2.CreateSubnet(ctx, &ec2.CreateSubnetInput{VpcId: &vpc, AvailabilityZoneId: zone.ZoneId, CidrBlock: aws.String("10.51.0.0/24")})
	g.Expect(err).NotTo(HaveOccurred())
	found, err := a.ec2.DescribeSubnets(ctx, &ec2.DescribeSubnetsInput{Filters: where("availability-zone-id", *zone.ZoneId)})
	g.Expect(err).NotTo(HaveOccurred())
	g.Expect(found.Subnets).To(ContainElement(And(
		HaveField("SubnetId", made.Subnet.SubnetId), HaveField("AvailabilityZone", zone.ZoneName),
	)))
}

func zoneGroup(ctx context.Context, g Gomega, a *account) {
	out, err := a.ec2.DescribeAvailabilityZones(ctx, &ec2.DescribeAvailabilityZonesInput{})
	g.Expect(err).NotTo(HaveOccurred())
	for _, zone := range out.AvailabilityZones {
		g.Expect(aws.ToString(zone.GroupName)).NotTo(BeEmpty(), "the group of zone %s", *zone.ZoneName)
	}
}
