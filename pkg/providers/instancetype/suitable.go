package instancetype

import (
	"strings"

	"github.com/samber/lo"
	"sigs.k8s.io/karpenter/pkg/scheduling"

	v1 "github.com/karpenter-kubeadm/karpenter-provider-aws/pkg/apis/v1"
)

// suitable reports whether EC2 would take a launch of the type as class asks for it: its
// interfaces, options and image. It need not catch every mistake, since EC2 does.
func suitable(t Type, class *v1.EC2NodeClass, requirements scheduling.Requirements, images []scheduling.Requirements) bool {
	return takesInterfaces(t.Network, class) &&
		takesOptions(t, class) &&
		takesImage(t, class, requirements, images)
}

func takesInterfaces(n Network, class *v1.EC2NodeClass) bool {
	if prefixes := int64(lo.FromPtr(class.Spec.IPPrefixCount)); prefixes > 0 && prefixes+1 > n.IPv4PerInterface {
		return false // the primary address takes a slot too
	}
	nics := class.Spec.NetworkInterfaces
	if len(nics) == 0 {
		return true
	}
	fits := func(nic *v1.NetworkInterface) bool {
		card, ok := n.card(nic.NetworkCardIndex)
		return ok && int64(nic.DeviceIndex) < card.Interfaces
	}
	return n.ENA && lo.EveryBy(nics, fits) && int64(lo.CountBy(nics, isEFA)) <= n.EFAs
}

func takesOptions(t Type, class *v1.EC2NodeClass) bool {
	if options := class.Spec.CPUOptions; options != nil && lo.FromPtr(options.NestedVirtualization) == "enabled" && !t.CPU.NestedVirtualization {
		return false
	}
	if options := class.Spec.EnclaveOptions; options != nil && options.Enabled && !t.Enclaves {
		return false
	}
	return class.Spec.ConnectionTracking == nil || t.Hypervisor == "nitro"
}

// takesImage reports whether one of the images that the class resolved to boots on the type.
// A class without images yet is not ready anyway, and is judged once it has some.
func takesImage(t Type, class *v1.EC2NodeClass, requirements scheduling.Requirements, images []scheduling.Requirements) bool {
	if class.AMIFamily() == v1.AMIFamilyAL2023 && strings.HasPrefix(t.Name, "a1.") {
		return false // its processor is older than what Amazon Linux 2023 is built for
	}
	return len(images) == 0 || lo.SomeBy(images, func(image scheduling.Requirements) bool {
		return requirements.IsCompatible(image, scheduling.AllowUndefinedWellKnownLabels)
	})
}
