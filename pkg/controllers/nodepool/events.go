package nodepool

import (
	"time"

	corev1 "k8s.io/api/core/v1"
	karpv1 "sigs.k8s.io/karpenter/pkg/apis/v1"
	"sigs.k8s.io/karpenter/pkg/events"
)

// repeat keeps the event young enough to be seen: Kubernetes forgets events after an hour.
const repeat = 30 * time.Minute

// nothingToLaunch tells the owner of pool what is in the way. Sent once in half an hour for
// the same fault.
func nothingToLaunch(pool *karpv1.NodePool, f fault) events.Event {
	return events.Event{
		InvolvedObject: pool,
		Type:           corev1.EventTypeWarning,
		Reason:         f.reason,
		Message:        f.message,
		DedupeValues:   []string{string(pool.UID), f.message},
		DedupeTimeout:  repeat,
	}
}
