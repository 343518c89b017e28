package v1

import "k8s.io/apimachinery/pkg/api/resource"

// Disks are the class's own mappings, else those of its family.
func (in *EC2NodeClass) Disks() []*BlockDeviceMapping {
	if len(in.Spec.BlockDeviceMappings) > 0 {
		return in.Spec.BlockDeviceMappings
	}
	return FamilyDisks(in.AMIFamily())
}

// FamilyDisks are the encrypted gp3 volumes that an instance of a family starts with when
// its class maps no disks. The last one holds the kubelet's files, and with them ephemeral
// storage. There are none for Custom, which has what its image has. A family that is not
// known has what the plain Linux families have.
func FamilyDisks(family string) []*BlockDeviceMapping {
	switch family {
	case AMIFamilyCustom:
		return nil
	case AMIFamilyUbuntu:
		return []*BlockDeviceMapping{gp3("/dev/sda1", "20Gi")}
	case AMIFamilyBottlerocket:
		// The first is the OS's own. It must not be smaller than the snapshot in the image.
		return []*BlockDeviceMapping{gp3("/dev/xvda", "6Gi"), gp3("/dev/xvdb", "20Gi")}
	case AMIFamilyWindows2019, AMIFamilyWindows2022, AMIFamilyWindows2025:
		return []*BlockDeviceMapping{gp3("/dev/sda1", "50Gi")}
	default:
		return []*BlockDeviceMapping{gp3("/dev/xvda", "20Gi")}
	}
}

func gp3(device, size string) *BlockDeviceMapping {
	encrypted, kind, quantity := true, "gp3", resource.MustParse(size)
	return &BlockDeviceMapping{DeviceName: &device, EBS: &BlockDevice{Encrypted: &encrypted, VolumeType: &kind, VolumeSize: &quantity}}
}
