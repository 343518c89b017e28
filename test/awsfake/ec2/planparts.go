package ec2

import (
	"slices"
	"strings"

	"github.com/karpenter-kubeadm/karpenter-provider-aws/test/awsfake/wire"
)

// planDevices lays the wanted devices over the image's root.
func (r *region) planDevices(p *plan) error {
	root := p.image.root()
	for _, d := range p.data.BlockDeviceMapping {
		if d.DeviceName == "" {
			return wire.Errorf("MissingParameter", "The request must contain the parameter DeviceName")
		}
		if d.Ebs == nil && d.VirtualName == "" && d.NoDevice == nil {
			return wire.Errorf("InvalidBlockDeviceMapping", "The device '%s' has no volume", d.DeviceName)
		}
		if d.DeviceName != root.DeviceName {
			p.devices = append(p.devices, d)
			continue
		}
		if err := overRoot(root.Ebs, d, p.image); err != nil {
			return err
		}
	}
	p.devices = slices.Insert(p.devices, 0, root)
	for _, d := range p.devices {
		if err := checkDevice(d); err != nil {
			return err
		}
	}
	return nil
}

// overRoot changes the root volume as far as d says.
func overRoot(root *ebs, d blockDevice, i *image) error {
	if d.Ebs == nil {
		return wire.Errorf("InvalidBlockDeviceMapping", "The root device '%s' must be a volume", d.DeviceName)
	}
	if size := d.Ebs.VolumeSize; size != nil && *size < i.RootSizeGiB {
		return wire.Errorf("InvalidBlockDeviceMapping",
			"Volume of size %dGB is smaller than snapshot '%s', expect size >= %dGB", *size, i.snapshot, i.RootSizeGiB)
	}
	put(&root.VolumeSize, d.Ebs.VolumeSize)
	put(&root.VolumeType, d.Ebs.VolumeType)
	put(&root.Encrypted, d.Ebs.Encrypted)
	put(&root.DeleteOnTermination, d.Ebs.DeleteOnTermination)
	put(&root.Iops, d.Ebs.Iops)
	put(&root.Throughput, d.Ebs.Throughput)
	put(&root.KmsKeyID, d.Ebs.KmsKeyID)
	put(&root.SnapshotID, d.Ebs.SnapshotID)
	return nil
}

func checkDevice(d blockDevice) error {
	if d.Ebs == nil {
		return nil
	}
	if d.Ebs.VolumeSize == nil && d.Ebs.SnapshotID == "" {
		return wire.Errorf("MissingParameter", "The request must contain the parameter size or snapshotId")
	}
	if t := d.Ebs.VolumeType; t != "" && !slices.Contains([]string{"gp2", "gp3", "io1", "io2", "st1", "sc1", "standard"}, t) {
		return wire.Errorf("InvalidParameterValue", "Invalid value '%s' for VolumeType.", t)
	}
	if d.Ebs.Throughput != nil && d.Ebs.VolumeType != "gp3" {
		return wire.Errorf("InvalidParameterCombination", "The parameter throughput is not supported for %s volumes", d.Ebs.VolumeType)
	}
	return nil
}

// planProfile finds the instance profile. EC2 takes its name or its ARN.
func (r *region) planProfile(p *plan) error {
	choice := p.data.IamInstanceProfile
	if choice == nil {
		return nil
	}
	if choice.Arn != "" && choice.Name != "" {
		return wire.Errorf("InvalidParameterCombination", "The parameter 'iamInstanceProfile.name' may not be used in combination with 'iamInstanceProfile.arn'")
	}
	name, field, text := choice.Name, "name", "name"
	if choice.Arn != "" {
		name, field, text = choice.Arn[strings.LastIndex(choice.Arn, "/")+1:], "arn", "ARN"
	}
	arn, id, role, ok := r.w.around.Profiles.InstanceProfile(name)
	if !ok || choice.Arn != "" && choice.Arn != arn {
		return wire.Errorf("InvalidParameterValue",
			"Value (%s) for parameter iamInstanceProfile.%s is invalid. Invalid IAM Instance Profile %s", choice.Name+choice.Arn, field, text)
	}
	if role == "" {
		return wire.Errorf("InvalidParameterValue", "IAM Instance Profile %q has no associated IAM Roles", arn)
	}
	p.profileARN, p.profileID, p.roleARN = arn, id, role
	return nil
}

// planPlacement finds the placement group, by id or by name.
func (r *region) planPlacement(p *plan) error {
	wanted := p.data.Placement
	if wanted == nil || wanted.GroupID == "" && wanted.GroupName == "" {
		return nil
	}
	for _, g := range r.placements.order {
		if wanted.GroupID == g.ID || wanted.GroupID == "" && wanted.GroupName == g.Name {
			p.placement = g
			return nil
		}
	}
	return notFound("pg", wanted.GroupID+wanted.GroupName)
}

// planReservation finds the capacity reservation that the launch targets.
func (r *region) planReservation(p *plan, at where) error {
	wanted := at.target
	if spec := p.data.CapacityReservationSpecification; wanted == nil && spec != nil && spec.CapacityReservationTarget != nil {
		id := spec.CapacityReservationTarget.CapacityReservationID
		found, ok := r.reservations.get(id)
		if !ok {
			return notFound("cr", id)
		}
		wanted = found
	}
	if wanted == nil {
		p.reservation = r.openReservation(p)
		return nil
	}
	if wanted.Type != p.kind.Name || wanted.Zone != p.zone.Name {
		return wire.Errorf("InvalidParameterValue",
			"The capacity reservation %s is for %s in %s, not for %s in %s", wanted.base.ID, wanted.Type, wanted.Zone, p.kind.Name, p.zone.Name)
	}
	p.reservation, p.target = wanted, true
	return nil
}

// openReservation is one that takes any matching launch, unless the launch opts out.
func (r *region) openReservation(p *plan) *reservation {
	if spec := p.data.CapacityReservationSpecification; spec != nil && spec.CapacityReservationPreference == "none" {
		return nil
	}
	if p.pool.CapacityType != OnDemand {
		return nil
	}
	for _, res := range r.reservations.order {
		if res.MatchCriteria == "open" && res.Type == p.kind.Name && res.Zone == p.zone.Name && res.free(r.now()) > 0 {
			return res
		}
	}
	return nil
}
