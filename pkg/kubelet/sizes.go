// Package kubelet is the one source of the numbers that the scheduler plans with and
// the node's kubelet is started with, so that the two cannot disagree.
package kubelet

import corev1 "k8s.io/api/core/v1"

// Sizes are what a kubelet holds back and how many pods it takes on a node of one instance type.
type Sizes struct {
	// MaxPods counts host-network pods too.
	MaxPods int64
	// KubeReserved and SystemReserved hold cpu, memory, ephemeral-storage and pid, where set.
	KubeReserved, SystemReserved corev1.ResourceList
	// EvictionHard maps a signal ("memory.available") to a threshold as the kubelet takes
	// it: a quantity ("100Mi") or a percentage ("5%").
	EvictionHard map[string]string
}
