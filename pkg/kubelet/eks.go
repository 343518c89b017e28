package kubelet

import (
	corev1 "k8s.io/api/core/v1"
	"k8s.io/apimachinery/pkg/api/resource"
)

// Network is what limits pods where each takes an address of the VPC (Amazon's VPC CNI).
type Network struct {
	// Interfaces that the CNI may use, of those on the default network card.
	Interfaces int64
	// ReservedInterfaces of them are kept free for other uses (RESERVED_ENIS).
	ReservedInterfaces int64
	// AddressesPerInterface, the primary included, IPv4.
	AddressesPerInterface int64
	// Prefixes: all but the primary are blocks of 16 addresses.
	Prefixes bool
}

// Traits are how an image family sizes its kubelet in EKS mode.
type Traits struct {
	// PodsByInterfaces: when the class does not say, as many pods as the VPC CNI has addresses for.
	PodsByInterfaces bool
	// MemoryByInterfaces: memory is reserved for that many pods, however many the class allows.
	MemoryByInterfaces bool
	// PodsPerCore: the family heeds podsPerCore.
	PodsPerCore bool
}

// EKS returns the sizes of a node as EKS's images make them, which is also what the AWS
// provider plans with.
func EKS(class Config, machine Machine, traits Traits) Sizes {
	pods := int64(class.MaxPods)
	switch {
	case pods > 0:
	case traits.PodsByInterfaces:
		pods = machine.Network.pods(machine.Network.ReservedInterfaces)
	default:
		pods = defaultMaxPods
	}
	if traits.PodsPerCore {
		pods = class.capPods(pods, machine)
	}
	memoryPods := pods
	if traits.MemoryByInterfaces {
		memoryPods = machine.Network.pods(0)
	}
	return Sizes{
		MaxPods:        pods,
		KubeReserved:   union(eksReserved(machine.VCPUs, memoryPods), class.KubeReserved),
		SystemReserved: class.SystemReserved,
		EvictionHard:   union(map[string]string{signalMemory: "100Mi", signalNodeFS: "10%"}, class.EvictionHard),
	}
}

// prefixSize is how many addresses a /28 has, the block that EC2 gives to an interface.
const prefixSize = 16

// pods returns how many the addresses suffice for: each interface's first address is its
// own, and the two pods of the host network that run on every node need none.
func (n Network) pods(reserved int64) int64 {
	usable := n.Interfaces - reserved
	if usable <= 0 {
		return 0
	}
	addresses := n.AddressesPerInterface - 1
	if n.Prefixes {
		addresses *= prefixSize
	}
	return usable*addresses + 2
}

// eksReserved is what EKS's images reserve for kubelet and container runtime: 255 MiB and
// 11 MiB for each pod, 1 GiB of storage, and 6 % of the first core, 1 % of the second, 0.5 %
// of the next two and 0.25 % of each more.
func eksReserved(vcpus, pods int64) corev1.ResourceList {
	milli := int64(0)
	for core := range vcpus {
		switch {
		case core == 0:
			milli += 600
		case core == 1:
			milli += 100
		case core < 4:
			milli += 50
		default:
			milli += 25
		}
	}
	return corev1.ResourceList{
		corev1.ResourceCPU:              *resource.NewMilliQuantity(milli/10, resource.DecimalSI),
		corev1.ResourceMemory:           bytes((11*pods + 255) * mebi),
		corev1.ResourceEphemeralStorage: bytes(gibi),
	}
}
