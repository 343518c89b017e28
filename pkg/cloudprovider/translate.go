package cloudprovider

import (
	"errors"
	"fmt"

	karpenter "sigs.k8s.io/karpenter/pkg/cloudprovider"

	"github.com/karpenter-kubeadm/karpenter-provider-aws/pkg/instance"
	"github.com/karpenter-kubeadm/karpenter-provider-aws/pkg/join"
	"github.com/karpenter-kubeadm/karpenter-provider-aws/pkg/providers/inventory"
	"github.com/karpenter-kubeadm/karpenter-provider-aws/pkg/providers/launch"
)

// Reasons of the Launched condition that are ours; those of EC2's refusals come with them.
const (
	reasonOutcomeUnknown = "LaunchOutcomeUnknown"
	reasonUserData       = "UserDataInvalid"
	reasonUserDataSize   = "UserDataSizeLimitExceeded"
	reasonNoToken        = "NoJoinToken"
	reasonNoImage        = "AMINotFound"
)

// translate gives err the type that Karpenter acts on. Only InsufficientCapacity,
// NodeClassNotReady and NodeClaimNotFound delete a claim or drop its finalizer, so
// anything that is not recognised stays retryable.
func translate(err error) error {
	if e, ok := errors.AsType[*launch.CapacityError](err); ok {
		return karpenter.NewInsufficientCapacityError(e)
	}
	if e, ok := errors.AsType[*launch.RefusedError](err); ok {
		return karpenter.NewCreateError(err, e.Reason, e.Message)
	}
	if e, ok := errors.AsType[*launch.UncertainError](err); ok {
		return karpenter.NewCreateError(err, reasonOutcomeUnknown, e.Error())
	}
	if e, ok := errors.AsType[*stepError](err); ok {
		return karpenter.NewCreateError(err, e.reason, e.Error())
	}
	if e, ok := errors.AsType[*join.SizeError](err); ok {
		return karpenter.NewCreateError(err, reasonUserDataSize, e.Error())
	}
	if e, ok := errors.AsType[*join.SpecError](err); ok {
		return karpenter.NewCreateError(err, reasonUserData, e.Error())
	}
	if e, ok := errors.AsType[*inventory.RefusedError](err); ok {
		return karpenter.NewNodeRebootFailedError(e)
	}
	// An instance of another cluster is none of ours, whatever a claim says.
	if _, foreign := errors.AsType[*inventory.ForeignError](err); foreign || errors.Is(err, instance.ErrNotFound) {
		return karpenter.NewNodeClaimNotFoundError(err)
	}
	return err
}

// stepError is a step of Create that cannot be taken now. reason is for the condition.
type stepError struct {
	reason string
	step   string
	err    error
}

func (e *stepError) Error() string { return fmt.Sprintf("%s: %v", e.step, e.err) }
func (e *stepError) Unwrap() error { return e.err }
