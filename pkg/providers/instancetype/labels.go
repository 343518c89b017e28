package instancetype

import (
	"regexp"
	"strconv"
	"strings"

	corev1 "k8s.io/api/core/v1"
	"sigs.k8s.io/karpenter/pkg/scheduling"

	v1 "github.com/karpenter-kubeadm/karpenter-provider-aws/pkg/apis/v1"
)

// namePattern finds category and generation in a type's name: "c" and "7" in c7gn.large,
// "u" and "1" in u-6tb1.metal.
var namePattern = regexp.MustCompile(`^([a-z]+)(?:-[0-9]+tb)?([0-9]+)[^.]*\.`)

// in is a requirement that a label has one of values. Without values it says that there is
// no such label.
func in(key string, values ...string) *scheduling.Requirement {
	return scheduling.NewRequirement(key, corev1.NodeSelectorOpIn, values...)
}

// stated is text as one value, or no value when it is empty or 0, that is, not stated.
func stated(text string) []string {
	if text == "" || text == "0" {
		return nil
	}
	return []string{text}
}

func decimal(n int64) string { return strconv.FormatInt(n, 10) }

// dashed is how EC2's names are written in labels: "Radeon Pro V520" is radeon-pro-v520.
func dashed(text string) string { return strings.ToLower(strings.ReplaceAll(text, " ", "-")) }

// labels returns the requirements that hold for the type whatever the node class. The map
// and what it points to are read-only.
func labels(t Type, region string) scheduling.Requirements {
	all := scheduling.NewRequirements(
		in(corev1.LabelInstanceTypeStable, t.Name),
		in(corev1.LabelArchStable, t.Architecture),
		in(corev1.LabelTopologyRegion, region),
		in(v1.LabelInstanceTenancy, v1.TenancyDefault, v1.TenancyDedicated),
		in(v1.LabelInstanceHypervisor, t.Hypervisor), // bare metal has the label too, with an empty value
		in(v1.LabelInstanceEncryptionInTransitSupported, strconv.FormatBool(t.Network.EncryptionInTransit)),
		in(v1.LabelInstanceCPU, decimal(t.VCPUs)),
		in(v1.LabelInstanceCPUManufacturer, stated(dashed(t.CPU.Manufacturer))...),
		in(v1.LabelInstanceCPUSustainedClockSpeedMhz, stated(decimal(t.CPU.ClockMHz))...),
		in(v1.LabelInstanceMemory, decimal(t.MemoryMiB)),
		in(v1.LabelInstanceEBSBandwidth, stated(decimal(t.EBS.BandwidthMbps))...),
		in(v1.LabelInstanceNetworkBandwidth, stated(decimal(t.Network.BandwidthMbps))...),
		in(v1.LabelCapacityReservationID),
		in(v1.LabelCapacityReservationType),
		in(v1.LabelCapacityReservationInterruptible),
		localNVMe(t.Disks),
	)
	all.Add(nameLabels(t.Name)...)
	all.Add(gpuLabels(t.GPUs)...)
	all.Add(acceleratorLabels(t)...)
	return all
}

func nameLabels(name string) []*scheduling.Requirement {
	var category, generation, family, size []string
	if match := namePattern.FindStringSubmatch(name); match != nil {
		category, generation = match[1:2], match[2:3]
	}
	before, after, ok := strings.Cut(name, ".")
	if ok {
		family, size = []string{before}, []string{after}
	}
	return []*scheduling.Requirement{
		in(v1.LabelInstanceCategory, category...),
		in(v1.LabelInstanceGeneration, generation...),
		in(v1.LabelInstanceFamily, family...),
		in(v1.LabelInstanceSize, size...),
		in(v1.LabelInstanceCapabilityFlex, strconv.FormatBool(strings.Contains(before, "-flex"))),
	}
}

func localNVMe(d Disks) *scheduling.Requirement {
	if !d.NVMe {
		return in(v1.LabelInstanceLocalNVME)
	}
	return in(v1.LabelInstanceLocalNVME, stated(decimal(d.TotalGB))...)
}

// gpuLabels are stated only where there is one kind, since one value must describe all.
func gpuLabels(gpus []Device) []*scheduling.Requirement {
	var name, manufacturer, amount, memory []string
	if len(gpus) == 1 {
		gpu := gpus[0]
		name, manufacturer = stated(dashed(gpu.Name)), stated(dashed(gpu.Manufacturer))
		amount, memory = stated(decimal(gpu.Count)), stated(decimal(gpu.MemoryMiB))
	}
	return []*scheduling.Requirement{
		in(v1.LabelInstanceGPUName, name...),
		in(v1.LabelInstanceGPUManufacturer, manufacturer...),
		in(v1.LabelInstanceGPUCount, amount...),
		in(v1.LabelInstanceGPUMemory, memory...),
	}
}

// acceleratorLabels prefer Neuron devices, which EC2 lists among the others too.
func acceleratorLabels(t Type) []*scheduling.Requirement {
	devices := t.Neuron
	if len(devices) == 0 {
		devices = t.Accelerators
	}
	var name, manufacturer, amount []string
	if len(devices) == 1 {
		device := devices[0]
		name, manufacturer = stated(dashed(device.Name)), stated(dashed(device.Manufacturer))
		amount = stated(decimal(device.Count))
	}
	return []*scheduling.Requirement{
		in(v1.LabelInstanceAcceleratorName, name...),
		in(v1.LabelInstanceAcceleratorManufacturer, manufacturer...),
		in(v1.LabelInstanceAcceleratorCount, amount...),
	}
}
