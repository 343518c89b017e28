package nodeclass

import (
	"context"
	"errors"
	"fmt"
	"slices"
	"strings"
	"time"

	"github.com/awslabs/operatorpkg/status"
	"github.com/samber/lo"
	"sigs.k8s.io/controller-runtime/pkg/log"

	v1 "github.com/karpenter-kubeadm/karpenter-provider-aws/pkg/apis/v1"
	"github.com/karpenter-kubeadm/karpenter-provider-aws/pkg/providers/ami"
)

// images owns AMIsReady.
func (c *Controller) images(ctx context.Context, class *v1.EC2NodeClass) (time.Duration, error) {
	images, err := c.Images.List(ctx, class)
	var none *ami.NotFoundError
	var unsupported *ami.UnsupportedAliasError
	switch {
	case errors.As(err, &none):
		class.Status.AMIs = nil
		c.conditions(class).SetFalse(v1.ConditionTypeAMIsReady, ReasonAMINotFound, fmt.Sprintf(
			"no image for %s in region %s: %s; %s", imageField(class), c.config.Region, none, imageRemedy(class)))
		return missingAgain, nil
	case errors.As(err, &unsupported):
		class.Status.AMIs = nil
		c.conditions(class).SetFalse(v1.ConditionTypeAMIsReady, ReasonUnsupportedAlias, imageField(class)+": "+unsupported.Error())
		return imagesAgain, nil // the cluster's version may change
	case err != nil:
		return 0, c.trouble(class, v1.ConditionTypeAMIsReady, fmt.Errorf("finding images: %w", err))
	}
	logChange(ctx, "found images", imageIDs(class.Status.AMIs), imageIDs(images))
	class.Status.AMIs = images
	c.conditions(class).SetTrue(v1.ConditionTypeAMIsReady)
	return imagesAgain, nil
}

// imageField is where in the spec the images come from.
func imageField(class *v1.EC2NodeClass) string {
	if len(class.Spec.AMISelectorTerms) == 0 {
		return fmt.Sprintf("spec.amiFamily %q", class.AMIFamily())
	}
	return "spec.amiSelectorTerms"
}

func imageRemedy(class *v1.EC2NodeClass) string {
	if len(class.Spec.AMISelectorTerms) == 0 {
		return "name an image in spec.amiSelectorTerms"
	}
	return "correct the terms, or make the image available to this account in this region"
}

// subnets owns SubnetsReady.
func (c *Controller) subnets(ctx context.Context, class *v1.EC2NodeClass) (time.Duration, error) {
	subnets, err := c.Network.Subnets(ctx, class)
	if err != nil {
		return 0, c.trouble(class, v1.ConditionTypeSubnetsReady, fmt.Errorf("finding subnets: %w", err))
	}
	if len(subnets) == 0 {
		class.Status.Subnets = nil
		c.conditions(class).SetFalse(v1.ConditionTypeSubnetsReady, ReasonSubnetsNotFound, fmt.Sprintf(
			"no subnet matches %s in region %s; tag a subnet so or correct the selector",
			selector("spec.subnetSelectorTerms", lo.Map(class.Spec.SubnetSelectorTerms, func(t v1.SubnetSelectorTerm, _ int) string {
				return match(t.ID, "", t.Tags)
			})), c.config.Region))
		return missingAgain, nil
	}
	subnetID := func(s v1.Subnet, _ int) string { return s.ID }
	logChange(ctx, "found subnets", lo.Map(class.Status.Subnets, subnetID), lo.Map(subnets, subnetID))
	class.Status.Subnets = subnets
	c.conditions(class).SetTrue(v1.ConditionTypeSubnetsReady)
	return subnetsAgain, nil
}

// securityGroups owns SecurityGroupsReady.
func (c *Controller) securityGroups(ctx context.Context, class *v1.EC2NodeClass) (time.Duration, error) {
	groups, err := c.Network.SecurityGroups(ctx, class)
	if err != nil {
		return 0, c.trouble(class, v1.ConditionTypeSecurityGroupsReady, fmt.Errorf("finding security groups: %w", err))
	}
	if len(groups) == 0 {
		class.Status.SecurityGroups = nil
		c.conditions(class).SetFalse(v1.ConditionTypeSecurityGroupsReady, ReasonSecurityGroupsNotFound, fmt.Sprintf(
			"no security group matches %s in region %s; tag a security group so or correct the selector",
			selector("spec.securityGroupSelectorTerms", lo.Map(class.Spec.SecurityGroupSelectorTerms, func(t v1.SecurityGroupSelectorTerm, _ int) string {
				return match(t.ID, t.Name, t.Tags)
			})), c.config.Region))
		return missingAgain, nil
	}
	groupID := func(g v1.SecurityGroup, _ int) string { return g.ID }
	logChange(ctx, "found security groups", lo.Map(class.Status.SecurityGroups, groupID), lo.Map(groups, groupID))
	class.Status.SecurityGroups = groups
	c.conditions(class).SetTrue(v1.ConditionTypeSecurityGroupsReady)
	return groupsAgain, nil
}

// placementGroup owns PlacementGroupReady.
func (c *Controller) placementGroup(_ context.Context, class *v1.EC2NodeClass) (time.Duration, error) {
	if class.Spec.PlacementGroupSelector == nil {
		c.conditions(class).SetTrue(v1.ConditionTypePlacementGroupReady)
		return 0, nil
	}
	c.conditions(class).SetFalse(v1.ConditionTypePlacementGroupReady, ReasonPlacementGroupResolutionFailed,
		"spec.placementGroupSelector is not supported by this version; remove it")
	return 0, nil
}

// capacityReservations owns CapacityReservationsReady, which a class bears only while it
// selects reservations.
func (c *Controller) capacityReservations(_ context.Context, class *v1.EC2NodeClass) (time.Duration, error) {
	const condition = v1.ConditionTypeCapacityReservationsReady
	borne := slices.ContainsFunc(class.Status.Conditions, func(c status.Condition) bool { return c.Type == condition })
	if len(class.Spec.CapacityReservationSelectorTerms) == 0 {
		if borne {
			class.Status.Conditions = lo.Reject(class.Status.Conditions, func(c status.Condition, _ int) bool { return c.Type == condition })
		}
		return 0, nil
	}
	if !borne {
		class.Status.Conditions = append(class.Status.Conditions, status.Condition{Type: condition})
	}
	c.conditions(class).SetFalse(condition, ReasonCapacityReservationsUnready,
		"spec.capacityReservationSelectorTerms is not supported by this version; remove it to launch without reservations")
	return 0, nil
}

// selector lists terms by their place in the spec.
func selector(field string, terms []string) string {
	return strings.Join(lo.Map(terms, func(term string, i int) string { return fmt.Sprintf("%s[%d].%s", field, i, term) }), " or ")
}

// match is one term as in the spec.
func match(id, name string, tags map[string]string) string {
	switch {
	case id != "":
		return fmt.Sprintf("id %q", id)
	case name != "":
		return fmt.Sprintf("name %q", name)
	default:
		return "tags{" + strings.Join(lo.Map(sortedKeys(tags), func(key string, _ int) string { return key + ": " + tags[key] }), ", ") + "}"
	}
}

func imageIDs(images []v1.AMI) []string {
	return lo.Uniq(lo.Map(images, func(image v1.AMI, _ int) string { return image.ID }))
}

// logChange logs what was found when it is not what was found before, in any order.
func logChange(ctx context.Context, what string, before, after []string) {
	if gone, came := lo.Difference(before, after); len(gone) > 0 || len(came) > 0 {
		log.FromContext(ctx).Info(what, "ids", after)
	}
}
