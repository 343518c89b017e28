package ec2

import (
	"slices"
	"strconv"
	"strings"

	"github.com/karpenter-kubeadm/karpenter-provider-aws/test/awsfake/catalogue"
	"github.com/karpenter-kubeadm/karpenter-provider-aws/test/awsfake/wire"
)

type describeTypesInput struct {
	listInput
	InstanceType               []string
	IncludeUnsupportedInRegion bool
}

type describeTypesOutput struct {
	Items     []typeItem `xml:"instanceTypeSet>item"`
	NextToken string     `xml:"nextToken,omitempty"`
}

func (r *region) describeTypes(c *wire.Call, in describeTypesInput) (*describeTypesOutput, error) {
	if err := permit(c, in.DryRun); err != nil {
		return nil, err
	}
	wanted, err := compile(in.Filter, typeFields(), nil)
	if err != nil {
		return nil, err
	}
	known := func(it catalogue.Type) bool {
		return in.IncludeUnsupportedInRegion || catalogue.OfferedIn(r.name, it.Name)
	}
	named, err := namedTypes(in.InstanceType, known)
	if err != nil {
		return nil, err
	}
	var matched []numbered[catalogue.Type]
	for i, it := range named {
		if known(it) && wanted.match(it) {
			matched = append(matched, numbered[catalogue.Type]{i + 1, it})
		}
	}
	items, next, err := page(matched, numbered[catalogue.Type].key, in.listInput, paged{least: 5, most: 100, whole: 100})
	if err != nil {
		return nil, err
	}
	return &describeTypesOutput{
		Items:     each(items, func(n numbered[catalogue.Type]) typeItem { return newTypeItem(n.value) }),
		NextToken: next,
	}, nil
}

// numbered gives things a place for page that have no order of their own.
type numbered[T any] struct {
	n     int
	value T
}

func (n numbered[T]) key() int { return n.n }

// namedTypes finds types by name, all when there are no names. One that the region does not
// know does not exist.
func namedTypes(names []string, known func(catalogue.Type) bool) ([]catalogue.Type, error) {
	if len(names) == 0 {
		return catalogue.Types(), nil
	}
	var out []catalogue.Type
	var unknown []string
	for _, name := range slices.Compact(slices.Sorted(slices.Values(names))) {
		it, ok := catalogue.Lookup(name)
		if !ok || !known(it) {
			unknown = append(unknown, name)
			continue
		}
		out = append(out, it)
	}
	if len(unknown) > 0 {
		return nil, wire.Errorf("InvalidInstanceType", "The following supplied instance types do not exist: [%s]", strings.Join(unknown, ", "))
	}
	return out, nil
}

func typeFields() fields[catalogue.Type] {
	yes := func(get func(catalogue.Type) bool) func(catalogue.Type) []string {
		return func(t catalogue.Type) []string { return []string{strconv.FormatBool(get(t))} }
	}
	return fields[catalogue.Type]{
		"instance-type":                         func(t catalogue.Type) []string { return []string{t.Name} },
		"bare-metal":                            yes(func(t catalogue.Type) bool { return t.BareMetal }),
		"burstable-performance-supported":       yes(func(t catalogue.Type) bool { return t.Burstable }),
		"current-generation":                    yes(func(t catalogue.Type) bool { return t.CurrentGeneration }),
		"instance-storage-supported":            yes(func(t catalogue.Type) bool { return t.Disks.Count > 0 }),
		"hypervisor":                            func(t catalogue.Type) []string { return []string{t.Hypervisor} },
		"processor-info.supported-architecture": func(t catalogue.Type) []string { return t.Architectures },
		"supported-virtualization-type":         virtualization,
		"supported-usage-class":                 usageClasses,
		"vcpu-info.default-vcpus":               func(t catalogue.Type) []string { return []string{strconv.Itoa(int(t.VCPUs))} },
		"memory-info.size-in-mib":               func(t catalogue.Type) []string { return []string{strconv.FormatInt(t.MemoryMiB, 10)} },
	}
}

