package nodeclass

import (
	"context"
	"errors"
	"fmt"
	"strings"
	"time"

	v1 "github.com/karpenter-kubeadm/karpenter-provider-aws/pkg/apis/v1"
	"github.com/karpenter-kubeadm/karpenter-provider-aws/pkg/providers/identity"
)

// instanceProfile owns InstanceProfileReady.
func (c *Controller) instanceProfile(ctx context.Context, class *v1.EC2NodeClass) (time.Duration, error) {
	if class.Spec.InstanceProfile != nil {
		return c.namedProfile(ctx, class, *class.Spec.InstanceProfile)
	}
	return c.managedProfile(ctx, class)
}

// namedProfile judges a profile of the user's. Where it may not or cannot be looked at it is
// taken on trust: a launch with a profile that does not exist is refused by EC2.
func (c *Controller) namedProfile(ctx context.Context, class *v1.EC2NodeClass, name string) (time.Duration, error) {
	class.Status.InstanceProfile = name
	if c.config.IsolatedVPC {
		c.conditions(class).SetTrue(v1.ConditionTypeInstanceProfileReady)
		return 0, nil
	}
	profile, err := c.Profiles.Get(ctx, name)
	switch {
	case errors.Is(err, identity.ErrNotFound):
		c.conditions(class).SetFalse(v1.ConditionTypeInstanceProfileReady, ReasonInstanceProfileNotFound, fmt.Sprintf(
			"spec.instanceProfile %q does not exist in IAM; create it or correct the name", name))
		return missingAgain, nil
	case errors.Is(err, identity.ErrDenied):
		c.conditions(class).SetTrue(v1.ConditionTypeInstanceProfileReady)
		return profileAgain, nil
	case err != nil:
		return 0, c.trouble(class, v1.ConditionTypeInstanceProfileReady, err)
	case profile.Role == "":
		c.conditions(class).SetFalse(v1.ConditionTypeInstanceProfileReady, ReasonInstanceProfileHasNoRole, fmt.Sprintf(
			"spec.instanceProfile %q holds no role; add the role of the nodes to it", name))
		return missingAgain, nil
	}
	c.conditions(class).SetTrue(v1.ConditionTypeInstanceProfileReady)
	return profileAgain, nil
}

// managedProfile makes a profile for spec.role. One that already holds the role, whoever
// made it, is kept: nodes use it. When the role changes a new one is made, since nodes keep
// the old one until they are replaced; it goes with the class.
func (c *Controller) managedProfile(ctx context.Context, class *v1.EC2NodeClass) (time.Duration, error) {
	if fits, err := c.holdsRole(ctx, class.Status.InstanceProfile, class.Spec.Role); err != nil {
		return 0, c.trouble(class, v1.ConditionTypeInstanceProfileReady, err)
	} else if fits {
		c.conditions(class).SetTrue(v1.ConditionTypeInstanceProfileReady)
		return profileAgain, nil
	}
	name := class.InstanceProfileName(c.config.ClusterName, c.config.Region)
	err := c.Profiles.Ensure(ctx, identity.Wanted{
		Name: name,
		Path: class.InstanceProfilePath(c.config.ClusterName, c.config.Region),
		Role: class.Spec.Role,
		Tags: class.InstanceProfileTags(c.config.ClusterName, c.config.Region),
	})
	var missing *identity.RoleNotFoundError
	switch {
	case errors.As(err, &missing):
		c.conditions(class).SetFalse(v1.ConditionTypeInstanceProfileReady, ReasonRoleNotFound, fmt.Sprintf(
			"spec.role %q does not exist in IAM; create it or correct the name", class.Spec.Role))
		return missingAgain, nil
	case err != nil:
		return 0, c.trouble(class, v1.ConditionTypeInstanceProfileReady, err)
	}
	class.Status.InstanceProfile = name
	c.conditions(class).SetTrue(v1.ConditionTypeInstanceProfileReady)
	return profileAgain, nil
}

// holdsRole reports whether the profile called name exists and holds role.
func (c *Controller) holdsRole(ctx context.Context, name, role string) (bool, error) {
	if name == "" {
		return false, nil
	}
	profile, err := c.Profiles.Get(ctx, name)
	if errors.Is(err, identity.ErrNotFound) {
		return false, nil
	}
	return err == nil && profile.Role == role[strings.LastIndex(role, "/")+1:], err
}
