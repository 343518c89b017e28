package nodeclass

import (
	"context"
	"errors"
	"fmt"
	"regexp"
	"time"

	"github.com/samber/lo"
	"sigs.k8s.io/controller-runtime/pkg/client"
	"sigs.k8s.io/controller-runtime/pkg/controller/controllerutil"
	karpv1 "sigs.k8s.io/karpenter/pkg/apis/v1"

	v1 "github.com/karpenter-kubeadm/karpenter-provider-aws/pkg/apis/v1"
	"github.com/karpenter-kubeadm/karpenter-provider-aws/pkg/kube"
	"github.com/karpenter-kubeadm/karpenter-provider-aws/pkg/providers/identity"
)

// claimsAgain is when the event about NodeClaims that hold a class is repeated. Their
// deletion is watched, so nothing waits for it.
const claimsAgain = 10 * time.Minute

// profileName is what IAM takes for a name. A cluster name can make the legacy name of a
// profile impossible, and then there was none.
var profileName = regexp.MustCompile(`^[\w+=,.@-]{1,128}$`)

// finalize removes what was made in AWS for class once no NodeClaim is of it, and lets it go.
func (c *Controller) finalize(ctx context.Context, class *v1.EC2NodeClass) (time.Duration, error) {
	if !controllerutil.ContainsFinalizer(class, v1.TerminationFinalizer) {
		return 0, nil
	}
	claims, err := claimsOf(ctx, c.Kube, class)
	if err != nil {
		return 0, err
	}
	if len(claims) > 0 {
		c.Recorder.Publish(waitingForClaims(class, lo.Map(claims, func(claim karpv1.NodeClaim, _ int) string { return claim.Name })))
		return claimsAgain, nil
	}
	if err := c.deleteProfiles(ctx, class); err != nil {
		return 0, err
	}
	if err := c.Templates.DeleteAll(ctx, class); err != nil {
		return 0, fmt.Errorf("deleting launch templates: %w", err)
	}
	before := class.DeepCopy()
	controllerutil.RemoveFinalizer(class, v1.TerminationFinalizer)
	return 0, kube.Patch(ctx, c.Kube, before, class)
}

// deleteProfiles deletes the instance profiles that were made for class, by any version. A
// controller that may not even look at IAM has made none, so a class which brings its own
// profile is not held up by that.
func (c *Controller) deleteProfiles(ctx context.Context, class *v1.EC2NodeClass) error {
	if c.config.IsolatedVPC {
		return nil
	}
	names, err := c.Profiles.List(ctx, class.InstanceProfilePath(c.config.ClusterName, c.config.Region))
	if errors.Is(err, identity.ErrDenied) && class.Spec.InstanceProfile != nil {
		return nil
	}
	if err != nil {
		return err
	}
	if legacy := class.LegacyInstanceProfileName(c.config.ClusterName, c.config.Region); profileName.MatchString(legacy) {
		names = append(names, legacy)
	}
	for _, name := range names {
		if err := c.Profiles.Delete(ctx, name); err != nil {
			return err
		}
	}
	return nil
}

// claimsOf returns the NodeClaims of class. It reads through the index on the class's name
// that Karpenter core keeps.
func claimsOf(ctx context.Context, kube client.Reader, class *v1.EC2NodeClass) ([]karpv1.NodeClaim, error) {
	claims := &karpv1.NodeClaimList{}
	if err := kube.List(ctx, claims, client.MatchingFields{"spec.nodeClassRef.name": class.Name}); err != nil {
		return nil, fmt.Errorf("listing NodeClaims of EC2NodeClass %s: %w", class.Name, err)
	}
	return lo.Filter(claims.Items, func(claim karpv1.NodeClaim, _ int) bool { return refers(&claim) }), nil
}
