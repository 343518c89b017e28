package garbagecollection

import (
	"time"

	karpv1 "sigs.k8s.io/karpenter/pkg/apis/v1"

	v1 "github.com/karpenter-kubeadm/karpenter-provider-aws/pkg/apis/v1"
	"github.com/karpenter-kubeadm/karpenter-provider-aws/pkg/instance"
	"github.com/karpenter-kubeadm/karpenter-provider-aws/pkg/providers/launch"
)

// grace is how old an instance must be before the lack of a NodeClaim means anything: its
// launch may have returned a moment ago. The AWS provider takes the same.
const grace = 30 * time.Second

// verdict is what is to become of an instance.
type verdict int

const (
	keep   verdict = iota
	report         // nothing shows whose it is
	end
)

// claims is what the verdicts are judged by.
type claims struct {
	owned   map[instance.ID]bool // named by a NodeClaim's providerID
	waiting []*karpv1.NodeClaim  // have no instance yet, and are not being deleted
}

func newClaims(all []karpv1.NodeClaim) claims {
	c := claims{owned: map[instance.ID]bool{}}
	for n := range all {
		claim := &all[n]
		if id, err := instance.ParseProviderID(claim.Status.ProviderID); err == nil {
			c.owned[id] = true
		} else if claim.Status.ProviderID == "" && claim.DeletionTimestamp.IsZero() {
			c.waiting = append(c.waiting, claim)
		}
	}
	return c
}

// judge says what is to become of i, which is of this cluster by name.
func (c claims) judge(i instance.Instance, now time.Time, adoptUntagged bool) verdict {
	switch {
	case c.owned[i.ID], i.State.Gone(), now.Sub(i.Launched) < grace, c.awaits(i):
		return keep
	case i.Tags[v1.ClusterUIDTagKey] == "" && !adoptUntagged:
		return report
	default:
		return end
	}
}

// awaits reports whether i was launched for a claim that may still adopt it.
func (c claims) awaits(i instance.Instance) bool {
	for _, claim := range c.waiting {
		if launch.Names(i.Tags[v1.LaunchClaimsTagKey], claim.UID) {
			return true
		}
	}
	return false
}
