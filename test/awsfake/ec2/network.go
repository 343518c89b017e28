package ec2

import (
	"net/netip"
	"strconv"

	"github.com/karpenter-kubeadm/karpenter-provider-aws/test/awsfake/catalogue"
	"github.com/karpenter-kubeadm/karpenter-provider-aws/test/awsfake/wire"
)

type vpc struct {
	base
	cidr       netip.Prefix
	isDefault  bool
	defaultSG  string
	groupNames map[string]string // security group ids by name
}

type subnet struct {
	base
	vpc       *vpc
	zone      catalogue.Zone
	cidr      netip.Prefix
	addresses *addresses
	isDefault bool // for its zone
	publicIP  bool // given at launch
}

type securityGroup struct {
	base
	name, description string
	vpc               *vpc
}

type vpcItem struct {
	VpcID           string    `xml:"vpcId"`
	OwnerID         string    `xml:"ownerId"`
	State           string    `xml:"state"`
	CidrBlock       string    `xml:"cidrBlock"`
	DhcpOptionsID   string    `xml:"dhcpOptionsId"`
	InstanceTenancy string    `xml:"instanceTenancy"`
	IsDefault       bool      `xml:"isDefault"`
	Associations    []cidrSet `xml:"cidrBlockAssociationSet>item"`
	Tags            []tagItem `xml:"tagSet>item"`
}

type cidrSet struct {
	AssociationID string `xml:"associationId"`
	CidrBlock     string `xml:"cidrBlock"`
	State         string `xml:"cidrBlockState>state"`
}

func (r *region) vpcItem(v *vpc) vpcItem {
	return vpcItem{
		VpcID: v.ID, OwnerID: r.w.env.Account, State: "available", CidrBlock: v.cidr.String(), DhcpOptionsID: "default",
		InstanceTenancy: "default", IsDefault: v.isDefault, Tags: sortedTags(v.Tags),
		Associations: []cidrSet{{AssociationID: "vpc-cidr-assoc-" + v.ID[len("vpc-"):], CidrBlock: v.cidr.String(), State: "associated"}},
	}
}

type subnetItem struct {
	SubnetID       string          `xml:"subnetId"`
	SubnetArn      string          `xml:"subnetArn"`
	OwnerID        string          `xml:"ownerId"`
	State          string          `xml:"state"`
	VpcID          string          `xml:"vpcId"`
	CidrBlock      string          `xml:"cidrBlock"`
	FreeAddresses  int             `xml:"availableIpAddressCount"`
	Zone           string          `xml:"availabilityZone"`
	ZoneID         string          `xml:"availabilityZoneId"`
	DefaultForAz   bool            `xml:"defaultForAz"`
	MapPublicIP    bool            `xml:"mapPublicIpOnLaunch"`
	DNS            *dnsNameOptions `xml:"privateDnsNameOptionsOnLaunch"`
	Tags           []tagItem       `xml:"tagSet>item"`
	AssignIPv6     bool            `xml:"assignIpv6AddressOnCreation"`
	IPv6Native     bool            `xml:"ipv6Native"`
	EnableDNS64    bool            `xml:"enableDns64"`
	CustomerOwned  bool            `xml:"mapCustomerOwnedIpOnLaunch"`
	PublicAccessTo string          `xml:"blockPublicAccessStates>internetGatewayBlockMode"`
}

func (r *region) subnetItem(s *subnet) subnetItem {
	return subnetItem{
		SubnetID: s.ID, SubnetArn: r.arn("subnet", s.ID), OwnerID: r.w.env.Account, State: "available", VpcID: s.vpc.ID,
		CidrBlock: s.cidr.String(), FreeAddresses: s.addresses.free(), Zone: s.zone.Name, ZoneID: s.zone.ID,
		DefaultForAz: s.isDefault, MapPublicIP: s.publicIP, Tags: sortedTags(s.Tags), PublicAccessTo: "off",
		DNS: &dnsNameOptions{HostnameType: "ip-name"},
	}
}

type groupItem struct {
	GroupID     string    `xml:"groupId"`
	GroupArn    string    `xml:"securityGroupArn"`
	GroupName   string    `xml:"groupName"`
	Description string    `xml:"groupDescription"`
	OwnerID     string    `xml:"ownerId"`
	VpcID       string    `xml:"vpcId"`
	Tags        []tagItem `xml:"tagSet>item"`
}

