package instancetype

import (
	"encoding/json"
	"testing"

	. "github.com/onsi/gomega"
	"github.com/samber/lo"
	corev1 "k8s.io/api/core/v1"
	apiextensionsv1 "k8s.io/apiextensions-apiserver/pkg/apis/apiextensions/v1"
	"k8s.io/apimachinery/pkg/api/resource"
	"sigs.k8s.io/karpenter/pkg/scheduling"

	v1 "github.com/karpenter-kubeadm/karpenter-provider-aws/pkg/apis/v1"
	"github.com/karpenter-kubeadm/karpenter-provider-aws/pkg/cluster"
	"github.com/karpenter-kubeadm/karpenter-provider-aws/pkg/kubelet"
)

func medium() Type {
	return Type{
		Name: "t3.medium", Architecture: "amd64", Zones: []string{"eu-west-1a", "eu-west-1b"},
		CapacityTypes: []string{"on-demand", "spot"}, VCPUs: 2, MemoryMiB: 4096, Hypervisor: "nitro",
		Network: Network{Cards: []Card{{Index: 0, Interfaces: 3}}, IPv4PerInterface: 6, ENA: true},
	}
}

// testClass reaches zone a, by two subnets, and zone c.
func testClass(change ...func(*v1.EC2NodeClass)) *v1.EC2NodeClass {
	class := &v1.EC2NodeClass{}
	class.Name = "test"
	class.Spec.AMIFamily = lo.ToPtr(v1.AMIFamilyUbuntu)
	class.Status.Subnets = []v1.Subnet{
		{ID: "subnet-1", Zone: "eu-west-1a", ZoneID: "euw1-az1"},
		{ID: "subnet-2", Zone: "eu-west-1a", ZoneID: "euw1-az1"},
		{ID: "subnet-3", Zone: "eu-west-1c", ZoneID: "euw1-az3"},
	}
	for _, edit := range change {
		edit(class)
	}
	return class
}

func ofFamily(name string) func(*v1.EC2NodeClass) {
	return func(c *v1.EC2NodeClass) { c.Spec.AMIFamily = &name }
}

func settings(document string) func(*v1.EC2NodeClass) {
	return func(c *v1.EC2NodeClass) {
		var fields map[string]apiextensionsv1.JSON
		if err := json.Unmarshal([]byte(document), &fields); err != nil {
			panic(err) // a mistake in the test's own table
		}
		c.Spec.Kubelet = fields
	}
}

func disk(device, size string, root bool) *v1.BlockDeviceMapping {
	m := &v1.BlockDeviceMapping{DeviceName: &device, RootVolume: root, EBS: &v1.BlockDevice{}}
	if size != "" {
		m.EBS.VolumeSize = lo.ToPtr(resource.MustParse(size))
	}
	return m
}

func disks(mappings ...*v1.BlockDeviceMapping) func(*v1.EC2NodeClass) {
	return func(c *v1.EC2NodeClass) { c.Spec.BlockDeviceMappings = mappings }
}

func interfaces(nics ...v1.NetworkInterface) func(*v1.EC2NodeClass) {
	return func(c *v1.EC2NodeClass) { c.Spec.NetworkInterfaces = lo.ToSlicePtr(nics) }
}

func testResolver(t *testing.T, p *Provider, class *v1.EC2NodeClass) *resolver {
	t.Helper()
	r, err := p.resolver(class, cluster.Cluster{Mode: cluster.Kubeadm})
	NewWithT(t).Expect(err).NotTo(HaveOccurred())
	return r
}

