package inventory

import (
	"net/netip"
	"slices"

	"github.com/aws/aws-sdk-go-v2/aws"
	ec2types "github.com/aws/aws-sdk-go-v2/service/ec2/types"
	karpv1 "sigs.k8s.io/karpenter/pkg/apis/v1"

	"github.com/karpenter-kubeadm/karpenter-provider-aws/pkg/instance"
	"github.com/karpenter-kubeadm/karpenter-provider-aws/pkg/pool"
)

// read is EC2's answer about one instance in our words. What EC2 leaves out stays zero.
func read(i ec2types.Instance) instance.Instance {
	out := instance.Instance{
		ID:          instance.ID(aws.ToString(i.InstanceId)),
		Pool:        pool.Pool{InstanceType: string(i.InstanceType), CapacityType: karpv1.CapacityTypeOnDemand},
		ImageID:     aws.ToString(i.ImageId),
		Launched:    aws.ToTime(i.LaunchTime).UTC(),
		PrivateName: aws.ToString(i.PrivateDnsName),
		PublicName:  aws.ToString(i.PublicDnsName),
		SubnetID:    aws.ToString(i.SubnetId),
		Tenancy:     string(ec2types.TenancyDefault),
		Tags:        make(map[string]string, len(i.Tags)),
	}
	if i.State != nil {
		out.State = instance.State(i.State.Name)
	}
	for _, tag := range i.Tags {
		out.Tags[aws.ToString(tag.Key)] = aws.ToString(tag.Value)
	}
	for _, group := range i.SecurityGroups {
		out.SecurityGroupIDs = append(out.SecurityGroupIDs, aws.ToString(group.GroupId))
	}
	readPlacement(&out, i)
	readAddresses(&out, i)
	out.PublicIPs = publicAddresses(i)
	return out
}

func readPlacement(out *instance.Instance, i ec2types.Instance) {
	if i.Placement != nil {
		out.Pool.Zone, out.ZoneID = aws.ToString(i.Placement.AvailabilityZone), aws.ToString(i.Placement.AvailabilityZoneId)
		if i.Placement.Tenancy != "" {
			out.Tenancy = string(i.Placement.Tenancy)
		}
	}
	switch {
	case i.InstanceLifecycle == ec2types.InstanceLifecycleTypeSpot || i.SpotInstanceRequestId != nil:
		out.Pool.CapacityType = karpv1.CapacityTypeSpot
	case i.CapacityReservationId != nil && reservedOnly(i.CapacityReservationSpecification):
		out.Pool.CapacityType, out.Pool.ReservationID = karpv1.CapacityTypeReserved, aws.ToString(i.CapacityReservationId)
	}
}

// reservedOnly tells an instance that was launched into a reservation from one that just
// happened to match an open one.
func reservedOnly(s *ec2types.CapacityReservationSpecificationResponse) bool {
	return s != nil && s.CapacityReservationPreference == ec2types.CapacityReservationPreferenceCapacityReservationsOnly
}

func readAddresses(out *instance.Instance, i ec2types.Instance) {
	if ip, err := netip.ParseAddr(aws.ToString(i.PrivateIpAddress)); err == nil {
		out.PrivateIP = ip
		out.PrivateIPs = append(out.PrivateIPs, ip)
	}
	add := func(text *string) {
		if ip, err := netip.ParseAddr(aws.ToString(text)); err == nil && !slices.Contains(out.PrivateIPs, ip) {
			out.PrivateIPs = append(out.PrivateIPs, ip)
		}
	}
	for _, n := range i.NetworkInterfaces {
		for _, address := range n.PrivateIpAddresses {
			add(address.PrivateIpAddress)
		}
		for _, address := range n.Ipv6Addresses {
			add(address.Ipv6Address)
		}
		switch aws.ToString(n.InterfaceType) {
		case string(ec2types.NetworkInterfaceTypeEfa), string(ec2types.NetworkInterfaceTypeEfaOnly):
			out.EFA = true
		}
	}
}

// publicAddresses are the instance's own, then those of its other addresses, each once.
func publicAddresses(i ec2types.Instance) []netip.Addr {
	texts := []*string{i.PublicIpAddress}
	for _, n := range i.NetworkInterfaces {
		for _, address := range n.PrivateIpAddresses {
			if address.Association != nil {
				texts = append(texts, address.Association.PublicIp)
			}
		}
	}
	var public []netip.Addr
	for _, text := range texts {
		if ip, err := netip.ParseAddr(aws.ToString(text)); err == nil && !slices.Contains(public, ip) {
			public = append(public, ip)
		}
	}
	return public
}
