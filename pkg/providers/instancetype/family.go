package instancetype

import (
	"k8s.io/apimachinery/pkg/api/resource"

	v1 "github.com/karpenter-kubeadm/karpenter-provider-aws/pkg/apis/v1"
	"github.com/karpenter-kubeadm/karpenter-provider-aws/pkg/kubelet"
)

// family is what an image family decides of a node's size.
type family struct {
	// windowsBuild is empty for Linux.
	windowsBuild string
	// dataDevice holds the kubelet's files, and with them ephemeral storage. It is empty where
	// only the image knows.
	dataDevice string
	// dataSize is that of dataDevice when the class maps no disks. Where only the image knows,
	// it is what the plain Linux families have.
	dataSize resource.Quantity
	// mapped is how many volumes an instance has when the class maps no disks.
	mapped int64
	eks    kubelet.Traits
}

// familyOf returns what is known of a family. What is not known of a newer one is as for the
// plain Linux families.
func familyOf(name string) family {
	f := family{
		dataSize: resource.MustParse("20Gi"), mapped: 1,
		eks: kubelet.Traits{PodsByInterfaces: true, MemoryByInterfaces: true, PodsPerCore: true},
	}
	if disks := v1.FamilyDisks(name); len(disks) > 0 {
		data := disks[len(disks)-1]
		f.dataDevice, f.dataSize, f.mapped = *data.DeviceName, *data.EBS.VolumeSize, int64(len(disks))
	}
	switch name {
	case v1.AMIFamilyBottlerocket:
		f.eks = kubelet.Traits{PodsByInterfaces: true}
	case v1.AMIFamilyWindows2019, v1.AMIFamilyWindows2022, v1.AMIFamilyWindows2025:
		f.windowsBuild = map[string]string{
			v1.AMIFamilyWindows2019: "10.0.17763", v1.AMIFamilyWindows2022: "10.0.20348", v1.AMIFamilyWindows2025: "10.0.26100",
		}[name]
		f.eks = kubelet.Traits{PodsPerCore: true}
	}
	return f
}