// virtualization follows from the generation: only types of before 2010 know nothing but
// paravirtual, and the catalogue has none of those.
func virtualization(catalogue.Type) []string { return []string{"hvm"} }

// usageClasses: the catalogue does not say which types spot leaves out. Macs are sold with
// dedicated hosts only.
func usageClasses(t catalogue.Type) []string {
	if strings.HasPrefix(t.Name, "mac") {
		return []string{"on-demand"}
	}
	return []string{"on-demand", "spot"}
}

type typeItem struct {
	InstanceType       string       `xml:"instanceType"`
	CurrentGeneration  bool         `xml:"currentGeneration"`
	FreeTierEligible   bool         `xml:"freeTierEligible"`
	UsageClasses       []string     `xml:"supportedUsageClasses>item"`
	RootDeviceTypes    []string     `xml:"supportedRootDeviceTypes>item"`
	Virtualization     []string     `xml:"supportedVirtualizationTypes>item"`
	BareMetal          bool         `xml:"bareMetal"`
	Hypervisor         string       `xml:"hypervisor,omitempty"`
	Processor          processor    `xml:"processorInfo"`
	VCPU               vcpuInfo     `xml:"vCpuInfo"`
	MemoryMiB          int64        `xml:"memoryInfo>sizeInMiB"`
	StorageSupported   bool         `xml:"instanceStorageSupported"`
	Storage            *storageInfo `xml:"instanceStorageInfo"`
	EBS                ebsInfo      `xml:"ebsInfo"`
	Network            networkInfo  `xml:"networkInfo"`
	GPU                *gpuInfo     `xml:"gpuInfo"`
	Inference          *accelInfo   `xml:"inferenceAcceleratorInfo"`
	Burstable          bool         `xml:"burstablePerformanceSupported"`
	SupportedBootModes []string     `xml:"supportedBootModes>item"`
}

type processor struct {
	Architectures []string `xml:"supportedArchitectures>item"`
	ClockGHz      *float64 `xml:"sustainedClockSpeedInGhz"`
	Manufacturer  string   `xml:"manufacturer,omitempty"`
}

type vcpuInfo struct {
	Default int32 `xml:"defaultVCpus"`
}

type storageInfo struct {
	TotalGB int64      `xml:"totalSizeInGB"`
	Disks   []diskInfo `xml:"disks>item"`
	NVMe    string     `xml:"nvmeSupport"`
}

type diskInfo struct {
	SizeGB int64  `xml:"sizeInGB"`
	Count  int32  `xml:"count"`
	Type   string `xml:"type,omitempty"`
}

type ebsInfo struct {
	OptimizedSupport string        `xml:"ebsOptimizedSupport"`
	Optimized        *ebsOptimized `xml:"ebsOptimizedInfo"`
	NVMe             string        `xml:"nvmeSupport"`
}

type ebsOptimized struct {
	BaselineMbps int32 `xml:"baselineBandwidthInMbps"`
	MaximumMbps  int32 `xml:"maximumBandwidthInMbps"`
	MaximumIOPS  int32 `xml:"maximumIops,omitempty"`
}

type networkInfo struct {
	Performance   string        `xml:"networkPerformance,omitempty"`
	MaxInterfaces int32         `xml:"maximumNetworkInterfaces"`
	MaxCards      int           `xml:"maximumNetworkCards"`
	DefaultCard   int           `xml:"defaultNetworkCardIndex"`
	Cards         []networkCard `xml:"networkCards>item"`
	IPv4          int32         `xml:"ipv4AddressesPerInterface"`
	EnaSupport    string        `xml:"enaSupport,omitempty"`
}

type networkCard struct {
	Index         int      `xml:"networkCardIndex"`
	Performance   string   `xml:"networkPerformance,omitempty"`
	MaxInterfaces int32    `xml:"maximumNetworkInterfaces"`
	BaselineGbps  *float64 `xml:"baselineBandwidthInGbps"`
}

type gpuInfo struct {
	GPUs     []device `xml:"gpus>item"`
	TotalMiB int64    `xml:"totalGpuMemoryInMiB,omitempty"`
}

