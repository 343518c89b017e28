package instance_test

import (
	"net/netip"
	"testing"

	. "github.com/onsi/gomega"

	"github.com/karpenter-kubeadm/karpenter-provider-aws/pkg/instance"
)

func TestNodeNames(t *testing.T) {
	for name, tc := range map[string]struct {
		in     instance.Instance
		region string
		want   []string
	}{
		"both forms and EC2's own": {
			instance.Instance{ID: "i-0abc", PrivateIP: netip.MustParseAddr("10.0.1.23"), PrivateName: "ip-10-0-1-23.corp.example.com"}, "ap-northeast-2",
			[]string{
				"ip-10-0-1-23.ap-northeast-2.compute.internal", "ip-10-0-1-23",
				"i-0abc.ap-northeast-2.compute.internal", "i-0abc", "ip-10-0-1-23.corp.example.com",
			},
		},
		"before EC2 has said an address": {instance.Instance{ID: "i-0abc"}, "us-east-1", []string{"i-0abc.ec2.internal", "i-0abc"}},
		"as EC2 names it": {
			instance.Instance{ID: "i-0abc", PrivateIP: netip.MustParseAddr("10.0.1.23"), PrivateName: "IP-10-0-1-23.ec2.internal"}, "us-east-1",
			[]string{"ip-10-0-1-23.ec2.internal", "ip-10-0-1-23", "i-0abc.ec2.internal", "i-0abc"},
		},
	} {
		t.Run(name, func(t *testing.T) {
			NewWithT(t).Expect(tc.in.NodeNames(tc.region)).To(Equal(tc.want))
		})
	}
}

func TestAddresses(t *testing.T) {
	g := NewWithT(t)
	a, b := netip.MustParseAddr("10.0.1.23"), netip.MustParseAddr("10.0.2.1")
	g.Expect(instance.Instance{PrivateIP: a, PrivateIPs: []netip.Addr{a, b, netip.MustParseAddr("::ffff:10.0.2.1")}}.Addresses()).To(Equal([]netip.Addr{a, b}))
	g.Expect(instance.Instance{}.Addresses()).To(BeEmpty())
}
