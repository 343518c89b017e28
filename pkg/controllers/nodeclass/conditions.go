package nodeclass

import (
	"errors"

	"github.com/awslabs/operatorpkg/status"

	v1 "github.com/karpenter-kubeadm/karpenter-provider-aws/pkg/apis/v1"
)

// Reasons of conditions that are not True. Alerts of users compare those that the AWS
// provider has too; the second part is our own.
const (
	ReasonAMINotFound                    = "AMINotFound"
	ReasonUnsupportedAlias               = "UnsupportedAlias"
	ReasonSubnetsNotFound                = "SubnetsNotFound"
	ReasonSecurityGroupsNotFound         = "SecurityGroupsNotFound"
	ReasonPlacementGroupResolutionFailed = "PlacementGroupResolutionFailed"
	ReasonInstanceProfileNotFound        = "InstanceProfileNotFound"
	ReasonInvalidKubelet                 = "InvalidKubeletConfiguration"
	ReasonKubeletExpressions             = "KubeletExpressionsDisabled"
	ReasonTagValidationFailed            = "TagValidationFailed"
	ReasonUserDataTooLarge               = "UserDataSizeLimitExceeded"
	ReasonDependenciesNotReady           = "DependenciesNotReady"
	ReasonCreateLaunchTemplateDenied     = "CreateLaunchTemplateAuthCheckFailed"
	ReasonCreateFleetDenied              = "CreateFleetAuthCheckFailed"
	ReasonRunInstancesDenied             = "RunInstancesAuthCheckFailed"

	ReasonRoleNotFound                = "RoleNotFound"
	ReasonInstanceProfileHasNoRole    = "InstanceProfileHasNoRole"
	ReasonInvalidSpec                 = "InvalidSpec"
	ReasonKubeletVersionSkew          = "KubeletVersionSkew"
	ReasonCapacityReservationsUnready = "CapacityReservationsNotSupported"
	// ReasonCallFailed is for what may pass by itself.
	ReasonCallFailed = "CallFailed"
)

func (c *Controller) conditions(class *v1.EC2NodeClass) status.ConditionSet {
	return class.StatusConditions(status.WithClock(c.Clock))
}

// trouble records that a condition could not be judged because of err, and returns err. A
// condition that is True of the present spec stays.
func (c *Controller) trouble(class *v1.EC2NodeClass, condition string, err error) error {
	set := c.conditions(class)
	if current := set.Get(condition); current.IsTrue() && current.ObservedGeneration == class.Generation {
		return err
	}
	set.SetUnknownWithReason(condition, ReasonCallFailed, advice(err))
	return err
}

// advice is the text of err that stays the same from one attempt to the next and says what
// to do, where err has one.
func advice(err error) string {
	var adviser interface{ Advice() string }
	if errors.As(err, &adviser) {
		return adviser.Advice()
	}
	return err.Error()
}
