package operator

import (
	"context"
	"time"

	"k8s.io/apimachinery/pkg/types"
	"k8s.io/apimachinery/pkg/util/wait"
	"sigs.k8s.io/controller-runtime/pkg/log"
	"sigs.k8s.io/controller-runtime/pkg/manager"

	"github.com/karpenter-kubeadm/karpenter-provider-aws/pkg/providers/launch"
)

// recovery tells the launcher, once this process leads, which claims an earlier leader may
// have launched without recording it. Until then nothing is launched.
type recovery struct {
	claims   claims
	launcher *launch.Provider
}

var (
	_ manager.Runnable               = (*recovery)(nil)
	_ manager.LeaderElectionRunnable = (*recovery)(nil)
)

// NeedLeaderElection has the manager start it when this process leads.
func (r *recovery) NeedLeaderElection() bool { return true }

// Start returns when the launcher knows, or when ctx ends.
func (r *recovery) Start(ctx context.Context) error {
	found, ok := r.find(ctx)
	if !ok {
		return nil // the process is told to stop
	}
	r.launcher.Begin(found)
	if len(found) > 0 {
		log.FromContext(ctx).Info("found NodeClaims that an earlier process may have launched; looking for their instances first", "count", len(found))
	}
	return nil
}

// find lists the claims once the API server lets it; it is false when ctx ends before.
func (r *recovery) find(ctx context.Context) (found []types.UID, ok bool) {
	known := func(ctx context.Context) (bool, error) {
		var err error
		if found, err = r.claims.unlaunched(ctx); err != nil {
			log.FromContext(ctx).Error(err, "nothing is launched before the NodeClaims without an instance are known")
		}
		return err == nil, nil
	}
	err := wait.PollUntilContextCancel(ctx, time.Second, true, known)
	return found, err == nil
}
