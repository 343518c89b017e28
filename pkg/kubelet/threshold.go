package kubelet

import (
	"errors"
	"strconv"
	"strings"

	"k8s.io/apimachinery/pkg/api/resource"
)

// The eviction signals whose thresholds a kubelet subtracts from what it offers to pods.
const (
	signalMemory = "memory.available"
	signalNodeFS = "nodefs.available"
)

// signals are all that a kubelet knows.
func signals() []string {
	return []string{
		signalMemory, signalNodeFS, "nodefs.inodesFree",
		"imagefs.available", "imagefs.inodesFree",
		"containerfs.available", "containerfs.inodesFree",
		"allocatableMemory.available", "pid.available",
	}
}

// defaultEvictionHard is what a kubelet on Linux starts with when its configuration sets no
// evictionHard at all.
func defaultEvictionHard() map[string]string {
	return map[string]string{
		signalMemory:         "100Mi",
		signalNodeFS:         "10%",
		"nodefs.inodesFree":  "5%",
		"imagefs.available":  "15%",
		"imagefs.inodesFree": "5%",
	}
}

// threshold is a quantity, or a share of the capacity where quantity is nil.
type threshold struct {
	quantity *resource.Quantity
	// share is a float32, as in the kubelet, so that rounding is the same to the byte.
	share float32
}

var errThreshold = errors.New("which is neither a quantity above 0 such as 100Mi nor a percentage from 0% to 100%")

// parseThreshold reads a threshold as the kubelet does: 0% and 100% turn a signal off.
func parseThreshold(value string) (threshold, error) {
	number, isShare := strings.CutSuffix(value, "%")
	if !isShare {
		quantity, err := resource.ParseQuantity(value)
		if err != nil || quantity.Sign() <= 0 {
			return threshold{}, errThreshold
		}
		return threshold{quantity: &quantity}, nil
	}
	if number == "0" || number == "100" {
		return threshold{}, nil
	}
	share, err := strconv.ParseFloat(number, 32)
	if err != nil || !(share >= 0 && share <= 100) {
		return threshold{}, errThreshold
	}
	return threshold{share: float32(share) / 100}, nil
}

// of returns the threshold in the unit of capacity, rounded down to a whole as the kubelet does.
func (t threshold) of(capacity resource.Quantity) resource.Quantity {
	if t.quantity != nil {
		return t.quantity.DeepCopy()
	}
	return bytes(int64(float64(capacity.Value()) * float64(t.share)))
}