func TestResolveInKubeadmMode(t *testing.T) {
	g := NewWithT(t)
	p := New(nil, Config{Region: "eu-west-1", MemoryOverheadPercent: 0.075})
	class := testClass(disks(disk("/dev/sda1", "40Gi", false)))

	r := testResolver(t, p, class)
	got, err := r.resolve(medium(), labels(medium(), "eu-west-1"), r.sizes(medium()))
	g.Expect(err).NotTo(HaveOccurred())

	g.Expect(got.Capacity.Cpu().String()).To(Equal("2"))
	g.Expect(got.Capacity.Memory().Value()).To(Equal(int64(4096-308) << 20)) // 7.5 % of 4096 is 307.2
	g.Expect(got.Capacity.StorageEphemeral().String()).To(Equal("40Gi"))
	g.Expect(got.Capacity.Pods().Value()).To(Equal(int64(110)))
	g.Expect(got.Capacity).To(HaveLen(4), "no resource that the type has none of")

	// A stock kubelet reserves nothing and evicts at 100Mi and 10 %.
	allocatable := got.Allocatable()
	g.Expect(allocatable.Cpu().String()).To(Equal("2"))
	g.Expect(allocatable.Memory().Value()).To(Equal(int64(4096-308-100) << 20))
	g.Expect(allocatable.StorageEphemeral().Value()).To(Equal(int64(42949672960 - 4294967360)))
	g.Expect(allocatable.Pods().Value()).To(Equal(int64(110)))

	g.Expect(value(got.Requirements, corev1.LabelTopologyZone)).To(Equal("eu-west-1a"), "the type is not in c, the class not in b")
	g.Expect(value(got.Requirements, v1.LabelTopologyZoneID)).To(Equal("euw1-az1"))
	g.Expect(value(got.Requirements, corev1.LabelOSStable)).To(Equal("linux"))
	g.Expect(value(got.Requirements, corev1.LabelWindowsBuild)).To(Equal("absent"))

	available := map[string]bool{}
	for _, o := range got.Offerings {
		available[o.Zone()+" "+o.CapacityType()] = o.Available
	}
	g.Expect(available).To(Equal(map[string]bool{
		"eu-west-1a on-demand": true, "eu-west-1a spot": true, "eu-west-1b on-demand": false, "eu-west-1b spot": false,
	}))
}

func TestSizesByMode(t *testing.T) {
	for name, tc := range map[string]struct {
		mode         cluster.Mode
		config       string
		network      cluster.PodNetwork
		class        *v1.EC2NodeClass
		pods         int64
		reservedCPU  string
		reservedENIs int64
	}{
		"kubeadm":                             {mode: cluster.Kubeadm, class: testClass(), pods: 110, reservedCPU: "0"},
		"kubeadm with kubelet-config":         {mode: cluster.Kubeadm, config: "maxPods: 50\nkubeReserved: {cpu: 100m}", class: testClass(), pods: 50, reservedCPU: "100m"},
		"the class wins":                      {mode: cluster.Kubeadm, config: "maxPods: 50", class: testClass(settings(`{"maxPods":20}`)), pods: 20, reservedCPU: "0"},
		"an overlay heeds no interfaces":      {mode: cluster.Kubeadm, class: testClass(), reservedENIs: 3, pods: 110, reservedCPU: "0"},
		"addresses of the VPC bound pods":     {mode: cluster.Kubeadm, network: cluster.PodNetwork{VPC: true}, class: testClass(), pods: 17, reservedCPU: "0"},
		"less those of reserved interfaces":   {mode: cluster.Kubeadm, network: cluster.PodNetwork{VPC: true}, class: testClass(), reservedENIs: 1, pods: 12, reservedCPU: "0"},
		"custom networking reserves one":      {mode: cluster.Kubeadm, network: cluster.PodNetwork{VPC: true, Custom: true}, class: testClass(), pods: 12, reservedCPU: "0"},
		"and not another, where that was set": {mode: cluster.Kubeadm, network: cluster.PodNetwork{VPC: true, Custom: true}, class: testClass(), reservedENIs: 1, pods: 12, reservedCPU: "0"},
		"prefixes hold more than a node runs": {mode: cluster.Kubeadm, network: cluster.PodNetwork{VPC: true, Prefixes: true}, class: testClass(), pods: 110, reservedCPU: "0"},
		"the class wins over addresses, too":  {mode: cluster.Kubeadm, network: cluster.PodNetwork{VPC: true}, class: testClass(settings(`{"maxPods":40}`)), pods: 40, reservedCPU: "0"},
		"eks":                                 {mode: cluster.EKS, class: testClass(ofFamily(v1.AMIFamilyAL2023)), pods: 17, reservedCPU: "70m"},
		"eks has no use for a kubelet-config": {mode: cluster.EKS, config: "maxPods: 50", class: testClass(ofFamily(v1.AMIFamilyAL2023)), pods: 17, reservedCPU: "70m"},
		"eks with reserved interfaces":        {mode: cluster.EKS, class: testClass(ofFamily(v1.AMIFamilyAL2023)), reservedENIs: 1, pods: 12, reservedCPU: "70m"},
		"eks with an adapter on the first card": {
			mode: cluster.EKS, pods: 12, reservedCPU: "70m",
			class: testClass(ofFamily(v1.AMIFamilyAL2023), interfaces(v1.NetworkInterface{InterfaceType: v1.InterfaceTypeEFAOnly, DeviceIndex: 1}, v1.NetworkInterface{InterfaceType: v1.InterfaceTypeInterface})),
		},
		"eks on Windows": {mode: cluster.EKS, class: testClass(ofFamily(v1.AMIFamilyWindows2022)), pods: 110, reservedCPU: "70m"},
	} {
		t.Run(name, func(t *testing.T) {
			g := NewWithT(t)
			p := New(nil, Config{ReservedENIs: tc.reservedENIs})
			r, err := p.resolver(tc.class, cluster.Cluster{Mode: tc.mode, Pods: tc.network, Kubelet: []byte(tc.config)})
			g.Expect(err).NotTo(HaveOccurred())
			got := r.sizes(medium())
			g.Expect(got.MaxPods).To(Equal(tc.pods))
			g.Expect(got.KubeReserved.Cpu().String()).To(Equal(tc.reservedCPU))
		})
	}
}

