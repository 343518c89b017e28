package ec2

import (
	"net/netip"

	"github.com/karpenter-kubeadm/karpenter-provider-aws/test/awsfake/wire"
)

type createVpcInput struct {
	CidrBlock        string `param:",required"`
	DryRun           bool
	TagSpecification []tagSpecification
}

type createVpcOutput struct {
	Vpc vpcItem `xml:"vpc"`
}

func (r *region) createVpc(c *wire.Call, in createVpcInput) (*createVpcOutput, error) {
	tags, err := parseSpecifications(in.TagSpecification, "vpc")
	if err != nil {
		return nil, err
	}
	cidr, err := parseCIDR(in.CidrBlock, "InvalidVpc.Range")
	if err != nil {
		return nil, err
	}
	if err := r.permitCreation(c, in.DryRun, "vpc", tags["vpc"]); err != nil {
		return nil, err
	}
	return &createVpcOutput{r.vpcItem(r.addVpc(cidr, tags["vpc"]))}, nil
}

// permitCreation asks for the permission to make a resource, with its tags.
func (r *region) permitCreation(c *wire.Call, dryRun bool, kind string, tags map[string]string, uses ...wire.Resource) error {
	if err := c.Authorize(append(uses, r.creating(kind, tags))...); err != nil {
		return err
	}
	if err := r.permitTags(c, c.Action, kind, tags); err != nil {
		return err
	}
	if dryRun {
		return wire.DryRun()
	}
	return nil
}

// parseCIDR takes a block between /16 and /28, as VPCs and subnets may have.
func parseCIDR(text, rangeCode string) (netip.Prefix, error) {
	cidr, err := netip.ParsePrefix(text)
	if err != nil || !cidr.Addr().Is4() {
		return cidr, wire.Errorf("InvalidParameterValue", "Value (%s) for parameter cidrBlock is invalid. This is not a valid CIDR block.", text)
	}
	if cidr.Bits() < 16 || cidr.Bits() > 28 {
		return cidr, wire.Errorf(rangeCode, "The CIDR '%s' is invalid.", text)
	}
	return cidr.Masked(), nil
}

// addVpc makes a VPC with its default security group.
func (r *region) addVpc(cidr netip.Prefix, tags map[string]string) *vpc {
	v := r.vpcs.add(&vpc{base: base{ID: r.id("vpc"), Tags: tags}, cidr: cidr, groupNames: map[string]string{}})
	v.defaultSG = r.addGroup(v, "default", "default VPC security group", nil).ID
	return v
}

type createSubnetInput struct {
	AvailabilityZone   string
	AvailabilityZoneID string `param:"AvailabilityZoneId"`
	CidrBlock          string `param:",required"`
	DryRun             bool
	TagSpecification   []tagSpecification
	VpcID              string `param:"VpcId,required"`
}

type createSubnetOutput struct {
	Subnet subnetItem `xml:"subnet"`
}

func (r *region) createSubnet(c *wire.Call, in createSubnetInput) (*createSubnetOutput, error) {
	tags, err := parseSpecifications(in.TagSpecification, "subnet")
	if err != nil {
		return nil, err
	}
	v, ok := r.vpcs.get(in.VpcID)
	if !ok {
		return nil, notFound("vpc", in.VpcID)
	}
	s, err := r.planSubnet(v, in)
	if err != nil {
		return nil, err
	}
	s.Tags = tags["subnet"]
	if err := r.permitCreation(c, in.DryRun, "subnet", s.Tags, r.existing("vpc", v.ID, v.Tags)); err != nil {
		return nil, err
	}
	return &createSubnetOutput{r.subnetItem(r.subnets.add(s))}, nil
}

func (r *region) planSubnet(v *vpc, in createSubnetInput) (*subnet, error) {
	cidr, err := parseCIDR(in.CidrBlock, "InvalidSubnet.Range")
	if err != nil {
		return nil, err
	}
	if cidr.Bits() < v.cidr.Bits() || !v.cidr.Contains(cidr.Addr()) {
		return nil, wire.Errorf("InvalidSubnet.Range", "The CIDR '%s' is invalid.", in.CidrBlock)
	}
	for _, other := range r.subnets.order {
		if other.vpc == v && other.cidr.Overlaps(cidr) {
			return nil, wire.Errorf("InvalidSubnet.Conflict", "The CIDR '%s' conflicts with another subnet", in.CidrBlock)
		}
	}
	zone, ok := r.zones[0], true
	if in.AvailabilityZone != "" {
		zone, ok = r.zone(in.AvailabilityZone)
	} else if in.AvailabilityZoneID != "" {
		zone, ok = r.zoneByID(in.AvailabilityZoneID)
	}
	if !ok {
		return nil, wire.Errorf("InvalidParameterValue",
			"Value (%s) for parameter availabilityZone is invalid.", in.AvailabilityZone+in.AvailabilityZoneID)
	}
	return &subnet{base: base{ID: r.id("subnet")}, vpc: v, zone: zone, cidr: cidr, addresses: newAddresses(cidr)}, nil
}

type createGroupInput struct {
	DryRun           bool
	GroupDescription string `param:",required"`
	GroupName        string `param:",required"`
	TagSpecification []tagSpecification
	VpcID            string `param:"VpcId,required"`
}

type createGroupOutput struct {
	GroupID  string    `xml:"groupId"`
	GroupArn string    `xml:"securityGroupArn"`
	Tags     []tagItem `xml:"tagSet>item"`
}

func (r *region) createGroup(c *wire.Call, in createGroupInput) (*createGroupOutput, error) {
	tags, err := parseSpecifications(in.TagSpecification, "security-group")
	if err != nil {
		return nil, err
	}
	v, ok := r.vpcs.get(in.VpcID)
	if !ok {
		return nil, notFound("vpc", in.VpcID)
	}
	if _, taken := v.groupNames[in.GroupName]; taken {
		return nil, wire.Errorf("InvalidGroup.Duplicate", "The security group '%s' already exists for VPC '%s'", in.GroupName, v.ID)
	}
	if err := r.permitCreation(c, in.DryRun, "security-group", tags["security-group"], r.existing("vpc", v.ID, v.Tags)); err != nil {
		return nil, err
	}
	g := r.addGroup(v, in.GroupName, in.GroupDescription, tags["security-group"])
	return &createGroupOutput{GroupID: g.ID, GroupArn: r.arn("security-group", g.ID), Tags: sortedTags(g.Tags)}, nil
}

func (r *region) addGroup(v *vpc, name, description string, tags map[string]string) *securityGroup {
	g := r.groups.add(&securityGroup{base: base{ID: r.id("sg"), Tags: tags}, name: name, description: description, vpc: v})
	v.groupNames[name] = g.ID
	return g
}
