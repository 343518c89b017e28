package kubelet

import (
	"fmt"
	"maps"
	"math"
	"strconv"
	"strings"

	corev1 "k8s.io/api/core/v1"
	"k8s.io/apimachinery/pkg/api/resource"
	metav1 "k8s.io/apimachinery/pkg/apis/meta/v1"

	"github.com/karpenter-kubeadm/karpenter-provider-aws/test/hollow/machine"
)

// InstanceAnnotation names the instance that a hollow node runs on. It is what tells a hollow
// node from others; a real kubelet has no such annotation.
const InstanceAnnotation = "hollow.test/instance-id"

// diskOverhead is the part of a volume that a file system keeps for itself.
const diskOverhead = 0.03

// node returns the Node that a kubelet of these settings registers.
func (s settings) node(m *machine.Machine, version string, memoryOverhead float64) *corev1.Node {
	labels := map[string]string{
		corev1.LabelHostname: s.hostname, corev1.LabelOSStable: "linux", corev1.LabelArchStable: m.Facts.Arch,
		"beta.kubernetes.io/os": "linux", "beta.kubernetes.io/arch": m.Facts.Arch,
	}
	maps.Copy(labels, s.flags.labels)
	taints := append([]corev1.Taint{}, s.taints...)
	if s.externalCloud {
		taints = append(taints, corev1.Taint{Key: "node.cloudprovider.kubernetes.io/uninitialized", Value: "true", Effect: corev1.TaintEffectNoSchedule})
	}
	capacity := s.capacity(m.Facts, memoryOverhead)
	return &corev1.Node{
		ObjectMeta: metav1.ObjectMeta{Name: s.hostname, Labels: labels, Annotations: map[string]string{
			InstanceAnnotation: m.Facts.ID, "volumes.kubernetes.io/controller-managed-attach-detach": "true",
		}},
		Spec: corev1.NodeSpec{ProviderID: s.providerID, Taints: taints},
		Status: corev1.NodeStatus{
			Capacity: capacity, Allocatable: s.allocatable(capacity), Addresses: s.addresses(m.Facts),
			DaemonEndpoints: corev1.NodeDaemonEndpoints{KubeletEndpoint: corev1.DaemonEndpoint{Port: 10250}},
			NodeInfo: corev1.NodeSystemInfo{
				MachineID: m.ID(), SystemUUID: "ec2" + m.ID()[3:], BootID: m.BootID(), KernelVersion: "6.8.0-aws", OSImage: m.OS(),
				ContainerRuntimeVersion: "containerd://1.7.28", KubeletVersion: version, OperatingSystem: "linux", Architecture: m.Facts.Arch,
			},
		},
	}
}

// addresses are what the kubelet knows itself; with an external cloud provider and no
// --node-ip it leaves them to that.
func (s settings) addresses(f machine.Facts) []corev1.NodeAddress {
	ip := f.PrivateIP.String()
	switch {
	case s.flags.nodeIP != "":
		ip, _, _ = strings.Cut(s.flags.nodeIP, ",")
	case s.externalCloud:
		return nil
	}
	return []corev1.NodeAddress{{Type: corev1.NodeInternalIP, Address: ip}, {Type: corev1.NodeHostName, Address: s.hostname}}
}

// capacity is what the machine has. The kernel keeps a part of the memory that the
// catalogue promises, and the file system a part of the disk.
func (s settings) capacity(f machine.Facts, memoryOverhead float64) corev1.ResourceList {
	memory := int64(float64(f.MemoryMiB<<20)*(1-memoryOverhead)) >> 10 << 10
	disk := int64(float64(f.DiskGiB<<30)*(1-diskOverhead)) >> 10 << 10
	return corev1.ResourceList{
		corev1.ResourceCPU:              *resource.NewQuantity(f.CPUs, resource.DecimalSI),
		corev1.ResourceMemory:           *resource.NewQuantity(memory, resource.BinarySI),
		corev1.ResourceEphemeralStorage: *resource.NewQuantity(disk, resource.BinarySI),
		corev1.ResourcePods:             *resource.NewQuantity(s.maxPods, resource.DecimalSI),
		"hugepages-1Gi":                 resource.MustParse("0"),
		"hugepages-2Mi":                 resource.MustParse("0"),
	}
}

// allocatable is capacity less what is reserved and what eviction keeps free, never below zero.
func (s settings) allocatable(capacity corev1.ResourceList) corev1.ResourceList {
	list := corev1.ResourceList{}
	signals := map[corev1.ResourceName]string{corev1.ResourceMemory: "memory.available", corev1.ResourceEphemeralStorage: "nodefs.available"}
	for name, total := range capacity {
		left := total.DeepCopy()
		left.Sub(s.kubeReserved[name])
		left.Sub(s.systemReserved[name])
		if threshold, ok := s.evictionHard[signals[name]]; ok && signals[name] != "" {
			if kept, err := amount(threshold, total.Value()); err == nil {
				left.Sub(kept)
			}
		}
		if left.Sign() < 0 {
			left = resource.MustParse("0")
		}
		list[name] = left
	}
	return list
}

// amount reads a threshold, a quantity or a percentage of total.
func amount(text string, total int64) (resource.Quantity, error) {
	percent, ok := strings.CutSuffix(text, "%")
	if !ok {
		return resource.ParseQuantity(text)
	}
	share, err := strconv.ParseFloat(percent, 64)
	if err != nil || share < 0 || share > 100 {
		return resource.Quantity{}, fmt.Errorf("%q is not a percentage", text)
	}
	return *resource.NewQuantity(int64(math.Floor(float64(total)*share/100)), resource.BinarySI), nil
}

// conditions are those of a healthy node.
func conditions(now metav1.Time) []corev1.NodeCondition {
	healthy := func(kind corev1.NodeConditionType, reason, message string) corev1.NodeCondition {
		return corev1.NodeCondition{Type: kind, Status: corev1.ConditionFalse, Reason: reason, Message: message, LastHeartbeatTime: now, LastTransitionTime: now}
	}
	ready := healthy(corev1.NodeReady, "KubeletReady", "kubelet is posting ready status")
	ready.Status = corev1.ConditionTrue
	return []corev1.NodeCondition{
		healthy(corev1.NodeMemoryPressure, "KubeletHasSufficientMemory", "kubelet has sufficient memory available"),
		healthy(corev1.NodeDiskPressure, "KubeletHasNoDiskPressure", "kubelet has no disk pressure"),
		healthy(corev1.NodePIDPressure, "KubeletHasSufficientPID", "kubelet has sufficient PID available"),
		ready,
	}
}
