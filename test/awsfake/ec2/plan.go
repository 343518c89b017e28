package ec2

import (
	"cmp"
	"encoding/base64"
	"slices"

	"github.com/karpenter-kubeadm/karpenter-provider-aws/test/awsfake/catalogue"
	"github.com/karpenter-kubeadm/karpenter-provider-aws/test/awsfake/wire"
)

// maxUserData is EC2's limit of the decoded bytes.
const maxUserData = 16 * 1024

// plan is a launch whose every reference was found: what instances of one pool will be.
type plan struct {
	data        launchData
	pool        Pool
	kind        catalogue.Type
	image       *image
	subnet      *subnet // of the primary interface
	zone        catalogue.Zone
	groups      []*securityGroup
	nics        []nicPlan
	devices     []blockDevice
	profileARN  string
	profileID   string
	roleARN     string
	template    *template                    // nil without one
	tags        map[string]map[string]string // by resource type
	placement   *placementGroup
	reservation *reservation
	target      bool // the launch asks for this reservation and no other capacity
}

type nicPlan struct {
	choice interfaceChoice
	subnet *subnet
	groups []*securityGroup
}

// where is the place that a launch asks for, beside its data.
type where struct {
	subnetID, zone, zoneID string
	capacityType           string
	target                 *reservation // required by the fleet, else nil
}

// plan checks data and finds what it refers to. Its errors are those that EC2 gives before it
// looks for capacity.
func (r *region) plan(data launchData, at where, tags map[string]map[string]string) (*plan, error) {
	p := &plan{data: data, tags: tags}
	for _, step := range []func() error{
		func() error { return r.planImage(p) },
		func() error { return r.planPlace(p, at) },
		func() error { return r.planGroups(p) },
		func() error { return r.planInterfaces(p) },
		func() error { return r.planDevices(p) },
		func() error { return r.planProfile(p) },
		func() error { return checkUserData(data.UserData) },
		func() error { return checkMetadata(data.MetadataOptions) },
		func() error { return r.planPlacement(p) },
		func() error { return r.planReservation(p, at) },
	} {
		if err := step(); err != nil {
			return nil, err
		}
	}
	return p, nil
}

func (r *region) planImage(p *plan) error {
	if p.data.InstanceType == "" {
		return wire.Errorf("MissingParameter", "The request must contain the parameter InstanceType")
	}
	kind, ok := catalogue.Lookup(p.data.InstanceType)
	if !ok {
		return wire.Errorf("InvalidParameterValue", "Invalid value '%s' for InstanceType.", p.data.InstanceType)
	}
	if p.data.ImageID == "" {
		return wire.Errorf("MissingParameter", "The request must contain the parameter ImageId")
	}
	if err := wellFormed("ami", p.data.ImageID); err != nil {
		return err
	}
	image, ok := r.images.get(p.data.ImageID)
	if !ok {
		return notFound("ami", p.data.ImageID)
	}
	if !kind.Supports(image.Architecture) {
		return wire.Errorf("InvalidParameterValue",
			"The architecture '%s' of the specified instance type does not match the architecture '%s' of the specified AMI. "+
				"Specify an instance type and an AMI that have matching architectures, and try again.", first(kind.Architectures), image.Architecture)
	}
	p.kind, p.image = kind, image
	return nil
}

func first(s []string) string {
	if len(s) == 0 {
		return ""
	}
	return s[0]
}

// planPlace finds subnet and zone, and whether the type is offered there.
func (r *region) planPlace(p *plan, at where) error {
	subnet, err := r.planSubnetOf(p.data, at)
	if err != nil {
		return err
	}
	zone := at.zone
	if z, ok := r.zoneByID(at.zoneID); ok && zone == "" {
		zone = z.Name
	}
	if zone != "" && zone != subnet.zone.Name {
		return wire.Errorf("InvalidParameterValue",
			"The availability zone %s and the subnet %s, which is in %s, conflict", zone, subnet.ID, subnet.zone.Name)
	}
	if !catalogue.Offered(r.name, subnet.zone.Name, p.kind.Name) {
		return wire.Errorf("Unsupported",
			"Your requested instance type (%s) is not supported in your requested Availability Zone (%s).", p.kind.Name, subnet.zone.Name)
	}
	p.subnet, p.zone = subnet, subnet.zone
	p.pool = Pool{Type: p.kind.Name, Zone: subnet.zone.Name, CapacityType: at.capacityType}
	return nil
}

// planSubnetOf: the request's subnet, else the primary interface's, else the zone's default one.
func (r *region) planSubnetOf(data launchData, at where) (*subnet, error) {
	if id := orElse(at.subnetID, primarySubnet(data)); id != "" {
		found, err := r.subnets.some([]string{id}, nil, "subnet")
		if err != nil {
			return nil, err
		}
		return found[0], nil
	}
	for _, s := range r.subnets.order {
		if s.isDefault && orElse(at.zone, s.zone.Name) == s.zone.Name && orElse(at.zoneID, s.zone.ID) == s.zone.ID {
			return s, nil
		}
	}
	return nil, wire.Errorf("MissingInput", "No subnets found for the default VPC. Please specify a subnet.")
}

