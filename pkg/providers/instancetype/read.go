package instancetype

import (
	"math"
	"slices"

	"github.com/aws/aws-sdk-go-v2/aws"
	ec2types "github.com/aws/aws-sdk-go-v2/service/ec2/types"
	"github.com/samber/lo"
	karpv1 "sigs.k8s.io/karpenter/pkg/apis/v1"
)

// read turns EC2's answer into a Type; false for a machine that no node can run on.
func read(info ec2types.InstanceTypeInfo, zones []string) (Type, bool) {
	architecture := readArchitecture(info.ProcessorInfo)
	if architecture == "" || info.VCpuInfo == nil || info.MemoryInfo == nil {
		return Type{}, false
	}
	return Type{
		Name:          string(info.InstanceType),
		Architecture:  architecture,
		Zones:         zones,
		CapacityTypes: readCapacityTypes(info.SupportedUsageClasses),
		VCPUs:         number(info.VCpuInfo.DefaultVCpus),
		MemoryMiB:     aws.ToInt64(info.MemoryInfo.SizeInMiB),
		Hypervisor:    string(info.Hypervisor),
		BareMetal:     aws.ToBool(info.BareMetal),
		Enclaves:      info.NitroEnclavesSupport == ec2types.NitroEnclavesSupportSupported,
		CPU:           readCPU(info.ProcessorInfo),
		Network:       readNetwork(info.NetworkInfo),
		EBS:           readEBS(info.EbsInfo),
		Disks:         readDisks(info.InstanceStorageInfo),
		GPUs:          readGPUs(info.GpuInfo),
		Accelerators:  readAccelerators(info.InferenceAcceleratorInfo),
		Neuron:        readNeuron(info.NeuronInfo),
	}, true
}

func number(n *int32) int64 { return int64(aws.ToInt32(n)) }

// readArchitecture takes the first that Kubernetes nodes have; x86 types list i386 too.
func readArchitecture(processor *ec2types.ProcessorInfo) string {
	if processor == nil {
		return ""
	}
	for _, architecture := range processor.SupportedArchitectures {
		switch architecture {
		case ec2types.ArchitectureTypeX8664:
			return karpv1.ArchitectureAmd64
		case ec2types.ArchitectureTypeArm64:
			return karpv1.ArchitectureArm64
		default: // i386 and macOS, of which there are no nodes
		}
	}
	return ""
}

func readCapacityTypes(classes []ec2types.UsageClassType) []string {
	var all []string
	for _, class := range classes {
		switch class {
		case ec2types.UsageClassTypeOnDemand:
			all = append(all, karpv1.CapacityTypeOnDemand)
		case ec2types.UsageClassTypeSpot:
			all = append(all, karpv1.CapacityTypeSpot)
		default: // capacity blocks are reached through reservations
		}
	}
	slices.Sort(all)
	return all
}

func readCPU(processor *ec2types.ProcessorInfo) CPU {
	return CPU{
		Manufacturer:         aws.ToString(processor.Manufacturer),
		ClockMHz:             int64(math.Round(aws.ToFloat64(processor.SustainedClockSpeedInGhz) * 1000)),
		NestedVirtualization: slices.Contains(processor.SupportedFeatures, ec2types.SupportedAdditionalProcessorFeatureNestedVirtualization),
	}
}

func readNetwork(network *ec2types.NetworkInfo) Network {
	if network == nil {
		return Network{}
	}
	gbps := 0.0
	cards := make([]Card, 0, len(network.NetworkCards))
	for _, card := range network.NetworkCards {
		gbps += aws.ToFloat64(card.BaselineBandwidthInGbps)
		cards = append(cards, Card{Index: aws.ToInt32(card.NetworkCardIndex), Interfaces: number(card.MaximumNetworkInterfaces)})
	}
	efas := int64(0)
	if network.EfaInfo != nil {
		efas = number(network.EfaInfo.MaximumEfaInterfaces)
	}
	return Network{
		Cards:               cards,
		DefaultCard:         aws.ToInt32(network.DefaultNetworkCardIndex),
		IPv4PerInterface:    number(network.Ipv4AddressesPerInterface),
		BandwidthMbps:       int64(math.Round(gbps * 1000)),
		EncryptionInTransit: aws.ToBool(network.EncryptionInTransitSupported),
		ENA:                 network.EnaSupport != ec2types.EnaSupportUnsupported,
		EFAs:                efas,
	}
}

func readEBS(ebs *ec2types.EbsInfo) EBS {
	if ebs == nil {
		return EBS{}
	}
	bandwidth := int64(0)
	if ebs.EbsOptimizedInfo != nil && ebs.EbsOptimizedSupport == ec2types.EbsOptimizedSupportDefault {
		bandwidth = number(ebs.EbsOptimizedInfo.MaximumBandwidthInMbps)
	}
	return EBS{
		BandwidthMbps: bandwidth,
		Attachments:   number(ebs.MaximumEbsAttachments),
		Dedicated:     ebs.AttachmentLimitType == ec2types.AttachmentLimitTypeDedicated,
	}
}

func readDisks(storage *ec2types.InstanceStorageInfo) Disks {
	if storage == nil {
		return Disks{}
	}
	return Disks{
		Count:   lo.SumBy(storage.Disks, func(d ec2types.DiskInfo) int64 { return number(d.Count) }),
		TotalGB: aws.ToInt64(storage.TotalSizeInGB),
		NVMe:    storage.NvmeSupport != ec2types.EphemeralNvmeSupportUnsupported,
	}
}

func readGPUs(gpus *ec2types.GpuInfo) []Device {
	if gpus == nil {
		return nil
	}
	return lo.Map(gpus.Gpus, func(gpu ec2types.GpuDeviceInfo, _ int) Device {
		d := Device{Name: aws.ToString(gpu.Name), Manufacturer: aws.ToString(gpu.Manufacturer), Count: number(gpu.Count)}
		if gpu.MemoryInfo != nil {
			d.MemoryMiB = number(gpu.MemoryInfo.SizeInMiB)
		}
		return d
	})
}

func readAccelerators(accelerators *ec2types.InferenceAcceleratorInfo) []Device {
	if accelerators == nil {
		return nil
	}
	return lo.Map(accelerators.Accelerators, func(a ec2types.InferenceDeviceInfo, _ int) Device {
		return Device{Name: aws.ToString(a.Name), Manufacturer: aws.ToString(a.Manufacturer), Count: number(a.Count)}
	})
}

func readNeuron(neuron *ec2types.NeuronInfo) []Device {
	if neuron == nil {
		return nil
	}
	return lo.Map(neuron.NeuronDevices, func(device ec2types.NeuronDeviceInfo, _ int) Device {
		d := Device{Name: aws.ToString(device.Name), Manufacturer: "aws", Count: number(device.Count)}
		if device.CoreInfo != nil {
			d.Cores = number(device.CoreInfo.Count)
		}
		return d
	})
}
