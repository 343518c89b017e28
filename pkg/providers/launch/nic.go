package launch

import (
	"github.com/aws/aws-sdk-go-v2/aws"
	ec2types "github.com/aws/aws-sdk-go-v2/service/ec2/types"
	"github.com/samber/lo"

	v1 "github.com/karpenter-kubeadm/karpenter-provider-aws/pkg/apis/v1"
)

type interfaceRequest = ec2types.LaunchTemplateInstanceNetworkInterfaceSpecificationRequest

// networkInterfaces returns those that the class lists, else one for each adapter (EFA)
// that is asked for, else a single one. Security groups are always on the interfaces: EC2
// refuses a template that has them in both places.
func networkInterfaces(t Template) []interfaceRequest {
	switch {
	case len(t.NetworkInterfaces) > 0:
		return lo.Map(t.NetworkInterfaces, func(n *v1.NetworkInterface, _ int) interfaceRequest { return listedInterface(t, n) })
	case t.EFAs > 0:
		return lo.Times(t.EFAs, func(card int) interfaceRequest { return adapter(t, int32(card)) })
	default:
		request := addressed(t)
		request.DeviceIndex = aws.Int32(0)
		return []interfaceRequest{request}
	}
}

// listedInterface has no addresses when it is efa-only: EC2 refuses them there.
func listedInterface(t Template, n *v1.NetworkInterface) interfaceRequest {
	request := interfaceRequest{Groups: t.SecurityGroupIDs}
	if n.InterfaceType != v1.InterfaceTypeEFAOnly {
		request = addressed(t)
	}
	request.NetworkCardIndex, request.DeviceIndex = aws.Int32(n.NetworkCardIndex), aws.Int32(n.DeviceIndex)
	request.InterfaceType = aws.String(string(n.InterfaceType))
	return request
}

// adapter is the interface on a card. Only the first is device 0, so that it is the
// primary one.
func adapter(t Template, card int32) interfaceRequest {
	request := addressed(t)
	request.NetworkCardIndex, request.DeviceIndex = aws.Int32(card), aws.Int32(min(card, 1))
	request.InterfaceType = aws.String(string(ec2types.NetworkInterfaceTypeEfa))
	return request
}

// addressed is an interface with addresses of the cluster's family.
func addressed(t Template) interfaceRequest {
	request := interfaceRequest{
		Groups:                          t.SecurityGroupIDs,
		AssociatePublicIpAddress:        t.PublicIP,
		ConnectionTrackingSpecification: tracking(t.ConnectionTracking),
	}
	if t.IPv6 {
		request.PrimaryIpv6, request.Ipv6AddressCount, request.Ipv6PrefixCount = aws.Bool(true), aws.Int32(1), t.IPPrefixes
	} else {
		request.Ipv4PrefixCount = t.IPPrefixes
	}
	return request
}

func tracking(c *v1.ConnectionTracking) *ec2types.ConnectionTrackingSpecificationRequest {
	if c == nil {
		return nil
	}
	return &ec2types.ConnectionTrackingSpecificationRequest{
		TcpEstablishedTimeout: c.TCPEstablishedTimeout,
		UdpStreamTimeout:      c.UDPStreamTimeout,
		UdpTimeout:            c.UDPTimeout,
	}
}