// primarySubnet is the subnet that the first interface names, if it does.
func primarySubnet(data launchData) string {
	for _, nic := range data.NetworkInterface {
		if deref(nic.DeviceIndex) == 0 && deref(nic.NetworkCardIndex) == 0 {
			return nic.SubnetID
		}
	}
	return ""
}

// planGroups finds the groups of an instance without interfaces of its own.
func (r *region) planGroups(p *plan) error {
	if len(p.data.NetworkInterface) > 0 {
		if len(p.data.SecurityGroupID) > 0 {
			return wire.Errorf("InvalidParameterCombination",
				"Network interfaces and an instance-level security groups may not be specified on the same request")
		}
		return nil
	}
	groups, err := r.groupsIn(p.subnet, p.data.SecurityGroupID)
	p.groups = groups
	return err
}

// groupsIn finds groups that can serve in a subnet; none asked for is its VPC's default.
func (r *region) groupsIn(s *subnet, ids []string) ([]*securityGroup, error) {
	if len(ids) == 0 {
		ids = []string{s.vpc.defaultSG}
	}
	var out []*securityGroup
	for _, id := range ids {
		if err := wellFormed("sg", id); err != nil {
			return nil, err
		}
		g, ok := r.groups.get(id)
		if !ok {
			return nil, notFound("sg", id)
		}
		if g.vpc != s.vpc {
			return nil, wire.Errorf("InvalidParameter", "Security group %s and subnet %s belong to different networks.", id, s.ID)
		}
		out = append(out, g)
	}
	return out, nil
}

// planInterfaces settles each interface; an instance without any has one of the usual kind.
func (r *region) planInterfaces(p *plan) error {
	if len(p.data.NetworkInterface) == 0 {
		p.nics = []nicPlan{{subnet: p.subnet, groups: p.groups}}
		return nil
	}
	if len(p.data.NetworkInterface) > int(p.kind.MaxENIs) && p.kind.MaxENIs > 0 {
		return wire.Errorf("AttachmentLimitExceeded",
			"Interface count %d exceeds the limit for %s", len(p.data.NetworkInterface), p.kind.Name)
	}
	for _, choice := range p.data.NetworkInterface {
		if deref(choice.AssociatePublicIPAddress) && len(p.data.NetworkInterface) > 1 {
			return wire.Errorf("InvalidParameterCombination",
				"The associatePublicIPAddress parameter cannot be specified when launching with multiple network interfaces.")
		}
		nic, err := r.planInterface(p, choice)
		if err != nil {
			return err
		}
		p.nics = append(p.nics, nic)
	}
	slices.SortStableFunc(p.nics, func(a, b nicPlan) int {
		return cmp.Or(
			cmp.Compare(deref(a.choice.NetworkCardIndex), deref(b.choice.NetworkCardIndex)),
			cmp.Compare(deref(a.choice.DeviceIndex), deref(b.choice.DeviceIndex)),
		)
	})
	p.groups = p.nics[0].groups
	return nil
}

// planInterface finds the subnet and the groups of one interface. Overrides move the primary
// one, and with it those that name no subnet.
func (r *region) planInterface(p *plan, choice interfaceChoice) (nicPlan, error) {
	nic := nicPlan{choice: choice, subnet: p.subnet}
	secondary := deref(choice.DeviceIndex) != 0 || deref(choice.NetworkCardIndex) != 0
	if choice.SubnetID != "" && secondary {
		found, err := r.subnets.some([]string{choice.SubnetID}, nil, "subnet")
		if err != nil {
			return nic, err
		}
		nic.subnet = found[0]
	}
	groups, err := r.groupsIn(nic.subnet, choice.Groups)
	nic.groups = groups
	return nic, err
}

func deref[T any](p *T) T {
	if p == nil {
		var none T
		return none
	}
	return *p
}

func checkUserData(text string) error {
	raw, err := base64.StdEncoding.DecodeString(text)
	if err != nil {
		return wire.Errorf("InvalidUserData.Malformed", "Invalid BASE64 encoding of user data.")
	}
	if len(raw) > maxUserData {
		return wire.Errorf("InvalidUserData.Malformed", "User data is limited to %d bytes", maxUserData)
	}
	return nil
}

func checkMetadata(m *metadataOptions) error {
	if m == nil {
		return nil
	}
	for name, choice := range map[string]struct {
		value   string
		allowed []string
	}{
		"HttpEndpoint":         {m.HTTPEndpoint, []string{"enabled", "disabled"}},
		"HttpProtocolIpv6":     {m.HTTPProtocolIPv6, []string{"enabled", "disabled"}},
		"HttpTokens":           {m.HTTPTokens, []string{"optional", "required"}},
		"InstanceMetadataTags": {m.InstanceMetadataTags, []string{"enabled", "disabled"}},
	} {
		if choice.value != "" && !slices.Contains(choice.allowed, choice.value) {
			return wire.Errorf("InvalidParameterValue", "Value (%s) for parameter %s is invalid.", choice.value, name)
		}
	}
	if hops := m.HTTPPutResponseHopLimit; hops != nil && (*hops < 1 || *hops > 64) {
		return wire.Errorf("InvalidParameterValue", "Value (%d) for parameter HttpPutResponseHopLimit is invalid.", *hops)
	}
	return nil
}
