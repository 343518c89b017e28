package catalogue

import "slices"

// Type is what EC2 tells of an instance type. All fields are facts; zero means
// that no source states the fact.
type Type struct {
	Name              string
	CurrentGeneration bool
	Architectures     []string // EC2's names: x86_64, arm64, i386, x86_64_mac, arm64_mac
	VCPUs             int32
	MemoryMiB         int64
	Processor         string  // the model's name, as in "AMD EPYC 7R13 Processor"
	ClockGHz          float64 // sustained
	Burstable         bool
	BareMetal         bool
	Hypervisor        string // nitro or xen; empty on bare metal

	MaxENIs       int32   // of all network cards together
	IPv4PerENI    int32   // the primary address included
	CardENIs      []int32 // interfaces of each network card, in the order of their indexes
	Network       string  // as in "Up to 5 Gigabit"
	BandwidthMbps int64   // baseline of all network cards together

	EBS         EBS
	Disks       Disks
	Accelerator Accelerator
}

// EBS is what a type can do with volumes.
type EBS struct {
	Optimized    bool // by default; false also where it can be switched on
	BaselineMbps int32
	MaxMbps      int32
	MaxIOPS      int32
}

// Disks are a type's local ones. Count is 0 where it has none.
type Disks struct {
	Count  int32
	SizeGB int64 // of one disk
	NVMe   bool
}

// Accelerator is a type's GPUs or machine learning chips. Count is 0 where it has
// none.
type Accelerator struct {
	Count        int32
	Manufacturer string // NVIDIA, AMD or AWS
	Model        string // as in "A10G"; for AWS Inferentia, Inferentia2
	MemoryMiB    int64  // of all of them together; 0 where no source states it
}

// IsGPU tells whether EC2 lists it under GpuInfo, not InferenceAcceleratorInfo.
func (a Accelerator) IsGPU() bool {
	return a.Count > 0 && a.Manufacturer != "AWS"
}

// Manufacturer of the processor, by EC2's names: Intel, AMD, AWS, Apple, or empty.
func (t Type) Manufacturer() string {
	for _, m := range []string{"Intel", "AMD", "AWS", "Apple"} {
		if len(t.Processor) >= len(m) && containsWord(t.Processor, m) {
			return m
		}
	}
	return ""
}

// Supports tells whether an image of the given architecture starts on the type.
func (t Type) Supports(architecture string) bool {
	return slices.Contains(t.Architectures, architecture)
}
