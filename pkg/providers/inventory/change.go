package inventory

import (
	"context"
	"fmt"
	"maps"
	"slices"
	"strings"

	"github.com/aws/aws-sdk-go-v2/aws"
	"github.com/aws/aws-sdk-go-v2/service/ec2"
	ec2types "github.com/aws/aws-sdk-go-v2/service/ec2/types"
	"github.com/samber/lo"
	"sigs.k8s.io/controller-runtime/pkg/log"

	v1 "github.com/karpenter-kubeadm/karpenter-provider-aws/pkg/apis/v1"
	awserrors "github.com/karpenter-kubeadm/karpenter-provider-aws/pkg/aws"
	"github.com/karpenter-kubeadm/karpenter-provider-aws/pkg/batch"
	"github.com/karpenter-kubeadm/karpenter-provider-aws/pkg/instance"
)

// ForeignError says that an instance bears the UID of another cluster, and was not touched.
type ForeignError struct {
	ID  instance.ID
	UID string // of the cluster that it belongs to
}

// Error names both.
func (e *ForeignError) Error() string {
	return fmt.Sprintf("instance %s belongs to the cluster with kube-system UID %s and is left alone; give clusters in one account different names", e.ID, e.UID)
}

// own returns an instance that this cluster may change.
func (p *Provider) own(ctx context.Context, id instance.ID) (instance.Instance, error) {
	c, err := p.cluster(ctx)
	if err != nil {
		return instance.Instance{}, err
	}
	i, err := p.Get(ctx, id)
	if err != nil {
		return instance.Instance{}, err
	}
	if foreign(i, c.UID) {
		return instance.Instance{}, &ForeignError{ID: id, UID: i.Tags[v1.ClusterUIDTagKey]}
	}
	return i, nil
}

// Terminate has EC2 end an instance, and returns before it has. It does nothing to one that
// is on its way out already. Its error is instance.ErrNotFound when there is none, and
// *ForeignError when another cluster's UID is on it.
func (p *Provider) Terminate(ctx context.Context, id instance.ID) error {
	i, err := p.own(ctx, id)
	if err != nil {
		return err
	}
	if i.State.Gone() {
		return nil
	}
	if _, err := p.terminates.Do(ctx, struct{}{}, id); err != nil {
		terminationFailures.Inc(map[string]string{labelZone.Name: i.Pool.Zone, labelZoneID.Name: i.ZoneID})
		return err
	}
	log.FromContext(ctx).Info("terminating instance", "instance", id, "instance-type", i.Pool.InstanceType, "zone", i.Pool.Zone)
	return nil
}

// terminate halves a batch that EC2 refuses for an id that it does not know, until the id
// stands alone: EC2 ends all of a call's instances or none.
func (p *Provider) terminate(ctx context.Context, key struct{}, ids []instance.ID) []batch.Result[struct{}] {
	_, err := p.API.TerminateInstances(ctx, &ec2.TerminateInstancesInput{InstanceIds: unique(ids)})
	results := make([]batch.Result[struct{}], len(ids))
	switch {
	case err == nil:
		return results
	case awserrors.IsNotFound(err) && len(ids) > 1:
		half := len(ids) / 2
		return append(p.terminate(ctx, key, ids[:half]), p.terminate(ctx, key, ids[half:])...)
	}
	for n, id := range ids {
		results[n].Err = fmt.Errorf("terminating instance: %w", notFound(id, err))
	}
	return results
}

// Tag puts tags on an instance. It refuses keys that the IAM policy of the AWS provider
// does not allow on a running instance, which would be denied there.
func (p *Provider) Tag(ctx context.Context, id instance.ID, tags map[string]string) error {
	allowed := []string{v1.NameTagKey, v1.NodeClaimTagKey, v1.EKSClusterNameTagKey}
	keys := slices.Sorted(maps.Keys(tags))
	if refused := lo.Without(keys, allowed...); len(refused) > 0 {
		return fmt.Errorf("tagging instance %s: %s may not be set after launch", id, strings.Join(refused, ", "))
	}
	if _, err := p.own(ctx, id); err != nil {
		return err
	}
	_, err := p.API.CreateTags(ctx, &ec2.CreateTagsInput{
		Resources: []string{string(id)},
		Tags: lo.Map(keys, func(key string, _ int) ec2types.Tag {
			return ec2types.Tag{Key: aws.String(key), Value: aws.String(tags[key])}
		}),
	})
	if err != nil {
		return fmt.Errorf("tagging instance: %w", notFound(id, err))
	}
	return nil
}

// Reboot has EC2 restart an instance, and returns before it has. *RefusedError says that no
// retry helps.
func (p *Provider) Reboot(ctx context.Context, id instance.ID) error {
	if _, err := p.own(ctx, id); err != nil {
		return err
	}
	if _, err := p.API.RebootInstances(ctx, &ec2.RebootInstancesInput{InstanceIds: []string{string(id)}}); err != nil {
		if awserrors.IsUnauthorized(err) {
			return fmt.Errorf("rebooting instance %s: %w", id, &RefusedError{Err: err})
		}
		return fmt.Errorf("rebooting instance: %w", notFound(id, err))
	}
	log.FromContext(ctx).Info("rebooting instance", "instance", id)
	return nil
}

// RefusedError says that the controller may not do something. No retry helps until a
// person has changed its IAM policy.
type RefusedError struct{ Err error }

// Error is what EC2 answered.
func (e *RefusedError) Error() string { return e.Err.Error() }

// Unwrap returns what EC2 answered.
func (e *RefusedError) Unwrap() error { return e.Err }

// notFound makes EC2's word for an absent instance ours, and keeps EC2's.
func notFound(id instance.ID, err error) error {
	if awserrors.IsNotFound(err) {
		return fmt.Errorf("%s: %w: %w", id, instance.ErrNotFound, err)
	}
	return fmt.Errorf("%s: %w", id, err)
}
