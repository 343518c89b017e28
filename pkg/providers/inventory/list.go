package inventory

import (
	"cmp"
	"context"
	"fmt"
	"maps"
	"slices"

	v1 "github.com/karpenter-kubeadm/karpenter-provider-aws/pkg/apis/v1"
	"github.com/karpenter-kubeadm/karpenter-provider-aws/pkg/cluster"
	"github.com/karpenter-kubeadm/karpenter-provider-aws/pkg/instance"
)

// sweep is all instances under the cluster's name, told apart by the UID they bear.
type sweep struct{ ours, foreign []instance.Instance }

// List returns the instances that Karpenter launched for this cluster and that are not
// terminated, in no state older than a few seconds. Those without a UID, which the AWS
// provider launched or versions before there was one, are taken for ours by name. The
// slice and what it holds are shared and read-only.
func (p *Provider) List(ctx context.Context) ([]instance.Instance, error) {
	s, err := p.sweep(ctx)
	return s.ours, err
}

// Foreign returns the instances that another cluster of the same name launched. The slice
// is shared and read-only.
func (p *Provider) Foreign(ctx context.Context) ([]instance.Instance, error) {
	s, err := p.sweep(ctx)
	return s.foreign, err
}

// Launches returns the instances that bear this cluster's UID, those that are terminated
// included while EC2 shows them, which is about an hour; at most a second old. The slice
// is shared and read-only.
func (p *Provider) Launches(ctx context.Context) ([]instance.Instance, error) {
	c, err := p.cluster(ctx)
	if err != nil {
		return nil, err
	}
	return p.launches.GetOrLoad(ctx, c.UID, func(ctx context.Context) ([]instance.Instance, error) {
		found, err := p.describe(ctx, filter("tag:"+v1.ClusterUIDTagKey, c.UID))
		return sorted(found), err
	})
}

func (p *Provider) sweep(ctx context.Context) (sweep, error) {
	c, err := p.cluster(ctx)
	if err != nil {
		return sweep{}, err
	}
	return p.sweeps.GetOrLoad(ctx, c.UID, func(ctx context.Context) (sweep, error) {
		found, err := p.describe(ctx,
			filter("tag-key", v1.NodePoolTagKey),
			filter("tag-key", v1.NodeClassTagKey),
			filter("tag:"+v1.EKSClusterNameTagKey, c.Name),
			filter("instance-state-name", string(instance.StatePending), string(instance.StateRunning),
				string(instance.StateStopping), string(instance.StateStopped), string(instance.StateShuttingDown)),
		)
		var s sweep
		for _, i := range sorted(found) {
			if foreign(i, c.UID) {
				s.foreign = append(s.foreign, i)
			} else {
				s.ours = append(s.ours, i)
			}
		}
		return s, err
	})
}

// foreign reports whether i says that it belongs to another cluster than the one with uid.
func foreign(i instance.Instance, uid string) bool {
	tag, ok := i.Tags[v1.ClusterUIDTagKey]
	return ok && tag != uid
}

// cluster refuses to go on without knowing which cluster this is: everything here depends
// on telling it from others.
func (p *Provider) cluster(ctx context.Context) (cluster.Cluster, error) {
	c, err := p.Clusters.Get(ctx)
	if err != nil {
		return cluster.Cluster{}, fmt.Errorf("reading which cluster this is: %w", err)
	}
	if c.UID == "" || c.Name == "" {
		return cluster.Cluster{}, fmt.Errorf("cluster %q has UID %q: both are needed to tell its instances from others", c.Name, c.UID)
	}
	return c, nil
}

func sorted(found map[instance.ID]instance.Instance) []instance.Instance {
	return slices.SortedFunc(maps.Values(found), func(a, b instance.Instance) int { return cmp.Compare(a.ID, b.ID) })
}