func TestResolveFails(t *testing.T) {
	g := NewWithT(t)
	p := New(nil, Config{})
	_, _, err := p.Resolve(testClass(), cluster.Cluster{})
	g.Expect(err).To(MatchError(ErrUnknown), "before EC2 was asked")

	p.current.Store(&known{version: 1, types: []Type{medium()}, labels: []scheduling.Requirements{labels(medium(), "eu-west-1")}})
	_, _, err = p.Resolve(testClass(settings(`{"maxPods":"vcpus"}`)), cluster.Cluster{})
	g.Expect(err).To(MatchError(ContainSubstring("spec.kubelet.maxPods")))
	_, _, err = p.Resolve(testClass(), cluster.Cluster{Kubelet: []byte("maxPods: vcpus")})
	g.Expect(err).To(MatchError(ContainSubstring("kubelet-config.maxPods")))
}

func TestSizesAreWhatTheTypesTell(t *testing.T) {
	g := NewWithT(t)
	p := New(nil, Config{})
	p.current.Store(&known{version: 1, types: []Type{medium()}, labels: []scheduling.Requirements{labels(medium(), "eu-west-1")}})
	class := testClass(settings(`{"podsPerCore":7,"systemReserved":{"memory":"1Gi"}}`))

	types, sizes, err := p.Resolve(class, cluster.Cluster{Kubelet: []byte("kubeReserved: {cpu: 200m}")})
	g.Expect(err).NotTo(HaveOccurred())
	overhead, err := sizes[0].Overhead(types[0].Capacity)
	g.Expect(err).NotTo(HaveOccurred())

	g.Expect(sizes[0].MaxPods).To(Equal(int64(14)))
	g.Expect(types[0].Capacity.Pods().Value()).To(Equal(int64(14)))
	g.Expect(types[0].Overhead.KubeReserved.Cpu().String()).To(Equal("200m"))
	g.Expect(types[0].Overhead.SystemReserved.Memory().String()).To(Equal("1Gi"))
	g.Expect(overhead).To(Equal(kubelet.Overhead{
		KubeReserved: types[0].Overhead.KubeReserved, SystemReserved: types[0].Overhead.SystemReserved,
		EvictionThreshold: types[0].Overhead.EvictionThreshold,
	}))
}
