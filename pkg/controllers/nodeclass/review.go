package nodeclass

import (
	"context"
	"strings"
	"time"

	corev1 "k8s.io/api/core/v1"
	"sigs.k8s.io/karpenter/pkg/events"

	v1 "github.com/karpenter-kubeadm/karpenter-provider-aws/pkg/apis/v1"
	"github.com/karpenter-kubeadm/karpenter-provider-aws/pkg/cluster"
	"github.com/karpenter-kubeadm/karpenter-provider-aws/pkg/join"
)

// review owns UserDataSound, which Ready does not count on: what it warns of may be meant.
func (c *Controller) review(ctx context.Context, class *v1.EC2NodeClass) (time.Duration, error) {
	where, err := c.Clusters.Get(ctx)
	if err != nil {
		return verdictAgain, nil //nolint:nilerr // validation reports it, and is tried again
	}
	set := c.conditions(class)
	if where.Mode != cluster.Kubeadm {
		return 0, set.Clear(v1.ConditionTypeUserDataSound)
	}
	warnings := join.Review(c.joinSpec(class, where))
	if len(warnings) == 0 {
		set.SetTrue(v1.ConditionTypeUserDataSound)
		return verdictAgain, nil
	}
	messages := make([]string, 0, len(warnings))
	for _, warning := range warnings {
		messages = append(messages, warning.Message)
	}
	set.SetFalse(v1.ConditionTypeUserDataSound, warnings[0].Reason, strings.Join(messages, "; "))
	return verdictAgain, nil
}

// announced has an event say what judge finds wrong, once each time that it finds another fault.
func (c *Controller) announced(condition string, judge step) step {
	return func(ctx context.Context, class *v1.EC2NodeClass) (time.Duration, error) {
		var before string
		if was := c.conditions(class).Get(condition); was != nil {
			before = was.Message
		}
		again, err := judge(ctx, class)
		if now := c.conditions(class).Get(condition); now.IsFalse() && now.Message != before {
			c.Recorder.Publish(events.Event{
				InvolvedObject: class, Type: corev1.EventTypeWarning, Reason: now.Reason, Message: now.Message,
				DedupeValues: []string{string(class.UID), now.Message},
			})
		}
		return again, err
	}
}
