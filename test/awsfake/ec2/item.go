package ec2

import (
	"net/netip"
)

type instanceItem struct {
	InstanceID          string              `xml:"instanceId"`
	ImageID             string              `xml:"imageId"`
	State               stateItem           `xml:"instanceState"`
	PrivateDNSName      string              `xml:"privateDnsName"`
	DNSName             string              `xml:"dnsName"`
	Reason              string              `xml:"reason"`
	KeyName             string              `xml:"keyName,omitempty"`
	LaunchIndex         int                 `xml:"amiLaunchIndex"`
	InstanceType        string              `xml:"instanceType"`
	LaunchTime          string              `xml:"launchTime"`
	Placement           placement           `xml:"placement"`
	Monitoring          string              `xml:"monitoring>state"`
	SubnetID            string              `xml:"subnetId,omitempty"`
	VpcID               string              `xml:"vpcId,omitempty"`
	PrivateIP           string              `xml:"privateIpAddress,omitempty"`
	PublicIP            string              `xml:"ipAddress,omitempty"`
	SourceDestCheck     *bool               `xml:"sourceDestCheck"`
	Groups              []groupName         `xml:"groupSet>item"`
	StateReason         *stateReasonItem    `xml:"stateReason"`
	Architecture        string              `xml:"architecture"`
	RootDeviceType      string              `xml:"rootDeviceType"`
	RootDeviceName      string              `xml:"rootDeviceName"`
	BlockDevices        []attachedDevice    `xml:"blockDeviceMapping>item"`
	Virtualization      string              `xml:"virtualizationType"`
	Lifecycle           string              `xml:"instanceLifecycle,omitempty"`
	SpotRequestID       string              `xml:"spotInstanceRequestId,omitempty"`
	ClientToken         string              `xml:"clientToken"`
	Tags                []tagItem           `xml:"tagSet>item"`
	Hypervisor          string              `xml:"hypervisor"`
	Interfaces          []attachedInterface `xml:"networkInterfaceSet>item"`
	Profile             *profileItem        `xml:"iamInstanceProfile"`
	EbsOptimized        bool                `xml:"ebsOptimized"`
	EnaSupport          bool                `xml:"enaSupport"`
	ReservationID       string              `xml:"capacityReservationId,omitempty"`
	ReservationChoice   *reservationChoice  `xml:"capacityReservationSpecification"`
	CPUOptions          *cpuOptions         `xml:"cpuOptions"`
	MetadataOptions     metadataOptions     `xml:"metadataOptions"`
	EnclaveOptions      enclaveOptions      `xml:"enclaveOptions"`
	PrivateDNSOptions   dnsNameOptions      `xml:"privateDnsNameOptions"`
	PlatformDetails     string              `xml:"platformDetails"`
	UsageOperation      string              `xml:"usageOperation"`
	CurrentBootMode     string              `xml:"currentInstanceBootMode"`
	HibernationOptions  bool                `xml:"hibernationOptions>configured"`
	MaintenanceRecovery string              `xml:"maintenanceOptions>autoRecovery"`
}

type stateItem struct {
	Code int    `xml:"code"`
	Name string `xml:"name"`
}

func newState(state string) stateItem { return stateItem{stateCode(state), state} }

type groupName struct {
	ID   string `xml:"groupId"`
	Name string `xml:"groupName"`
}

func newGroupName(g *securityGroup) groupName { return groupName{g.ID, g.name} }

type stateReasonItem struct {
	Code    string `xml:"code"`
	Message string `xml:"message"`
}

type attachedDevice struct {
	DeviceName          string `xml:"deviceName"`
	VolumeID            string `xml:"ebs>volumeId"`
	Status              string `xml:"ebs>status"`
	AttachTime          string `xml:"ebs>attachTime"`
	DeleteOnTermination bool   `xml:"ebs>deleteOnTermination"`
}

type profileItem struct {
	Arn string `xml:"arn"`
	ID  string `xml:"id"`
}

