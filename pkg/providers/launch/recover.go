package launch

import (
	"cmp"
	"context"
	"fmt"
	"slices"

	"sigs.k8s.io/controller-runtime/pkg/log"

	v1 "github.com/karpenter-kubeadm/karpenter-provider-aws/pkg/apis/v1"
	"github.com/karpenter-kubeadm/karpenter-provider-aws/pkg/instance"
)

// recover looks for an instance that was launched for req's claim though nobody knows. It
// reports false without an error when there certainly is none, and the claim may be launched.
func (p *Provider) recover(ctx context.Context, req Request, f fate) (instance.Instance, bool, error) {
	// Judged before looking: what a look misses that began inside the window may exist.
	open := p.Clock.Now().Before(f.until)
	named, err := p.named(ctx, req)
	if err != nil {
		return instance.Instance{}, false, err
	}
	alive := slices.DeleteFunc(slices.Clone(named), func(i instance.Instance) bool { return i.State.Gone() })
	if i, ok := p.ledger.adopt(req.Claim, alive); ok {
		log.FromContext(ctx).Info("adopted instance that an earlier launch started", "instance", i.ID, "instance-type", i.Pool.InstanceType, "zone", i.Pool.Zone)
		return i, true, nil
	}
	if open {
		return instance.Instance{}, false, &UncertainError{Claim: req.Claim, Until: f.until, Err: f.cause}
	}
	if len(named) > len(alive) {
		// The launch is known to have worked, and what it started to be gone: the same token
		// would be answered with the same dead instance.
		p.ledger.failed(req.Claim)
		return instance.Instance{}, false, nil
	}
	p.ledger.settle(req.Claim)
	return instance.Instance{}, false, nil
}

// named returns the instances whose launch was for req's claim, among others perhaps, and
// that no other NodeClaim has; the same order each time.
func (p *Provider) named(ctx context.Context, req Request) ([]instance.Instance, error) {
	launches, err := p.Finder.Launches(ctx)
	if err != nil {
		return nil, fmt.Errorf("looking for an instance of this NodeClaim: %w", err)
	}
	owned, err := p.Claims.Owned(ctx)
	if err != nil {
		return nil, fmt.Errorf("reading which instances NodeClaims have: %w", err)
	}
	named := slices.DeleteFunc(slices.Clone(launches), func(i instance.Instance) bool {
		return owned[i.ID] || i.Tags[v1.ClusterUIDTagKey] != req.ClusterUID || !Names(i.Tags[v1.LaunchClaimsTagKey], req.Claim)
	})
	slices.SortFunc(named, func(a, b instance.Instance) int { return cmp.Compare(a.ID, b.ID) })
	return named, nil
}
