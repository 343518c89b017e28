package catalogue_test

import (
	"regexp"
	"strings"
	"testing"

	. "github.com/onsi/gomega"

	"github.com/karpenter-kubeadm/karpenter-provider-aws/test/awsfake/catalogue"
)

// The numbers are AWS's, as https://aws.amazon.com/ec2/instance-types and the table of
// addresses per interface in the EC2 user guide state them.
func TestLookupKnowsTheFactsOf(t *testing.T) {
	for name, want := range map[string]catalogue.Type{
		"t3.medium": {
			Name: "t3.medium", CurrentGeneration: true, Architectures: []string{"x86_64"},
			VCPUs: 2, MemoryMiB: 4096, Processor: "Intel Skylake E5 2686 v5", ClockGHz: 3.1,
			Burstable: true, Hypervisor: "nitro", MaxENIs: 3, IPv4PerENI: 6, CardENIs: []int32{3},
			Network: "Up to 5 Gigabit", BandwidthMbps: 256,
			EBS: catalogue.EBS{Optimized: true, BaselineMbps: 347, MaxMbps: 2085, MaxIOPS: 11800},
		},
		"c5d.metal": {
			Name: "c5d.metal", CurrentGeneration: true, Architectures: []string{"x86_64"},
			VCPUs: 96, MemoryMiB: 192 * 1024, Processor: "Intel Xeon Platinum 8275L", ClockGHz: 3.4,
			BareMetal: true, MaxENIs: 15, IPv4PerENI: 50, CardENIs: []int32{15},
			Network: "25 Gigabit", BandwidthMbps: 25000,
			EBS:   catalogue.EBS{Optimized: true, BaselineMbps: 19000, MaxMbps: 19000, MaxIOPS: 80000},
			Disks: catalogue.Disks{Count: 4, SizeGB: 900, NVMe: true},
		},
		"p4d.24xlarge": {
			Name: "p4d.24xlarge", CurrentGeneration: true, Architectures: []string{"x86_64"},
			VCPUs: 96, MemoryMiB: 1152 * 1024, Processor: "Intel Xeon Platinum 8275L", ClockGHz: 3,
			Hypervisor: "nitro", MaxENIs: 60, IPv4PerENI: 50, CardENIs: []int32{15, 15, 15, 15},
			Network: "4x 100 Gigabit", BandwidthMbps: 400000,
			EBS:         catalogue.EBS{Optimized: true, BaselineMbps: 19000, MaxMbps: 19000, MaxIOPS: 80000},
			Disks:       catalogue.Disks{Count: 8, SizeGB: 1000, NVMe: true},
			Accelerator: catalogue.Accelerator{Count: 8, Manufacturer: "NVIDIA", Model: "A100", MemoryMiB: 320 << 10},
		},
	} {
		t.Run(name, func(t *testing.T) {
			g := NewWithT(t)
			got, ok := catalogue.Lookup(name)
			g.Expect(ok).To(BeTrue())
			g.Expect(got).To(Equal(want))
		})
	}
}

func TestLookupOfAnUnknownTypeFindsNothing(t *testing.T) {
	g := NewWithT(t)
	got, ok := catalogue.Lookup("t3.mediun")
	g.Expect(ok).To(BeFalse())
	g.Expect(got).To(BeZero())
}

var mainFamily = regexp.MustCompile(`^[tmcr]\d`)

func TestEveryTypeOfTheMainFamiliesIsComplete(t *testing.T) {
	g := NewWithT(t)
	families := map[string]bool{}
	for _, it := range catalogue.Types() {
		family, _, _ := strings.Cut(it.Name, ".")
		families[family] = true
		if !it.CurrentGeneration || !mainFamily.MatchString(family) {
			continue
		}
		g.Expect(it.VCPUs).To(BeNumerically(">", 0), it.Name)
		g.Expect(it.MemoryMiB).To(BeNumerically(">", 0), it.Name)
		g.Expect(it.MaxENIs).To(BeNumerically(">", 0), it.Name)
		g.Expect(it.IPv4PerENI).To(BeNumerically(">", 0), it.Name)
		g.Expect(it.Network).NotTo(BeEmpty(), it.Name)
		g.Expect(it.Manufacturer()).To(BeElementOf("Intel", "AMD", "AWS"), it.Name)
		g.Expect(it.BareMetal).To(Equal(strings.Contains(it.Name, "metal")), it.Name)
		g.Expect(it.Hypervisor == "").To(Equal(it.BareMetal), it.Name)
	}
	for _, family := range strings.Fields("t3 t3a t4g m5 m5a m6i m6a m6g m7i m7i-flex m7a m7g m8g c5 c6i c6a c6g c7i c7a c7g c8g r5 r6i r6a r6g r7i r7a r7g r8g g4dn g5 p4d p5 i4i inf2") {
		g.Expect(families).To(HaveKey(family))
	}
}

func TestAcceleratorsOfAWSAreNoGPUs(t *testing.T) {
	g := NewWithT(t)
	gpu, _ := catalogue.Lookup("g5.xlarge")
	inferentia, _ := catalogue.Lookup("inf2.xlarge")
	plain, _ := catalogue.Lookup("m5.large")
	g.Expect(gpu.Accelerator.IsGPU()).To(BeTrue())
	g.Expect(inferentia.Accelerator.Model).To(Equal("Inferentia2"))
	g.Expect(inferentia.Accelerator.IsGPU()).To(BeFalse())
	g.Expect(plain.Accelerator.IsGPU()).To(BeFalse())
}

func TestSupportsGoesByArchitecture(t *testing.T) {
	g := NewWithT(t)
	graviton, _ := catalogue.Lookup("m7g.large")
	g.Expect(graviton.Supports("arm64")).To(BeTrue())
	g.Expect(graviton.Supports("x86_64")).To(BeFalse())
	g.Expect(graviton.Manufacturer()).To(Equal("AWS"))
}

func TestDateIsADay(t *testing.T) {
	NewWithT(t).Expect(catalogue.Date()).To(MatchRegexp(`^\d{4}-\d{2}-\d{2}$`))
}