type attachedInterface struct {
	ID               string              `xml:"networkInterfaceId"`
	SubnetID         string              `xml:"subnetId"`
	VpcID            string              `xml:"vpcId"`
	Description      string              `xml:"description"`
	OwnerID          string              `xml:"ownerId"`
	Status           string              `xml:"status"`
	MAC              string              `xml:"macAddress,omitempty"`
	PrivateIP        string              `xml:"privateIpAddress,omitempty"`
	PrivateDNSName   string              `xml:"privateDnsName,omitempty"`
	SourceDestCheck  bool                `xml:"sourceDestCheck"`
	Groups           []groupName         `xml:"groupSet>item"`
	Attachment       attachment          `xml:"attachment"`
	PrivateAddresses []privateAddress    `xml:"privateIpAddressesSet>item"`
	InterfaceType    string              `xml:"interfaceType"`
	Tracking         *connectionTracking `xml:"connectionTrackingConfiguration"`
}

type attachment struct {
	ID                  string `xml:"attachmentId"`
	InstanceID          string `xml:"instanceId,omitempty"`
	InstanceOwnerID     string `xml:"instanceOwnerId,omitempty"`
	DeviceIndex         int32  `xml:"deviceIndex"`
	Status              string `xml:"status"`
	AttachTime          string `xml:"attachTime"`
	DeleteOnTermination bool   `xml:"deleteOnTermination"`
	NetworkCardIndex    int32  `xml:"networkCardIndex"`
}

type privateAddress struct {
	Address string `xml:"privateIpAddress"`
	Name    string `xml:"privateDnsName,omitempty"`
	Primary bool   `xml:"primary"`
}

// instanceItem is an instance as EC2 shows it. A terminated one has no network any more.
func (r *region) instanceItem(i *instance) instanceItem {
	p := i.plan
	out := instanceItem{
		InstanceID: i.ID, ImageID: p.image.base.ID, State: newState(i.state), Reason: i.reason.text, KeyName: p.data.KeyName,
		LaunchIndex: i.index, InstanceType: p.kind.Name, LaunchTime: stamp(i.launched), Placement: r.placementItem(i),
		Monitoring: "disabled", Architecture: p.image.Architecture, RootDeviceType: "ebs", RootDeviceName: p.image.RootDevice,
		Virtualization: "hvm", Lifecycle: i.lifecycle(), SpotRequestID: i.spotRequest, ClientToken: i.clientToken,
		Tags: sortedTags(i.Tags), Hypervisor: "xen", EbsOptimized: deref(p.data.EbsOptimized), EnaSupport: true,
		ReservationID: i.reservationID(), ReservationChoice: p.data.CapacityReservationSpecification, CPUOptions: p.data.CPUOptions,
		MetadataOptions: i.metadata(), PrivateDNSOptions: dnsNameOptions{HostnameType: i.hostnameType()},
		PlatformDetails: "Linux/UNIX", UsageOperation: "RunInstances", CurrentBootMode: "uefi", MaintenanceRecovery: "default",
	}
	if p.data.Monitoring != nil && p.data.Monitoring.Enabled {
		out.Monitoring = "enabled"
	}
	if p.data.EnclaveOptions != nil {
		out.EnclaveOptions = *p.data.EnclaveOptions
	}
	if p.data.PrivateDNSNameOptions != nil {
		out.PrivateDNSOptions = *p.data.PrivateDNSNameOptions
	}
	if p.profileARN != "" {
		out.Profile = &profileItem{p.profileARN, p.profileID}
	}
	if i.reason.code != "" {
		out.StateReason = &stateReasonItem{i.reason.code, i.reason.message}
	}
	if i.state != Terminated {
		r.addNetwork(&out, i)
	}
	return out
}

