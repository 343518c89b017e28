package kubelet

import (
	"fmt"

	corev1 "k8s.io/api/core/v1"
	"k8s.io/apimachinery/pkg/api/resource"
)

// Sizes are what a kubelet holds back and how many pods it takes on a node of one instance type.
type Sizes struct {
	// MaxPods counts host-network pods too. A podsPerCore setting is already counted in it,
	// so the kubelet is started with podsPerCore 0.
	MaxPods int64
	// KubeReserved and SystemReserved hold cpu, memory, ephemeral-storage and pid, where set.
	KubeReserved, SystemReserved corev1.ResourceList
	// EvictionHard maps a signal ("memory.available") to a threshold as the kubelet takes
	// it: a quantity ("100Mi") or a percentage ("5%"). It is complete: a signal that it does
	// not name has no threshold.
	EvictionHard map[string]string
}

// Overhead is what a kubelet subtracts from a node's capacity, by reason.
type Overhead struct {
	KubeReserved, SystemReserved, EvictionThreshold corev1.ResourceList
}

// Overhead returns what a kubelet started with s subtracts from capacity. Only memory and
// ephemeral storage have eviction thresholds that count. It fails on a threshold that
// Parse would have refused.
func (s Sizes) Overhead(capacity corev1.ResourceList) (Overhead, error) {
	eviction := corev1.ResourceList{}
	for signal, name := range map[string]corev1.ResourceName{
		signalMemory: corev1.ResourceMemory,
		signalNodeFS: corev1.ResourceEphemeralStorage,
	} {
		value, ok := s.EvictionHard[signal]
		if !ok {
			continue
		}
		limit, err := parseThreshold(value)
		if err != nil {
			return Overhead{}, fmt.Errorf("evictionHard[%s] is %q, %w", signal, value, err)
		}
		total := capacity[name]
		eviction[name] = limit.of(total)
	}
	return Overhead{
		KubeReserved:      s.KubeReserved.DeepCopy(),
		SystemReserved:    s.SystemReserved.DeepCopy(),
		EvictionThreshold: eviction,
	}, nil
}

// Quantities that sizes are made of, in bytes.
const (
	mebi = 1 << 20
	gibi = 1 << 30
)

func bytes(n int64) resource.Quantity { return *resource.NewQuantity(n, resource.BinarySI) }
