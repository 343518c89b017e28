package ec2_test

import (
	"testing"

	"github.com/aws/aws-sdk-go-v2/aws"
	awsec2 "github.com/aws/aws-sdk-go-v2/service/ec2"
	"github.com/aws/aws-sdk-go-v2/service/ec2/types"
	. "github.com/onsi/gomega"

	"github.com/karpenter-kubeadm/karpenter-provider-aws/test/awsfake"
	"github.com/karpenter-kubeadm/karpenter-provider-aws/test/awsfake/ec2"
)

func TestTheSeedHasASubnetInEachZone(t *testing.T) {
	for _, where := range []string{"ap-northeast-2", "us-east-1"} {
		t.Run(where, func(t *testing.T) {
			a := start(t, func(o *awsfake.Options) { o.Region, o.Discovery = where, "my-cluster" })
			zones, err := a.api.DescribeAvailabilityZones(t.Context(), &awsec2.DescribeAvailabilityZonesInput{})
			a.Expect(err).NotTo(HaveOccurred())
			a.Expect(len(zones.AvailabilityZones)).To(BeNumerically(">=", 3))
			var want, got []string
			for _, z := range zones.AvailabilityZones {
				want = append(want, aws.ToString(z.ZoneName)+" "+aws.ToString(z.ZoneId))
			}
			subnets, err := a.api.DescribeSubnets(t.Context(), &awsec2.DescribeSubnetsInput{Filters: filter("tag:karpenter.sh/discovery", "my-cluster")})
			a.Expect(err).NotTo(HaveOccurred())
			for _, s := range subnets.Subnets {
				got = append(got, aws.ToString(s.AvailabilityZone)+" "+aws.ToString(s.AvailabilityZoneId))
				a.Expect(aws.ToInt32(s.AvailableIpAddressCount)).To(Equal(int32(8187)))
			}
			a.Expect(got).To(Equal(want))
		})
	}
}

func TestZonesByNameAndID(t *testing.T) {
	a := start(t)
	out, err := a.api.DescribeAvailabilityZones(t.Context(), &awsec2.DescribeAvailabilityZonesInput{
		ZoneIds: []string{"apne2-az3"}, Filters: filter("zone-type", "availability-zone"),
	})
	a.Expect(err).NotTo(HaveOccurred())
	a.Expect(out.AvailabilityZones).To(HaveLen(1))
	a.Expect(aws.ToString(out.AvailabilityZones[0].ZoneName)).To(Equal("ap-northeast-2c"))
	_, err = a.api.DescribeAvailabilityZones(t.Context(), &awsec2.DescribeAvailabilityZonesInput{ZoneNames: []string{"us-east-1a"}})
	a.Expect(code(err)).To(Equal("InvalidParameterValue"))
}

func TestAnEmptyAccountIsEmpty(t *testing.T) {
	a := start(t, func(o *awsfake.Options) { o.Empty = true })
	subnets, err := a.api.DescribeSubnets(t.Context(), &awsec2.DescribeSubnetsInput{})
	a.Expect(err).NotTo(HaveOccurred())
	a.Expect(subnets.Subnets).To(BeEmpty())
	images, err := a.api.DescribeImages(t.Context(), &awsec2.DescribeImagesInput{})
	a.Expect(err).NotTo(HaveOccurred())
	a.Expect(images.Images).To(BeEmpty())
}

func TestANetworkOfOnesOwn(t *testing.T) {
	a := start(t, func(o *awsfake.Options) { o.Empty = true })
	vpc, err := a.api.CreateVpc(t.Context(), &awsec2.CreateVpcInput{CidrBlock: aws.String("172.16.0.0/16")})
	a.Expect(err).NotTo(HaveOccurred())
	subnet, err := a.api.CreateSubnet(t.Context(), &awsec2.CreateSubnetInput{
		VpcId: vpc.Vpc.VpcId, CidrBlock: aws.String("172.16.1.0/24"), AvailabilityZone: aws.String(region + "b"),
		TagSpecifications: []types.TagSpecification{tagsFor(types.ResourceTypeSubnet, "k", "v")},
	})
	a.Expect(err).NotTo(HaveOccurred())
	group, err := a.api.CreateSecurityGroup(t.Context(), &awsec2.CreateSecurityGroupInput{
		VpcId: vpc.Vpc.VpcId, GroupName: aws.String("nodes"), Description: aws.String("for nodes"),
	})
	a.Expect(err).NotTo(HaveOccurred())

	vpcs, err := a.api.DescribeVpcs(t.Context(), &awsec2.DescribeVpcsInput{VpcIds: []string{aws.ToString(vpc.Vpc.VpcId)}})
	a.Expect(err).NotTo(HaveOccurred())
	a.Expect(aws.ToString(vpcs.Vpcs[0].CidrBlock)).To(Equal("172.16.0.0/16"))
	subnets, err := a.api.DescribeSubnets(t.Context(), &awsec2.DescribeSubnetsInput{Filters: filter("tag:k", "v")})
	a.Expect(err).NotTo(HaveOccurred())
	a.Expect(subnets.Subnets[0].SubnetId).To(Equal(subnet.Subnet.SubnetId))
	a.Expect(aws.ToInt32(subnets.Subnets[0].AvailableIpAddressCount)).To(Equal(int32(251)))
	groups, err := a.api.DescribeSecurityGroups(t.Context(), &awsec2.DescribeSecurityGroupsInput{Filters: filter("group-name", "nodes")})
	a.Expect(err).NotTo(HaveOccurred())
	a.Expect(groups.SecurityGroups[0].GroupId).To(Equal(group.GroupId))
}

