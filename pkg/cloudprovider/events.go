package cloudprovider

import (
	"errors"
	"fmt"

	corev1 "k8s.io/api/core/v1"
	"k8s.io/apimachinery/pkg/runtime"
	"k8s.io/apimachinery/pkg/types"
	karpv1 "sigs.k8s.io/karpenter/pkg/apis/v1"
	"sigs.k8s.io/karpenter/pkg/events"

	"github.com/karpenter-kubeadm/karpenter-provider-aws/pkg/providers/inventory"
	"github.com/karpenter-kubeadm/karpenter-provider-aws/pkg/providers/launch"
)

// classNotFound tells the owner of a NodePool or NodeClaim that its class is not there.
func classNotFound(object runtime.Object, uid types.UID, class string) events.Event {
	return events.Event{
		InvolvedObject: object,
		Type:           corev1.EventTypeWarning,
		Reason:         "NodeClassNotFound",
		Message:        fmt.Sprintf("EC2NodeClass %q does not exist or is being deleted", class),
		DedupeValues:   []string{string(uid)},
	}
}

// noSpotRole tells the owner of claim that spot needs a step by a person.
func noSpotRole(claim *karpv1.NodeClaim) events.Event {
	return events.Event{
		InvolvedObject: claim,
		Type:           corev1.EventTypeWarning,
		Reason:         "SpotServiceLinkedRoleMissing",
		Message:        "Spot cannot be launched: the account has no service-linked role for it and the controller may not create it; run 'aws iam create-service-linked-role --aws-service-name spot.amazonaws.com'",
		DedupeValues:   []string{string(claim.UID)},
	}
}

// foreignInstance tells the owner of claim that its instance is another cluster's.
func foreignInstance(claim *karpv1.NodeClaim, err error) events.Event {
	return events.Event{
		InvolvedObject: claim,
		Type:           corev1.EventTypeWarning,
		Reason:         "InstanceOfAnotherCluster",
		Message:        err.Error(),
		DedupeValues:   []string{string(claim.UID)},
	}
}

// reportRefusal publishes what a person must know of a failed launch beyond the error.
func (c *CloudProvider) reportRefusal(claim *karpv1.NodeClaim, err error) {
	if e, ok := errors.AsType[*launch.CapacityError](err); ok && e.NoSpotRole {
		c.Recorder.Publish(noSpotRole(claim))
	}
}

// reportForeign does so for an instance that was left alone.
func (c *CloudProvider) reportForeign(claim *karpv1.NodeClaim, err error) {
	if e, ok := errors.AsType[*inventory.ForeignError](err); ok {
		c.Recorder.Publish(foreignInstance(claim, e))
	}
}