func (r *region) groupItem(g *securityGroup) groupItem {
	return groupItem{
		GroupID: g.ID, GroupArn: r.arn("security-group", g.ID), GroupName: g.name, Description: g.description,
		OwnerID: r.w.env.Account, VpcID: g.vpc.ID, Tags: sortedTags(g.Tags),
	}
}

type describeVpcsInput struct {
	listInput
	VpcID []string `param:"VpcId"`
}

type describeVpcsOutput struct {
	Items     []vpcItem `xml:"vpcSet>item"`
	NextToken string    `xml:"nextToken,omitempty"`
}

func (r *region) describeVpcs(c *wire.Call, in describeVpcsInput) (*describeVpcsOutput, error) {
	if err := permit(c, in.DryRun); err != nil {
		return nil, err
	}
	items, next, err := list(r.vpcs, in.listInput, in.VpcID, "vpc", fields[*vpc]{
		"vpc-id":     func(v *vpc) []string { return []string{v.ID} },
		"cidr":       func(v *vpc) []string { return []string{v.cidr.String()} },
		"isDefault":  func(v *vpc) []string { return []string{strconv.FormatBool(v.isDefault)} },
		"is-default": func(v *vpc) []string { return []string{strconv.FormatBool(v.isDefault)} },
		"owner-id":   func(*vpc) []string { return []string{r.w.env.Account} },
		"state":      func(*vpc) []string { return []string{"available"} },
	})
	if err != nil {
		return nil, err
	}
	return &describeVpcsOutput{Items: each(items, r.vpcItem), NextToken: next}, nil
}

type describeSubnetsInput struct {
	listInput
	SubnetID []string `param:"SubnetId"`
}

type describeSubnetsOutput struct {
	Items     []subnetItem `xml:"subnetSet>item"`
	NextToken string       `xml:"nextToken,omitempty"`
}

func (r *region) describeSubnets(c *wire.Call, in describeSubnetsInput) (*describeSubnetsOutput, error) {
	if err := permit(c, in.DryRun); err != nil {
		return nil, err
	}
	items, next, err := list(r.subnets, in.listInput, in.SubnetID, "subnet", fields[*subnet]{
		"subnet-id":            func(s *subnet) []string { return []string{s.ID} },
		"vpc-id":               func(s *subnet) []string { return []string{s.vpc.ID} },
		"availability-zone":    func(s *subnet) []string { return []string{s.zone.Name} },
		"availability-zone-id": func(s *subnet) []string { return []string{s.zone.ID} },
		"cidr-block":           func(s *subnet) []string { return []string{s.cidr.String()} },
		"default-for-az":       func(s *subnet) []string { return []string{strconv.FormatBool(s.isDefault)} },
		"owner-id":             func(*subnet) []string { return []string{r.w.env.Account} },
		"state":                func(*subnet) []string { return []string{"available"} },
	})
	if err != nil {
		return nil, err
	}
	return &describeSubnetsOutput{Items: each(items, r.subnetItem), NextToken: next}, nil
}

type describeGroupsInput struct {
	listInput
	GroupID   []string `param:"GroupId"`
	GroupName []string
}

type describeGroupsOutput struct {
	Items     []groupItem `xml:"securityGroupInfo>item"`
	NextToken string      `xml:"nextToken,omitempty"`
}

func (r *region) describeGroups(c *wire.Call, in describeGroupsInput) (*describeGroupsOutput, error) {
	if err := permit(c, in.DryRun); err != nil {
		return nil, err
	}
	if len(in.GroupName) > 0 {
		in.Filter = append(in.Filter, filter{Name: "group-name", Value: in.GroupName})
	}
	items, next, err := list(r.groups, in.listInput, in.GroupID, "sg", fields[*securityGroup]{
		"group-id":    func(g *securityGroup) []string { return []string{g.ID} },
		"group-name":  func(g *securityGroup) []string { return []string{g.name} },
		"description": func(g *securityGroup) []string { return []string{g.description} },
		"vpc-id":      func(g *securityGroup) []string { return []string{g.vpc.ID} },
		"owner-id":    func(*securityGroup) []string { return []string{r.w.env.Account} },
	})
	if err != nil {
		return nil, err
	}
	return &describeGroupsOutput{Items: each(items, r.groupItem), NextToken: next}, nil
}
