package nodeclass

import (
	"fmt"
	"slices"
	"strings"

	corev1 "k8s.io/api/core/v1"
	"sigs.k8s.io/karpenter/pkg/events"

	v1 "github.com/karpenter-kubeadm/karpenter-provider-aws/pkg/apis/v1"
)

// shown is how many names a message holds: enough to look for, few enough to read.
const shown = 5

// waitingForClaims tells why class is still there. Sent once for a class in two minutes.
func waitingForClaims(class *v1.EC2NodeClass, names []string) events.Event {
	slices.Sort(names)
	list := strings.Join(names[:min(shown, len(names))], ", ")
	if more := len(names) - shown; more > 0 {
		list += fmt.Sprintf(" and %d more", more)
	}
	return events.Event{
		InvolvedObject: class,
		Type:           corev1.EventTypeNormal,
		Reason:         "WaitingOnNodeClaimTermination",
		Message:        "waiting for the NodeClaims of this class to go: " + list,
		DedupeValues:   []string{string(class.UID)},
	}
}
