package instancetype

import (
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
	// dataGiB is the size of dataDevice when the class maps no disks.
	dataGiB int64
	// mapped is how many volumes an instance has when the class maps no disks.
	mapped int64
	eks    kubelet.Traits
}

// familyOf returns what is known of a family. What is not known of a newer one is as for the
// plain Linux families.
func familyOf(name string) family {
	f := family{
		dataDevice: "/dev/xvda", dataGiB: 20, mapped: 1,
		eks: kubelet.Traits{PodsByInterfaces: true, MemoryByInterfaces: true, PodsPerCore: true},
	}
	switch name {
	case v1.AMIFamilyUbuntu:
		f.dataDevice = "/dev/sda1"
	case v1.AMIFamilyCustom:
		f.dataDevice = ""
	case v1.AMIFamilyBottlerocket:
		f.dataDevice, f.mapped = "/dev/xvdb", 2 // the first disk is the OS's own
		f.eks = kubelet.Traits{PodsByInterfaces: true}
	case v1.AMIFamilyWindows2019, v1.AMIFamilyWindows2022, v1.AMIFamilyWindows2025:
		f.windowsBuild = map[string]string{
			v1.AMIFamilyWindows2019: "10.0.17763", v1.AMIFamilyWindows2022: "10.0.20348", v1.AMIFamilyWindows2025: "10.0.26100",
		}[name]
		f.dataDevice, f.dataGiB = "/dev/sda1", 50
		f.eks = kubelet.Traits{PodsPerCore: true}
	}
	return f
}
