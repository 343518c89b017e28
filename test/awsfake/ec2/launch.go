package ec2

import (
	"net/netip"
	"time"

	"github.com/karpenter-kubeadm/karpenter-provider-aws/test/awsfake/wire"
)

// perSpread is how many instances a spread placement group holds in one zone.
const perSpread = 7

// launch is what the instances of one request have in common.
type launch struct {
	reservation string
	clientToken string
	fleetID     string
	next        int // index of the next instance
}

// permitLaunch asks for all that starting p needs: ec2:RunInstances on everything that is
// used and made, ec2:CreateTags on what is tagged, iam:PassRole for the profile's role.
func (r *region) permitLaunch(c *wire.Call, p *plan) error {
	made := []string{"instance", "volume", "network-interface"}
	if p.pool.CapacityType == Spot {
		made = append(made, "spot-instances-request")
	}
	asked := r.usedBy(p)
	for _, kind := range made {
		res := r.creating(kind, p.tags[kind])
		if kind == "instance" {
			res.Keys["ec2:InstanceType"], res.Keys["ec2:AvailabilityZone"] = []string{p.kind.Name}, []string{p.zone.Name}
		}
		asked = append(asked, res)
	}
	if p.template != nil {
		for _, res := range asked {
			res.Keys["ec2:LaunchTemplate"] = []string{r.arn("launch-template", p.template.ID)}
			res.Keys["ec2:IsLaunchTemplateResource"] = []string{"true"}
		}
	}
	if err := c.AuthorizeAs("ec2:RunInstances", nil, asked...); err != nil {
		return err
	}
	for _, kind := range made {
		if err := r.permitTags(c, "RunInstances", kind, p.tags[kind]); err != nil {
			return err
		}
	}
	if p.roleARN == "" {
		return nil
	}
	return c.AuthorizeAs("iam:PassRole", wire.Keys{"iam:PassedToService": {"ec2.amazonaws.com"}}, wire.Resource{ARN: p.roleARN, Keys: wire.Keys{}})
}

// usedBy is what a launch uses and does not make.
func (r *region) usedBy(p *plan) []wire.Resource {
	out := []wire.Resource{
		r.existing("image", p.image.base.ID, p.image.base.Tags),
		r.existing("subnet", p.subnet.ID, p.subnet.Tags),
	}
	for _, g := range p.groups {
		out = append(out, r.existing("security-group", g.ID, g.Tags))
	}
	if p.template != nil {
		out = append(out, r.existing("launch-template", p.template.ID, p.template.Tags))
	}
	if p.placement != nil {
		out = append(out, r.existing("placement-group", p.placement.ID, p.placement.base.Tags))
	}
	if p.reservation != nil {
		out = append(out, r.existing("capacity-reservation", p.reservation.base.ID, p.reservation.base.Tags))
	}
	return out
}

// start makes one instance of p, or says what is lacking.
func (r *region) start(p *plan, l *launch) (*instance, error) {
	if err := r.roomFor(p); err != nil {
		return nil, err
	}
	reserved, err := r.drawFor(p)
	if err != nil {
		return nil, err
	}
	now := r.now()
	i := &instance{
		base: base{ID: r.id("i"), Tags: p.tags["instance"]}, plan: p, launched: now, visibleAt: now.Add(r.w.delays.Visible),
		reservation: l.reservation, index: l.next, clientToken: l.clientToken, fleetID: l.fleetID, reserved: reserved, health: "ok",
	}
	l.next++
	if p.pool.CapacityType == Spot {
		i.spotRequest = "sir-" + i.ID[len(i.ID)-8:]
	}
	if p.placement != nil {
		p.placement.members[p.zone.Name]++
	}
	r.attachInterfaces(i, now)
	r.attachVolumes(i, now)
	r.instances.add(i)
	r.begin(i, now)
	return i, nil
}

