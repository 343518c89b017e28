package v1

import (
	"slices"

	"github.com/awslabs/operatorpkg/status"
)

// The conditions of an EC2NodeClass. Ready is true when all of these are.
const (
	ConditionTypeSubnetsReady              = "SubnetsReady"
	ConditionTypeSecurityGroupsReady       = "SecurityGroupsReady"
	ConditionTypeAMIsReady                 = "AMIsReady"
	ConditionTypeInstanceProfileReady      = "InstanceProfileReady"
	ConditionTypeCapacityReservationsReady = "CapacityReservationsReady"
	ConditionTypeValidationSucceeded       = "ValidationSucceeded"
	ConditionTypePlacementGroupReady       = "PlacementGroupReady"
)

// ConditionTypeUserDataSound is False when spec.userData holds what is likely a mistake. Ready
// does not count on it.
const ConditionTypeUserDataSound = "UserDataSound"

// StatusConditions returns the conditions with Ready computed from the others.
//
// CapacityReservationsReady counts on the classes that bear it: it is there only while
// reserved capacity is turned on, and a class cannot know what the controller was started with.
func (in *EC2NodeClass) StatusConditions(opts ...status.ForOption) status.ConditionSet {
	types := []string{
		ConditionTypeAMIsReady,
		ConditionTypeSubnetsReady,
		ConditionTypeSecurityGroupsReady,
		ConditionTypeInstanceProfileReady,
		ConditionTypeValidationSucceeded,
		ConditionTypePlacementGroupReady,
	}
	if slices.ContainsFunc(in.Status.Conditions, func(c status.Condition) bool {
		return c.Type == ConditionTypeCapacityReservationsReady
	}) {
		types = append(types, ConditionTypeCapacityReservationsReady)
	}
	return status.NewReadyConditions(types...).For(in, opts...)
}

// GetConditions is for the condition machinery.
func (in *EC2NodeClass) GetConditions() []status.Condition { return in.Status.Conditions }

// SetConditions is for the condition machinery.
func (in *EC2NodeClass) SetConditions(conditions []status.Condition) {
	in.Status.Conditions = conditions
}
