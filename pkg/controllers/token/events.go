package token

import (
	"time"

	corev1 "k8s.io/api/core/v1"
	karpv1 "sigs.k8s.io/karpenter/pkg/apis/v1"
	"sigs.k8s.io/karpenter/pkg/events"

	v1 "github.com/karpenter-kubeadm/karpenter-provider-aws/pkg/apis/v1"
	"github.com/karpenter-kubeadm/karpenter-provider-aws/pkg/providers/token"
)

// reminder is how long a warning that stays true is not sent again.
const reminder = time.Hour

// tokenUndelivered tells that a node cannot join yet for want of its token, and why. Sent
// once for each claim and cause in two minutes.
func tokenUndelivered(claim *karpv1.NodeClaim, err error) events.Event {
	return events.Event{
		InvolvedObject: claim,
		Type:           corev1.EventTypeWarning,
		Reason:         "BootstrapTokenUndelivered",
		Message:        "The node has no bootstrap token to join with yet: " + err.Error(),
		DedupeValues:   []string{string(claim.UID), err.Error()},
	}
}

// tokenUnavailable tells who looks at class that none of its nodes can be launched or joins.
func tokenUnavailable(class *v1.EC2NodeClass, err error) events.Event {
	return events.Event{
		InvolvedObject: class,
		Type:           corev1.EventTypeWarning,
		Reason:         "NoBootstrapToken",
		Message:        "Nodes have no bootstrap token to join with: " + err.Error(),
		DedupeValues:   []string{string(class.UID), err.Error()},
	}
}

// tokenDoubtful tells who looks at class what is wrong with the tokens of its nodes. Sent
// once an hour.
func tokenDoubtful(class *v1.EC2NodeClass, warning token.Warning) events.Event {
	return events.Event{
		InvolvedObject: class,
		Type:           corev1.EventTypeWarning,
		Reason:         warning.Reason,
		Message:        warning.Message,
		DedupeValues:   []string{string(class.UID), warning.Reason, warning.Message},
		DedupeTimeout:  reminder,
	}
}
