package operator

import (
	"context"
	"fmt"

	"k8s.io/apimachinery/pkg/types"
	"sigs.k8s.io/controller-runtime/pkg/client"
	karpv1 "sigs.k8s.io/karpenter/pkg/apis/v1"

	"github.com/karpenter-kubeadm/karpenter-provider-aws/pkg/apis"
	"github.com/karpenter-kubeadm/karpenter-provider-aws/pkg/instance"
)

// claims reads the NodeClaims of our classes for those who may not know the API server.
type claims struct {
	// kube must read from the API server itself: to a cache that is a moment behind, an instance
	// that the last leader gave to one claim seems free, and another claim would take it.
	kube client.Reader
}

// Owned returns the instances that NodeClaims name.
func (c claims) Owned(ctx context.Context) (map[instance.ID]bool, error) {
	all, err := c.list(ctx)
	if err != nil {
		return nil, err
	}
	owned := map[instance.ID]bool{}
	for _, claim := range all {
		if id, err := instance.ParseProviderID(claim.Status.ProviderID); err == nil {
			owned[id] = true
		}
	}
	return owned, nil
}

// unlaunched returns the claims that name no instance.
func (c claims) unlaunched(ctx context.Context) ([]types.UID, error) {
	all, err := c.list(ctx)
	if err != nil {
		return nil, err
	}
	var uids []types.UID
	for _, claim := range all {
		if claim.Status.ProviderID == "" {
			uids = append(uids, claim.UID)
		}
	}
	return uids, nil
}

func (c claims) list(ctx context.Context) ([]karpv1.NodeClaim, error) {
	var all karpv1.NodeClaimList
	if err := c.kube.List(ctx, &all); err != nil {
		return nil, fmt.Errorf("listing NodeClaims: %w", err)
	}
	var ours []karpv1.NodeClaim
	for _, claim := range all.Items {
		if ref := claim.Spec.NodeClassRef; ref != nil && ref.Group == apis.Group {
			ours = append(ours, claim)
		}
	}
	return ours, nil
}
