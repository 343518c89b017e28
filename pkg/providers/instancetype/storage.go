package instancetype

import (
	"github.com/samber/lo"
	"k8s.io/apimachinery/pkg/api/resource"

	v1 "github.com/karpenter-kubeadm/karpenter-provider-aws/pkg/apis/v1"
)

const giga = 1_000_000_000

// ephemeralStorage returns what pods may write to on a node of class: the instance store
// where the class makes it the data disk, else the volume that holds the kubelet's files.
func ephemeralStorage(t Type, class *v1.EC2NodeClass, f family) resource.Quantity {
	if lo.FromPtr(class.Spec.InstanceStorePolicy) == v1.InstanceStorePolicyRAID0 && t.Disks.TotalGB > 0 {
		return *resource.NewQuantity(t.Disks.TotalGB*giga, resource.DecimalSI)
	}
	if disk := dataDisk(class.Spec.BlockDeviceMappings, f); disk != nil && disk.EBS != nil && disk.EBS.VolumeSize != nil {
		return disk.EBS.VolumeSize.DeepCopy()
	}
	return f.dataSize.DeepCopy()
}

// dataDisk finds the disk that holds the kubelet's files: the one marked so, else the family's,
// else, where only the image knows, the last. It is nil when the class does not map it.
func dataDisk(mappings []*v1.BlockDeviceMapping, f family) *v1.BlockDeviceMapping {
	if marked, ok := lo.Find(mappings, func(m *v1.BlockDeviceMapping) bool { return m.RootVolume }); ok {
		return marked
	}
	if f.dataDevice == "" {
		return lo.LastOr(mappings, nil)
	}
	named, _ := lo.Find(mappings, func(m *v1.BlockDeviceMapping) bool { return lo.FromPtr(m.DeviceName) == f.dataDevice })
	return named
}

// What EC2 documents of how much can be attached to an instance, and what the EBS CSI driver
// counts with.
const (
	nitroAttachments = 28 // volumes, network interfaces, NVMe disks and accelerators together
	xenAttachments   = 39 // volumes
)

// volumeLimit returns how many volumes the EBS CSI driver will find room for on a fresh node
// of class. It counts as the driver does at its start, when the node has the interfaces and
// volumes that it was launched with.
func volumeLimit(t Type, class *v1.EC2NodeClass, f family) int {
	interfaces := max(1, int64(len(class.Spec.NetworkInterfaces)))
	limit := int64(xenAttachments)
	switch {
	case t.EBS.Dedicated && t.EBS.Attachments > 0:
		limit = t.EBS.Attachments
	case t.nitro():
		limit = nitroAttachments - interfaces
		if t.EBS.Attachments > 0 { // which leaves room for the first interface
			limit = min(limit, t.EBS.Attachments-(interfaces-1))
		}
		limit -= nvmeSlots(t)
	}
	return int(max(1, limit-launchedVolumes(class, f)))
}

// nvmeSlots are taken by what else sits on the same bus.
func nvmeSlots(t Type) int64 {
	slots := int64(0)
	if t.Disks.NVMe {
		slots += t.Disks.Count
	}
	for _, devices := range [][]Device{t.GPUs, t.Neuron} {
		slots += lo.SumBy(devices, func(d Device) int64 { return d.Count })
	}
	return slots
}

// launchedVolumes is how many volumes a node of class starts with, the image's own root included.
func launchedVolumes(class *v1.EC2NodeClass, f family) int64 {
	mapped := int64(len(class.Spec.BlockDeviceMappings))
	if mapped == 0 {
		return f.mapped
	}
	if dataDisk(class.Spec.BlockDeviceMappings, f) == nil {
		mapped++
	}
	return mapped
}
