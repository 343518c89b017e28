package instancetype

import (
	"testing"

	. "github.com/onsi/gomega"
	"github.com/samber/lo"
	corev1 "k8s.io/api/core/v1"

	v1 "github.com/karpenter-kubeadm/karpenter-provider-aws/pkg/apis/v1"
	"github.com/karpenter-kubeadm/karpenter-provider-aws/pkg/kubelet"
)

func raid(c *v1.EC2NodeClass) { c.Spec.InstanceStorePolicy = lo.ToPtr(v1.InstanceStorePolicyRAID0) }

func TestEphemeralStorage(t *testing.T) {
	withDisks := Type{Disks: Disks{Count: 2, TotalGB: 150, NVMe: true}}
	for name, tc := range map[string]struct {
		in    Type
		class *v1.EC2NodeClass
		want  string
	}{
		"the instance store, when it is the data disk":   {in: withDisks, class: testClass(raid), want: "150G"},
		"not when the class leaves it alone":             {in: withDisks, class: testClass(), want: "20Gi"},
		"not when the type has none":                     {class: testClass(raid, disks(disk("/dev/sda1", "50Gi", false))), want: "50Gi"},
		"the disk marked as root":                        {class: testClass(disks(disk("/dev/sda1", "8Gi", false), disk("/dev/sdb", "100Gi", true))), want: "100Gi"},
		"the family's disk":                              {class: testClass(disks(disk("/dev/sdb", "100Gi", false), disk("/dev/sda1", "30Gi", false))), want: "30Gi"},
		"not another family's":                           {class: testClass(disks(disk("/dev/xvda", "100Gi", false))), want: "20Gi"},
		"Debian boots from xvda":                         {class: testClass(ofFamily(v1.AMIFamilyDebian), disks(disk("/dev/xvda", "100Gi", false))), want: "100Gi"},
		"Bottlerocket's pods live on its second disk":    {class: testClass(ofFamily(v1.AMIFamilyBottlerocket), disks(disk("/dev/xvda", "5Gi", false), disk("/dev/xvdb", "60Gi", false))), want: "60Gi"},
		"the last disk, where only the image knows":      {class: testClass(ofFamily(v1.AMIFamilyCustom), disks(disk("/dev/sda1", "5Gi", false), disk("/dev/sdb", "60Gi", false))), want: "60Gi"},
		"a snapshot's size is not known":                 {class: testClass(disks(disk("/dev/sda1", "", false))), want: "20Gi"},
		"the default of Windows":                         {class: testClass(ofFamily(v1.AMIFamilyWindows2022)), want: "50Gi"},
		"the default of what leaves the disk to the AMI": {class: testClass(ofFamily(v1.AMIFamilyCustom)), want: "20Gi"},
	} {
		t.Run(name, func(t *testing.T) {
			g := NewWithT(t)
			got := ephemeralStorage(tc.in, tc.class, familyOf(tc.class.AMIFamily()))
			g.Expect(got.String()).To(Equal(tc.want))
		})
	}
}

func TestVolumeLimit(t *testing.T) {
	nitro := Type{Hypervisor: "nitro"}
	ordinary := v1.NetworkInterface{InterfaceType: v1.InterfaceTypeInterface}
	for name, tc := range map[string]struct {
		in    Type
		class *v1.EC2NodeClass
		want  int
	}{
		"28 less one interface and the root":       {in: nitro, class: testClass(), want: 26},
		"and less each disk that the class maps":   {in: nitro, class: testClass(disks(disk("/dev/sda1", "8Gi", false), disk("/dev/sdb", "8Gi", false))), want: 25},
		"and the root when the class maps others":  {in: nitro, class: testClass(disks(disk("/dev/sdb", "8Gi", false))), want: 25},
		"Bottlerocket has two disks":               {in: nitro, class: testClass(ofFamily(v1.AMIFamilyBottlerocket)), want: 25},
		"less NVMe disks and GPUs":                 {in: Type{Hypervisor: "nitro", Disks: Disks{Count: 2, NVMe: true}, GPUs: []Device{{Count: 4}}}, class: testClass(), want: 20},
		"less each interface that the class wants": {in: nitro, class: testClass(interfaces(ordinary, ordinary, ordinary)), want: 24},
		"a smaller limit that EC2 states":          {in: Type{Hypervisor: "nitro", EBS: EBS{Attachments: 16}}, class: testClass(), want: 15},
		"a limit of its own for volumes":           {in: Type{Hypervisor: "nitro", EBS: EBS{Attachments: 128, Dedicated: true}, Disks: Disks{Count: 8, NVMe: true}}, class: testClass(), want: 127},
		"bare metal is Nitro":                      {in: Type{BareMetal: true}, class: testClass(), want: 26},
		"Xen counts volumes alone":                 {in: Type{Hypervisor: "xen", Disks: Disks{Count: 8, NVMe: true}}, class: testClass(), want: 38},
		"never none":                               {in: Type{Hypervisor: "nitro", Disks: Disks{Count: 8, NVMe: true}, GPUs: []Device{{Count: 24}}}, class: testClass(), want: 1},
	} {
		t.Run(name, func(t *testing.T) {
			g := NewWithT(t)
			g.Expect(volumeLimit(tc.in, tc.class, familyOf(tc.class.AMIFamily()))).To(Equal(tc.want))
		})
	}
}