// roomFor checks addresses and the placement group.
func (r *region) roomFor(p *plan) error {
	need := map[*subnet]int{}
	for _, nic := range p.nics {
		if nic.choice.InterfaceType != "efa-only" {
			need[nic.subnet] += addressesOf(nic.choice)
		}
	}
	for s, n := range need {
		if s.addresses.free() < n {
			return wire.Errorf("InsufficientFreeAddressesInSubnet",
				"There are not enough free addresses in subnet '%s' to satisfy the requested number of instances.", s.ID)
		}
	}
	if g := p.placement; g != nil && g.Strategy == "spread" && g.members[p.zone.Name] >= perSpread {
		return wire.Errorf("InsufficientInstanceCapacity",
			"You've reached the limit of instances in this spread placement group. "+
				"A spread placement group can have up to seven instances per Availability Zone.")
	}
	return nil
}

func addressesOf(choice interfaceChoice) int {
	return 1 + int(deref(choice.SecondaryAddresses)) + 16*int(deref(choice.IPv4PrefixCount))
}

// drawFor takes a place from the reservation, if p has one, else from the pool.
func (r *region) drawFor(p *plan) (*reservation, error) {
	if res := p.reservation; res != nil && res.free(r.now()) > 0 {
		res.used++
		return res, nil
	} else if p.target {
		if !res.active(r.now()) {
			return nil, wire.Errorf("InvalidCapacityReservationState.Unavailable", "The capacity reservation %s is not active", res.base.ID)
		}
		return nil, wire.Errorf("ReservationCapacityExceeded",
			"The requested Capacity Reservation %s does not have sufficient available capacity", res.base.ID)
	}
	return nil, r.draw(p.pool, int(p.kind.VCPUs))
}

func (r *region) attachInterfaces(i *instance, now time.Time) {
	for _, nic := range i.plan.nics {
		n := &networkInterface{
			base: base{ID: r.id("eni"), Tags: i.plan.tags["network-interface"]}, instance: i, attachment: r.id("eni-attach"),
			subnet: nic.subnet, groups: nic.groups, kind: "interface", description: nic.choice.Description,
			card: deref(nic.choice.NetworkCardIndex), index: deref(nic.choice.DeviceIndex),
			deleted: nic.choice.DeleteOnTermination == nil || *nic.choice.DeleteOnTermination, attached: now, tracking: nic.choice.ConnectionTracking,
		}
		put(&n.kind, nic.choice.InterfaceType)
		if n.kind != "efa-only" {
			for range addressesOf(nic.choice) {
				if addr, ok := nic.subnet.addresses.take(); ok { // roomFor has counted
					n.addrs = append(n.addrs, addr)
				}
			}
		}
		i.interfaces = append(i.interfaces, r.interfaces.add(n))
	}
	if addrs := i.interfaces[0].addrs; len(addrs) > 0 {
		i.addr = addrs[0]
		choice := i.plan.nics[0].choice.AssociatePublicIPAddress
		if deref(choice) || choice == nil && i.plan.subnet.publicIP {
			i.publicAddr = publicFor(i.addr)
		}
	}
}

// publicFor derives an address of 198.18.0.0/15, the block for tests, which nothing on the
// internet answers at.
func publicFor(addr netip.Addr) netip.Addr {
	b := addr.As4()
	return netip.AddrFrom4([4]byte{198, 18 + b[1]%2, b[2], b[3]})
}

func (r *region) attachVolumes(i *instance, now time.Time) {
	for _, d := range i.plan.devices {
		if d.Ebs == nil {
			continue
		}
		v := &volume{
			base: base{ID: r.id("vol"), Tags: i.plan.tags["volume"]}, instance: i, device: d.DeviceName,
			zone: i.plan.zone.Name, zoneID: i.plan.zone.ID, sizeGiB: deref(d.Ebs.VolumeSize), kind: "gp2",
			iops: deref(d.Ebs.Iops), throughput: deref(d.Ebs.Throughput), encrypted: deref(d.Ebs.Encrypted),
			kmsKey: d.Ebs.KmsKeyID, snapshot: d.Ebs.SnapshotID, created: now, deleteOnTermination: deref(d.Ebs.DeleteOnTermination),
		}
		put(&v.kind, d.Ebs.VolumeType)
		if v.kind == "gp3" {
			v.iops, v.throughput = max(v.iops, 3000), max(v.throughput, 125)
		}
		i.volumes = append(i.volumes, r.volumes.add(v))
	}
}