func (r *region) addNetwork(out *instanceItem, i *instance) {
	yes := true
	out.SubnetID, out.VpcID, out.SourceDestCheck = i.plan.subnet.ID, i.plan.subnet.vpc.ID, &yes
	out.PrivateIP, out.PublicIP = addrText(i.addr), addrText(i.publicAddr)
	out.PrivateDNSName, out.DNSName = r.privateName(i), publicName(i.publicAddr, r.name)
	out.Groups = each(i.plan.groups, newGroupName)
	for _, n := range i.interfaces {
		out.Interfaces = append(out.Interfaces, r.attachedInterface(n))
	}
	for _, v := range i.volumes {
		out.BlockDevices = append(out.BlockDevices, attachedDevice{
			DeviceName: v.device, VolumeID: v.ID, Status: "attached", AttachTime: stamp(v.created), DeleteOnTermination: v.deleteOnTermination,
		})
	}
}

func (r *region) placementItem(i *instance) placement {
	out := placement{AvailabilityZone: i.plan.zone.Name, AvailabilityZoneID: i.plan.zone.ID, Tenancy: i.tenancy()}
	if g := i.plan.placement; g != nil {
		out.GroupID, out.GroupName = g.ID, g.Name
		out.PartitionNumber = i.plan.data.Placement.PartitionNumber
	}
	return out
}

func (r *region) attachedInterface(n *networkInterface) attachedInterface {
	out := attachedInterface{
		ID: n.ID, SubnetID: n.subnet.ID, VpcID: n.subnet.vpc.ID, Description: n.description, OwnerID: r.w.env.Account,
		Status: "in-use", SourceDestCheck: true, Groups: each(n.groups, newGroupName), InterfaceType: n.kind, Tracking: n.tracking,
		Attachment: attachment{
			ID: n.attachment, DeviceIndex: n.index, Status: "attached", AttachTime: stamp(n.attached),
			DeleteOnTermination: n.deleted, NetworkCardIndex: n.card,
		},
	}
	for at, addr := range n.addrs {
		if at == 0 {
			out.MAC, out.PrivateIP, out.PrivateDNSName = mac(addr), addr.String(), ipName(addr, r.name)
		}
		out.PrivateAddresses = append(out.PrivateAddresses, privateAddress{addr.String(), ipName(addr, r.name), at == 0})
	}
	return out
}

// privateAddr is the instance's address, which it has until it is terminated.
func (i *instance) privateAddr() netip.Addr {
	if i.state == Terminated {
		return netip.Addr{}
	}
	return i.addr
}

func addrText(a netip.Addr) string {
	if !a.IsValid() {
		return ""
	}
	return a.String()
}

// hostnameType is "ip-name" or "resource-name".
func (i *instance) hostnameType() string {
	if o := i.plan.data.PrivateDNSNameOptions; o != nil && o.HostnameType != "" {
		return o.HostnameType
	}
	return "ip-name"
}

func (r *region) privateName(i *instance) string {
	switch {
	case !i.privateAddr().IsValid():
		return ""
	case i.hostnameType() == "resource-name":
		return i.ID + "." + privateDomain(r.name)
	default:
		return ipName(i.addr, r.name)
	}
}

// metadata is the instance's metadata options with EC2's defaults of today.
func (i *instance) metadata() metadataOptions {
	hops := int32(1)
	out := metadataOptions{
		State: "applied", HTTPEndpoint: "enabled", HTTPProtocolIPv6: "disabled", HTTPPutResponseHopLimit: &hops,
		HTTPTokens: "optional", InstanceMetadataTags: "disabled",
	}
	if m := i.plan.data.MetadataOptions; m != nil {
		put(&out.HTTPEndpoint, m.HTTPEndpoint)
		put(&out.HTTPProtocolIPv6, m.HTTPProtocolIPv6)
		put(&out.HTTPPutResponseHopLimit, m.HTTPPutResponseHopLimit)
		put(&out.HTTPTokens, m.HTTPTokens)
		put(&out.InstanceMetadataTags, m.InstanceMetadataTags)
	}
	return out
}
