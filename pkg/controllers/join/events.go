package join

import (
	"fmt"
	"time"

	corev1 "k8s.io/api/core/v1"
	karpv1 "sigs.k8s.io/karpenter/pkg/apis/v1"
	"sigs.k8s.io/karpenter/pkg/events"
)

// joinOverdue tells which step on the way to a ready node has not happened, and how long it has been
// awaited. Sent once for each step and claim in ten minutes.
func joinOverdue(claim *karpv1.NodeClaim, missing step, waited time.Duration) events.Event {
	return events.Event{
		InvolvedObject: claim,
		Type:           corev1.EventTypeWarning,
		Reason:         "NodeJoinOverdue",
		Message:        fmt.Sprintf("Node is not ready %s after its launch: %s", waited.Round(time.Second), missing.message),
		DedupeValues:   []string{string(claim.UID), missing.reason},
		DedupeTimeout:  10 * time.Minute,
	}
}

// instanceEnded tells why a claim is deleted.
func instanceEnded(claim *karpv1.NodeClaim, missing step) events.Event {
	return events.Event{
		InvolvedObject: claim,
		Type:           corev1.EventTypeWarning,
		Reason:         "InstanceEndedBeforeJoin",
		Message:        fmt.Sprintf("Deleted, since its instance ended before its node registered: %s", missing.message),
		DedupeValues:   []string{string(claim.UID)},
	}
}
