package launch

import (
	"context"
	"errors"

	v1 "github.com/karpenter-kubeadm/karpenter-provider-aws/pkg/apis/v1"
)

// RefreshTemplates learns which launch templates the cluster with this UID has, and
// deletes those whose user data has expired: no launch can use them.
func (p *Provider) RefreshTemplates(ctx context.Context, clusterUID string) error {
	return p.templates.refresh(ctx, clusterUID)
}

// DeleteTemplates deletes all launch templates that were made for a class of the cluster
// with this UID. Instances that were started from them are not affected.
func (p *Provider) DeleteTemplates(ctx context.Context, clusterUID, class string) error {
	found, err := p.templates.list(ctx, map[string]string{v1.ClusterUIDTagKey: clusterUID, v1.NodeClassTagKey: class})
	if err != nil {
		return err
	}
	var errs []error
	for _, template := range found {
		errs = append(errs, p.templates.remove(ctx, template))
	}
	return errors.Join(errs...)
}
