package cloudprovider

import (
	"context"
	"errors"
	"time"

	karpv1 "sigs.k8s.io/karpenter/pkg/apis/v1"

	"github.com/karpenter-kubeadm/karpenter-provider-aws/pkg/instance"
)

// showUp is how long EC2 may not show an instance that exists. An answer of "not found" is
// believed only after it.
const showUp = 15 * time.Second

// Delete ends claim's instance. nil means that it was told to, NodeClaimNotFound that there
// is none any more; core calls until it gets that.
func (c *CloudProvider) Delete(ctx context.Context, claim *karpv1.NodeClaim) error {
	id, err := instance.ParseProviderID(claim.Status.ProviderID)
	if err != nil {
		return err
	}
	err = c.Inventory.Terminate(ctx, id)
	if errors.Is(err, instance.ErrNotFound) && c.isNew(claim) {
		return nil // EC2 may just not show it yet; giving the claim up now would leak the instance
	}
	if err != nil {
		c.reportForeign(claim, err)
		return translate(err)
	}
	return nil
}

// isNew reports whether claim was launched so recently that EC2 may not show it.
func (c *CloudProvider) isNew(claim *karpv1.NodeClaim) bool {
	launched := claim.StatusConditions().Get(karpv1.ConditionTypeLaunched)
	return launched.IsTrue() && c.Clock.Since(launched.LastTransitionTime.Time) < showUp
}

// Reboot restarts claim's instance. EC2 knows no operation ids; a repeated call is a
// repeated reboot, which core's controller guards against.
func (c *CloudProvider) Reboot(ctx context.Context, claim *karpv1.NodeClaim, _ string) error {
	id, err := instance.ParseProviderID(claim.Status.ProviderID)
	if err != nil {
		return err
	}
	if err := c.Inventory.Reboot(ctx, id); err != nil {
		return translate(err)
	}
	return nil
}
