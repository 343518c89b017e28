package booter

import (
	"net/netip"
	"slices"
	"testing"

	. "github.com/onsi/gomega"

	hollow "github.com/karpenter-kubeadm/karpenter-provider-aws/test/hollow/machine"
	"github.com/karpenter-kubeadm/karpenter-provider-aws/test/kind/docker"
)

func TestContainerIsTheInstance(t *testing.T) {
	g := NewWithT(t)
	args := New(Config{Image: "node:v1"}).run(hollow.Facts{
		ID: "i-0abc", PrivateDNS: "ip-172-31-0-7.ec2.internal", PrivateIP: netip.MustParseAddr("172.31.0.7"),
	})
	value := func(flag string) string { return args[slices.Index(args, flag)+1] }
	g.Expect(value("--ip")).To(Equal("172.31.0.7"))
	g.Expect(value("--hostname")).To(Equal("ip-172-31-0-7.ec2.internal"))
	g.Expect(value("--name")).To(Equal(Container("i-0abc")))
	g.Expect(value("--label")).To(Equal(docker.Label), "a run that was killed is swept by it")
	g.Expect(args[len(args)-2:]).To(Equal([]string{"node:v1", "instance"}), "user data is run")
}
