package instancetype

import (
	"math"

	"github.com/samber/lo"
	corev1 "k8s.io/api/core/v1"
	"k8s.io/apimachinery/pkg/api/resource"

	v1 "github.com/karpenter-kubeadm/karpenter-provider-aws/pkg/apis/v1"
	"github.com/karpenter-kubeadm/karpenter-provider-aws/pkg/kubelet"
)

const mebi = 1 << 20

// graviton keeps this much memory to itself (CMA).
const graviton = 64

// capacity returns what a node of class will have, before anything is held back. Resources
// that it has none of are left out.
func (p *Provider) capacity(t Type, class *v1.EC2NodeClass, f family, sizes kubelet.Sizes) corev1.ResourceList {
	all := corev1.ResourceList{
		corev1.ResourceCPU:              whole(t.VCPUs),
		corev1.ResourceMemory:           p.memory(t, class),
		corev1.ResourceEphemeralStorage: ephemeralStorage(t, class, f),
		corev1.ResourcePods:             whole(sizes.MaxPods),
	}
	for name, amount := range map[corev1.ResourceName]int64{
		v1.ResourceNVIDIAGPU:     count(t.GPUs, "NVIDIA"),
		v1.ResourceAMDGPU:        count(t.GPUs, "AMD"),
		v1.ResourceHabanaGaudi:   count(t.GPUs, "Habana"),
		v1.ResourceAWSNeuron:     lo.SumBy(t.Neuron, func(d Device) int64 { return d.Count }),
		v1.ResourceAWSNeuronCore: lo.SumBy(t.Neuron, func(d Device) int64 { return d.Count * d.Cores }),
		v1.ResourceEFA:           efas(t, class),
		// The VPC resource controller gives Windows pods the addresses of one interface.
		v1.ResourcePrivateIPv4Address: lo.Ternary(f.windowsBuild != "", t.Network.IPv4PerInterface-1, 0),
	} {
		if amount > 0 {
			all[name] = whole(amount)
		}
	}
	return all
}

func whole(n int64) resource.Quantity { return *resource.NewQuantity(n, resource.DecimalSI) }

// memory is what nodes of the type and the class's images were seen to have, or else an
// estimate of what the kernel will report: EC2's figure less what hypervisor and kernel keep,
// which no API tells.
func (p *Provider) memory(t Type, class *v1.EC2NodeClass) resource.Quantity {
	if bytes, ok := p.measuredMemory(t, class); ok {
		return *resource.NewQuantity(bytes, resource.BinarySI)
	}
	mib := t.MemoryMiB
	if t.Architecture == "arm64" {
		mib -= graviton
	}
	overhead := int64(math.Ceil(float64(mib) * p.config.MemoryOverheadPercent))
	return *resource.NewQuantity((mib-overhead)*mebi, resource.BinarySI)
}

// efas counts the adapters that the class asks for, or all that the type takes when the
// class leaves interfaces to us.
func efas(t Type, class *v1.EC2NodeClass) int64 {
	if class.Spec.NetworkInterfaces == nil {
		return t.Network.EFAs
	}
	return int64(lo.CountBy(class.Spec.NetworkInterfaces, isEFA))
}

func isEFA(nic *v1.NetworkInterface) bool { return nic.InterfaceType == v1.InterfaceTypeEFAOnly }
