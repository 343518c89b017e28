package ec2

import (
	"fmt"
	"maps"
	"net/netip"
	"time"

	"github.com/karpenter-kubeadm/karpenter-provider-aws/test/awsfake/wire"
)

// Owners of public images.
const (
	Canonical     = "099720109477"
	AmazonLinux   = "137112412989"
	amazonEKS     = "602401143452"
	DebianCloud   = "136693071363"
	Flatcar       = "075585003325"
	seedImageDate = "20250519"
)

// DiscoveryTag is the key of the tag by which Karpenter's users mark subnets and groups.
const DiscoveryTag = "karpenter.sh/discovery"

// Seed puts into a region what a cluster finds there: a VPC, one subnet and its addresses in
// each zone (8,187 of them), a security group, all tagged karpenter.sh/discovery=discovery, and public images of
// Ubuntu, Debian and Amazon Linux with their SSM parameters, and of Flatcar, which has none. Image ids are
// made here; names and parameters have the publishers' form.
func (w *World) Seed(regionName, discovery string) error {
	_, err := with(w, regionName, func(r *region) (struct{}, error) {
		r.seedNetwork(discovery)
		for _, i := range publicImages() {
			r.addImage(i)
		}
		return struct{}{}, nil
	})
	return err
}

func (r *region) seedNetwork(discovery string) {
	tags := func(name string) map[string]string { return map[string]string{"Name": name, DiscoveryTag: discovery} }
	v := r.addVpc(netip.MustParsePrefix("10.0.0.0/16"), map[string]string{"Name": "karpenter"})
	for at, zone := range r.zones {
		cidr := netip.PrefixFrom(netip.AddrFrom4([4]byte{10, 0, byte(32 * at), 0}), 19)
		r.subnets.add(&subnet{
			base: base{ID: r.id("subnet"), Tags: tags("karpenter-" + zone.Name)}, vpc: v, zone: zone, cidr: cidr, addresses: newAddresses(cidr),
		})
	}
	r.addGroup(v, "karpenter-nodes", "Nodes of the cluster", tags("karpenter-nodes"))
}

// publicImages are those that publishers share with everybody.
func publicImages() []Image {
	created := time.Date(2025, 5, 19, 0, 0, 0, 0, time.UTC)
	var out []Image
	for _, arch := range []struct{ ec2, ubuntu string }{{"x86_64", "amd64"}, {"arm64", "arm64"}} {
		for _, u := range []struct{ version, code, disk string }{{"22.04", "jammy", "gp2"}, {"24.04", "noble", "gp3"}} {
			out = append(out, ubuntuImage(u.version, u.code, u.disk, arch.ec2, arch.ubuntu, created))
		}
		out = append(out, debianImage(arch.ec2, arch.ubuntu, created), flatcarImage(arch.ec2, created))
		out = append(out, Image{
			Name:         "al2023-ami-2023.7." + seedImageDate + ".0-kernel-6.1-" + arch.ec2,
			Description:  "Amazon Linux 2023 AMI 2023.7." + seedImageDate + ".0 " + arch.ec2 + " HVM kernel-6.1",
			Architecture: arch.ec2, Owner: AmazonLinux, OwnerAlias: "amazon", Created: created, RootDevice: "/dev/xvda", RootSizeGiB: 8, Public: true,
			Parameters: []string{
				"/aws/service/ami-amazon-linux-latest/al2023-ami-kernel-default-" + arch.ec2,
				"/aws/service/ami-amazon-linux-latest/al2023-ami-kernel-6.1-" + arch.ec2,
			},
		})
		for minor := 28; minor <= 37; minor++ {
			out = append(out, eksImage(fmt.Sprintf("1.%d", minor), arch.ec2, created))
		}
	}
	return out
}

func ubuntuImage(version, code, disk, arch, path string, created time.Time) Image {
	folder := "hvm-ssd"
	if disk != "gp2" {
		folder += "-" + disk
	}
	name := fmt.Sprintf("ubuntu/images/%s/ubuntu-%s-%s-%s-server-%s", folder, code, version, path, seedImageDate)
	out := Image{
		Name: name, Description: fmt.Sprintf("Canonical, Ubuntu, %s, %s %s image", version, path, code),
		Architecture: arch, Owner: Canonical, Created: created, RootDevice: "/dev/sda1", RootSizeGiB: 8, Public: true,
	}
	for _, release := range []string{version, code} {
		out.Parameters = append(out.Parameters,
			fmt.Sprintf("/aws/service/canonical/ubuntu/server/%s/stable/current/%s/hvm/ebs-%s/ami-id", release, path, disk))
	}
	return out
}

func debianImage(arch, path string, created time.Time) Image {
	return Image{
		Name: "debian-12-" + path + "-" + seedImageDate + "-2117", Description: "Debian 12 (" + seedImageDate + "-2117)",
		Architecture: arch, Owner: DebianCloud, Created: created, RootDevice: "/dev/xvda", RootSizeGiB: 8, Public: true,
		Parameters: []string{"/aws/service/debian/release/12/latest/" + path},
	}
}