func TestCapacityOfDevices(t *testing.T) {
	efa := v1.NetworkInterface{InterfaceType: v1.InterfaceTypeEFAOnly}
	for name, tc := range map[string]struct {
		in    Type
		class *v1.EC2NodeClass
		want  map[corev1.ResourceName]string
	}{
		"GPUs by manufacturer": {
			in:    Type{GPUs: []Device{{Manufacturer: "NVIDIA", Count: 8}, {Manufacturer: "AMD", Count: 1}, {Manufacturer: "Habana", Count: 2}}},
			class: testClass(), want: map[corev1.ResourceName]string{v1.ResourceNVIDIAGPU: "8", v1.ResourceAMDGPU: "1", v1.ResourceHabanaGaudi: "2"},
		},
		"Neuron devices and their cores": {
			in: Type{Neuron: []Device{{Count: 12, Cores: 2}}}, class: testClass(),
			want: map[corev1.ResourceName]string{v1.ResourceAWSNeuron: "12", v1.ResourceAWSNeuronCore: "24"},
		},
		"all adapters when the class leaves interfaces to us": {
			in: Type{Network: Network{EFAs: 4}}, class: testClass(), want: map[corev1.ResourceName]string{v1.ResourceEFA: "4"},
		},
		"else those that it asks for": {
			in: Type{Network: Network{EFAs: 4}}, class: testClass(interfaces(efa)), want: map[corev1.ResourceName]string{v1.ResourceEFA: "1"},
		},
		"addresses for Windows pods": {
			in: Type{Network: Network{IPv4PerInterface: 15}}, class: testClass(ofFamily(v1.AMIFamilyWindows2022)),
			want: map[corev1.ResourceName]string{v1.ResourcePrivateIPv4Address: "14"},
		},
	} {
		t.Run(name, func(t *testing.T) {
			g := NewWithT(t)
			got := New(nil, Config{}).capacity(tc.in, tc.class, familyOf(tc.class.AMIFamily()), kubelet.Sizes{})
			g.Expect(got).To(HaveLen(4 + len(tc.want)))
			for name, want := range tc.want {
				amount := got[name]
				g.Expect(amount.String()).To(Equal(want), string(name))
			}
		})
	}
}

func TestMemory(t *testing.T) {
	for name, tc := range map[string]struct {
		in      Type
		percent float64
		mib     int64
	}{
		"as EC2 states it":            {in: Type{MemoryMiB: 4096}, mib: 4096},
		"less the overhead, up a MiB": {in: Type{MemoryMiB: 4096}, percent: 0.075, mib: 3788},
		"Graviton keeps some":         {in: Type{MemoryMiB: 4096, Architecture: "arm64"}, mib: 4032},
		"both":                        {in: Type{MemoryMiB: 4096, Architecture: "arm64"}, percent: 0.075, mib: 3729},
	} {
		t.Run(name, func(t *testing.T) {
			g := NewWithT(t)
			got := New(nil, Config{MemoryOverheadPercent: tc.percent}).memory(tc.in, &v1.EC2NodeClass{})
			g.Expect(got.Value()).To(Equal(tc.mib << 20))
		})
	}
}