type accelInfo struct {
	Accelerators []device `xml:"accelerators>member"` // EC2's own oddity: not "item"
	TotalMiB     int64    `xml:"totalInferenceMemoryInMiB,omitempty"`
}

type device struct {
	Name         string `xml:"name"`
	Manufacturer string `xml:"manufacturer"`
	Count        int32  `xml:"count"`
	MemoryMiB    int64  `xml:"memoryInfo>sizeInMiB,omitempty"`
}

func newTypeItem(t catalogue.Type) typeItem {
	out := typeItem{
		InstanceType: t.Name, CurrentGeneration: t.CurrentGeneration, UsageClasses: usageClasses(t),
		RootDeviceTypes: []string{"ebs"}, Virtualization: virtualization(t), BareMetal: t.BareMetal, Hypervisor: t.Hypervisor,
		Processor: processor{Architectures: t.Architectures, Manufacturer: t.Manufacturer()},
		VCPU:      vcpuInfo{Default: t.VCPUs}, MemoryMiB: t.MemoryMiB, StorageSupported: t.Disks.Count > 0,
		EBS: newEBSInfo(t), Network: newNetworkInfo(t), Burstable: t.Burstable, SupportedBootModes: []string{"uefi"},
	}
	if t.ClockGHz > 0 {
		out.Processor.ClockGHz = &t.ClockGHz
	}
	if t.Supports("x86_64") && !t.BareMetal {
		out.SupportedBootModes = []string{"legacy-bios", "uefi"}
	}
	if t.Disks.Count > 0 {
		out.Storage = &storageInfo{
			TotalGB: t.Disks.SizeGB * int64(t.Disks.Count), NVMe: "unsupported",
			Disks: []diskInfo{{SizeGB: t.Disks.SizeGB, Count: t.Disks.Count}},
		}
		if t.Disks.NVMe {
			out.Storage.NVMe, out.Storage.Disks[0].Type = "required", "ssd"
		}
	}
	out.addAccelerator(t.Accelerator)
	return out
}

func (i *typeItem) addAccelerator(a catalogue.Accelerator) {
	if a.Count == 0 {
		return
	}
	d := device{Name: a.Model, Manufacturer: a.Manufacturer, Count: a.Count, MemoryMiB: a.MemoryMiB / int64(a.Count)}
	if a.IsGPU() {
		i.GPU = &gpuInfo{GPUs: []device{d}, TotalMiB: a.MemoryMiB}
		return
	}
	i.Inference = &accelInfo{Accelerators: []device{d}, TotalMiB: a.MemoryMiB}
}

func newEBSInfo(t catalogue.Type) ebsInfo {
	out := ebsInfo{OptimizedSupport: "unsupported", NVMe: "unsupported"}
	if t.Hypervisor == "nitro" || t.BareMetal {
		out.NVMe = "required"
	}
	if t.EBS.Optimized {
		out.OptimizedSupport = "default"
	}
	if t.EBS.MaxMbps > 0 {
		out.Optimized = &ebsOptimized{BaselineMbps: t.EBS.BaselineMbps, MaximumMbps: t.EBS.MaxMbps, MaximumIOPS: t.EBS.MaxIOPS}
	}
	return out
}

func newNetworkInfo(t catalogue.Type) networkInfo {
	out := networkInfo{
		Performance: t.Network, MaxInterfaces: t.MaxENIs, MaxCards: max(1, len(t.CardENIs)), IPv4: t.IPv4PerENI,
	}
	if t.Hypervisor == "nitro" || t.BareMetal {
		out.EnaSupport = "required"
	}
	cards := t.CardENIs
	if len(cards) == 0 {
		cards = []int32{t.MaxENIs} // EC2 lists the card of each type, the catalogue does not for all
	}
	for i, enis := range cards {
		card := networkCard{Index: i, Performance: t.Network, MaxInterfaces: enis}
		if t.BandwidthMbps > 0 {
			gbps := float64(t.BandwidthMbps) / 1000 / float64(len(cards))
			card.BaselineGbps = &gbps
		}
		out.Cards = append(out.Cards, card)
	}
	return out
}