func flatcarImage(arch string, created time.Time) Image {
	name := "Flatcar-stable-4152.2.3"
	if arch == "arm64" {
		name += "-arm64"
	}
	return Image{
		Name: name + "-hvm", Description: "Flatcar Container Linux stable 4152.2.3 (HVM)",
		Architecture: arch, Owner: Flatcar, Created: created, RootDevice: "/dev/xvda", RootSizeGiB: 8, Public: true,
	}
}

func eksImage(version, arch string, created time.Time) Image {
	return Image{
		Name:        fmt.Sprintf("amazon-eks-node-al2023-%s-standard-%s-v%s", arch, version, seedImageDate),
		Description: "EKS-optimized Kubernetes node based on Amazon Linux 2023, (k8s: " + version + ")", Architecture: arch,
		Owner: amazonEKS, OwnerAlias: "amazon", Created: created, RootDevice: "/dev/xvda", RootSizeGiB: 20, Public: true,
		Parameters: []string{"/aws/service/eks/optimized-ami/" + version + "/amazon-linux-2023/" + arch + "/standard/recommended/image_id"},
	}
}

// Subnet is one to add to the region's first VPC.
type Subnet struct {
	Zone     string
	CIDR     string
	Default  bool // for launches that name no subnet
	PublicIP bool // instances get a public address as well
	Tags     map[string]string
}

// AddSubnet adds a subnet and returns its id.
func (w *World) AddSubnet(regionName string, s Subnet) (string, error) {
	return with(w, regionName, func(r *region) (string, error) {
		made, err := r.planSubnet(r.firstVpc(), createSubnetInput{AvailabilityZone: s.Zone, CidrBlock: s.CIDR})
		if err != nil {
			return "", err
		}
		made.Tags, made.isDefault, made.publicIP = maps.Clone(s.Tags), s.Default, s.PublicIP
		return r.subnets.add(made).ID, nil
	})
}

// AddSecurityGroup adds a group to the region's first VPC and returns its id.
func (w *World) AddSecurityGroup(regionName, name string, tags map[string]string) (string, error) {
	return with(w, regionName, func(r *region) (string, error) {
		return r.addGroup(r.firstVpc(), name, name, maps.Clone(tags)).ID, nil
	})
}

// firstVpc is the region's first; a region without one gets it.
func (r *region) firstVpc() *vpc {
	if len(r.vpcs.order) > 0 {
		return r.vpcs.order[0]
	}
	return r.addVpc(netip.MustParsePrefix("10.0.0.0/16"), nil)
}

// AddSubnets adds n subnets of 16 addresses in turn to the region's zones, tagged for discovery; for
// tests of paging.
func (w *World) AddSubnets(regionName string, n int) error {
	_, err := with(w, regionName, func(r *region) (struct{}, error) {
		v := r.addVpc(netip.MustParsePrefix("10.1.0.0/16"), nil)
		for i := range n {
			cidr := netip.PrefixFrom(netip.AddrFrom4([4]byte{10, 1, byte(i * 16 >> 8), byte(i * 16)}), 28)
			if !v.cidr.Contains(cidr.Addr()) || i >= 4096 {
				return struct{}{}, wire.Errorf("InvalidSubnet.Range", "a VPC holds 4096 subnets of 16 addresses, not %d", n)
			}
			r.subnets.add(&subnet{
				base: base{ID: r.id("subnet"), Tags: map[string]string{DiscoveryTag: "true"}},
				vpc:  v, zone: r.zones[i%len(r.zones)], cidr: cidr, addresses: newAddresses(cidr),
			})
		}
		return struct{}{}, nil
	})
	return err
}

// Instance is what a test or a booter wants to know of one without asking over the wire.
type Instance struct {
	ID, State, Type, Zone, CapacityType, ImageID, SubnetID, PrivateIP, PrivateName string

	Launched time.Time
	LastBoot time.Time // at launch, a start after a stop, or a reboot
	Tags     map[string]string
	UserData string // base64, as given
	Profile  string // ARN of its instance profile; empty without one
}

// Instances returns all instances of a region that EC2 still remembers, visible or not, oldest
// first.
func (w *World) Instances(regionName string) ([]Instance, error) {
	return with(w, regionName, func(r *region) ([]Instance, error) {
		return each(r.instances.order, func(i *instance) Instance {
			return Instance{
				ID: i.ID, State: i.state, Type: i.plan.kind.Name, Zone: i.plan.zone.Name, CapacityType: i.plan.pool.CapacityType,
				ImageID: i.plan.image.base.ID, SubnetID: i.plan.subnet.ID, PrivateIP: addrText(i.privateAddr()),
				PrivateName: r.privateName(i), Launched: i.launched, LastBoot: i.lastBoot, Tags: maps.Clone(i.Tags), UserData: i.plan.data.UserData,
				Profile: i.plan.profileARN,
			}
		}), nil
	})
}