func TestNetworksThatAreRefused(t *testing.T) {
	a := start(t)
	vpcs, err := a.api.DescribeVpcs(t.Context(), &awsec2.DescribeVpcsInput{})
	a.Expect(err).NotTo(HaveOccurred())
	vpc := vpcs.Vpcs[0].VpcId
	_, err = a.api.CreateVpc(t.Context(), &awsec2.CreateVpcInput{CidrBlock: aws.String("10.0.0.0/8")})
	a.Expect(code(err)).To(Equal("InvalidVpc.Range"))
	for cidr, want := range map[string]string{
		"10.0.0.0/24": "InvalidSubnet.Conflict", "192.168.0.0/24": "InvalidSubnet.Range", "10.0.250.0/29": "InvalidSubnet.Range", "nonsense": "InvalidParameterValue",
	} {
		_, err := a.api.CreateSubnet(t.Context(), &awsec2.CreateSubnetInput{VpcId: vpc, CidrBlock: aws.String(cidr)})
		a.Expect(code(err)).To(Equal(want), cidr)
	}
	_, err = a.api.CreateSecurityGroup(t.Context(), &awsec2.CreateSecurityGroupInput{VpcId: vpc, GroupName: aws.String("karpenter-nodes"), Description: aws.String("x")})
	a.Expect(code(err)).To(Equal("InvalidGroup.Duplicate"))
}

func TestSubnetsInPages(t *testing.T) {
	a := start(t, func(o *awsfake.Options) { o.Empty = true })
	a.Expect(a.EC2.AddSubnets(region, 11)).To(Succeed())
	pages := awsec2.NewDescribeSubnetsPaginator(a.api, &awsec2.DescribeSubnetsInput{MaxResults: aws.Int32(5)})
	seen := map[string]bool{}
	for pages.HasMorePages() {
		page, err := pages.NextPage(t.Context())
		a.Expect(err).NotTo(HaveOccurred())
		for _, s := range page.Subnets {
			seen[aws.ToString(s.SubnetId)] = true
		}
	}
	a.Expect(seen).To(HaveLen(11))
	a.Expect(a.Calls("DescribeSubnets")).To(Equal(3))
}

func TestPagesThatAreRefused(t *testing.T) {
	a := start(t)
	describe := func(in *awsec2.DescribeSubnetsInput) string {
		_, err := a.api.DescribeSubnets(t.Context(), in)
		return code(err)
	}
	a.Expect(describe(&awsec2.DescribeSubnetsInput{MaxResults: aws.Int32(4)})).To(Equal("InvalidParameterValue"))
	a.Expect(describe(&awsec2.DescribeSubnetsInput{MaxResults: aws.Int32(1001)})).To(Equal("InvalidParameterValue"))
	a.Expect(describe(&awsec2.DescribeSubnetsInput{NextToken: aws.String("nonsense")})).To(Equal("InvalidParameterValue"))
	a.Expect(describe(&awsec2.DescribeSubnetsInput{Filters: filter("no-such-filter", "x")})).To(Equal("InvalidParameterValue"))
	a.Expect(describe(&awsec2.DescribeSubnetsInput{Filters: filter("subnet-id", make([]string, 201)...)})).To(Equal("FilterLimitExceeded"))
	a.Expect(describe(&awsec2.DescribeSubnetsInput{SubnetIds: []string{"subnet-xyz"}})).To(Equal("InvalidSubnetID.Malformed"))
	a.Expect(describe(&awsec2.DescribeSubnetsInput{SubnetIds: []string{"subnet-00000000000000000"}})).To(Equal("InvalidSubnetID.NotFound"))
}

// Addresses come back only after the others had their turn; in a small subnet that is soon.
func TestAddressesAreUsedAgain(t *testing.T) {
	a := start(t)
	id, err := a.EC2.AddSubnet(region, ec2.Subnet{Zone: region + "a", CIDR: "10.0.200.0/28"})
	a.Expect(err).NotTo(HaveOccurred())
	in := a.request(a.template("small"), 1, region+"a", "t3.large")
	in.LaunchTemplateConfigs[0].Overrides[0].SubnetId = aws.String(id)
	var addresses []string
	for range 12 {
		in.ClientToken = nil
		i := a.one(a.fleet(in).Instances[0].InstanceIds[0])
		addresses = append(addresses, aws.ToString(i.PrivateIpAddress))
		a.Expect(a.EC2.Terminate(region, aws.ToString(i.InstanceId))).To(Succeed())
	}
	a.Expect(addresses[0]).To(Equal("10.0.200.4"))
	a.Expect(addresses[10]).To(Equal("10.0.200.14"), "the last one is AWS's")
	a.Expect(addresses[11]).To(Equal("10.0.200.4"))
}

func TestALaunchWithoutASubnetTakesTheZonesDefault(t *testing.T) {
	a := start(t)
	id, err := a.EC2.AddSubnet(region, ec2.Subnet{Zone: region + "b", CIDR: "10.0.200.0/24", Default: true, PublicIP: true})
	a.Expect(err).NotTo(HaveOccurred())
	in := a.request(a.template("default"), 1, region+"b", "t3.large")
	in.LaunchTemplateConfigs[0].Overrides[0].SubnetId = nil
	i := a.one(a.fleet(in).Instances[0].InstanceIds[0])
	a.Expect(aws.ToString(i.SubnetId)).To(Equal(id))
	a.Expect(aws.ToString(i.PublicIpAddress)).To(HavePrefix("198."))
	in.LaunchTemplateConfigs[0].Overrides[0].AvailabilityZone = aws.String(region + "a")
	in.ClientToken = nil
	a.Expect(errorCodes(a.fleet(in))).To(Equal([]string{"MissingInput"}), "the other zone has none")
}
