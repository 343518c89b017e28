package nodeclass

import (
	"context"
	"encoding/json"
	"errors"
	"fmt"
	"maps"
	"slices"
	"strings"
	"time"

	"github.com/samber/lo"

	v1 "github.com/karpenter-kubeadm/karpenter-provider-aws/pkg/apis/v1"
	"github.com/karpenter-kubeadm/karpenter-provider-aws/pkg/cluster"
	"github.com/karpenter-kubeadm/karpenter-provider-aws/pkg/join"
)

// refusal is a Refusal of our own.
type refusal struct{ reason, message string }

func (r *refusal) Error() string                       { return r.message }
func (r *refusal) Condition() (reason, message string) { return r.reason, r.message }

// validation owns ValidationSucceeded: first what the spec says by itself, then, once all
// that it refers to was found, whether EC2 would let the controller launch it.
func (c *Controller) validation(ctx context.Context, class *v1.EC2NodeClass) (time.Duration, error) {
	for _, check := range []func(context.Context, *v1.EC2NodeClass) error{c.checkKubelet, c.checkTags, c.checkUserData, c.checkImages} {
		if err := check(ctx, class); err != nil {
			return c.judge(class, err)
		}
	}
	if waiting := c.waiting(class); len(waiting) > 0 {
		c.await(class, waiting)
		return 0, nil // what is waited for has its own time
	}
	return c.judge(class, c.dryRun(ctx, class))
}

// judge sets ValidationSucceeded to what err means.
func (c *Controller) judge(class *v1.EC2NodeClass, err error) (time.Duration, error) {
	var refused Refusal
	switch {
	case err == nil:
		c.conditions(class).SetTrue(v1.ConditionTypeValidationSucceeded)
		return verdictAgain, nil
	case errors.As(err, &refused):
		reason, message := refused.Condition()
		c.conditions(class).SetFalse(v1.ConditionTypeValidationSucceeded, reason, message)
		return refusalAgain, nil
	default:
		return 0, c.trouble(class, v1.ConditionTypeValidationSucceeded, err)
	}
}

// waiting lists the conditions without which nothing can be launched and which are not True.
func (c *Controller) waiting(class *v1.EC2NodeClass) []string {
	return lo.Reject([]string{
		v1.ConditionTypeAMIsReady, v1.ConditionTypeInstanceProfileReady, v1.ConditionTypeSecurityGroupsReady, v1.ConditionTypeSubnetsReady,
	}, func(condition string, _ int) bool { return c.conditions(class).Get(condition).IsTrue() })
}

// await says what is waited for. While none of it has failed the outcome is open.
func (c *Controller) await(class *v1.EC2NodeClass, waiting []string) {
	set := c.conditions(class)
	message := "waits for " + strings.Join(waiting, ", ")
	if slices.ContainsFunc(waiting, func(condition string) bool { return set.Get(condition).IsFalse() }) {
		set.SetFalse(v1.ConditionTypeValidationSucceeded, ReasonDependenciesNotReady, message)
		return
	}
	set.SetUnknownWithReason(v1.ConditionTypeValidationSucceeded, ReasonDependenciesNotReady, message)
}

func (c *Controller) checkKubelet(_ context.Context, class *v1.EC2NodeClass) error {
	faults := v1.ValidateKubelet(class.Spec.Kubelet)
	if len(faults) == 0 {
		return nil
	}
	reason := ReasonInvalidKubelet
	if lo.EveryBy(faults, func(f *v1.KubeletError) bool { return f.Expression }) {
		reason = ReasonKubeletExpressions
	}
	return &refusal{reason, strings.Join(lo.Map(faults, func(f *v1.KubeletError, _ int) string { return f.Error() }), "; ")}
}

// What AWS takes of tags. maxTags leaves room for those that Karpenter adds to a resource,
// of which there are at most ten.
const (
	maxTagKey, maxTagValue = 128, 256
	maxTags                = 40
)

// checkTags refuses tags that AWS or Karpenter reserves. The schema refuses most, but not
// in objects from before it did.
func (c *Controller) checkTags(_ context.Context, class *v1.EC2NodeClass) error {
	if n := len(class.Spec.Tags); n > maxTags {
		return &refusal{ReasonTagValidationFailed, fmt.Sprintf("spec.tags has %d entries and at most %d fit beside Karpenter's own; remove some", n, maxTags)}
	}
	for _, key := range sortedKeys(class.Spec.Tags) {
		if fault := tagFault(key, class.Spec.Tags[key]); fault != "" {
			return &refusal{ReasonTagValidationFailed, fmt.Sprintf("spec.tags[%s]: %s", key, fault)}
		}
	}
	return nil
}

func tagFault(key, value string) string {
	own := []string{v1.EKSClusterNameTagKey, v1.NodePoolTagKey, v1.NodeClaimTagKey, v1.NodeClassTagKey, v1.ClusterUIDTagKey, v1.LaunchClaimsTagKey}
	switch {
	case slices.Contains(own, key), strings.HasPrefix(key, v1.ClusterTagKey("")):
		return "this tag is set by Karpenter; remove it"
	case strings.HasPrefix(strings.ToLower(key), "aws:"):
		return "keys that begin with aws: are reserved by AWS; rename it"
	case len([]rune(key)) > maxTagKey:
		return fmt.Sprintf("keys have at most %d characters; shorten it", maxTagKey)
	case len([]rune(value)) > maxTagValue:
		return fmt.Sprintf("values have at most %d characters; shorten it", maxTagValue)
	}
	return ""
}

// checkUserData renders what a node of the class would run, with a stand-in for the token.
func (c *Controller) checkUserData(ctx context.Context, class *v1.EC2NodeClass) error {
	where, err := c.Clusters.Get(ctx)
	if err != nil {
		return fmt.Errorf("reading what nodes must know of the cluster: %w", err)
	}
	if where.Mode == cluster.EKS && class.AMIFamily() != v1.AMIFamilyCustom {
		return &refusal{ReasonInvalidSpec, fmt.Sprintf(
			"spec.amiFamily %q is not launched on EKS by this version, only Custom is; on a kubeadm cluster set BOOTSTRAP_MODE=kubeadm", class.AMIFamily())}
	}
	_, err = join.Render(c.joinSpec(class, where))
	var size *join.SizeError
	var skew *join.SkewError
	var spec *join.SpecError
	switch {
	case errors.As(err, &size):
		return &refusal{ReasonUserDataTooLarge, size.Error()}
	case errors.As(err, &skew):
		return &refusal{ReasonKubeletVersionSkew, skew.Error()}
	case errors.As(err, &spec):
		return &refusal{ReasonInvalidSpec, spec.Error()}
	case err != nil:
		return fmt.Errorf("rendering user data: %w", err)
	}
	return nil
}

// joinSpec is what a node of class would be rendered from, with a stand-in for the token.
func (c *Controller) joinSpec(class *v1.EC2NodeClass, where cluster.Cluster) join.Spec {
	return join.Spec{
		Family:             join.Family(class.AMIFamily()),
		Cluster:            where,
		Token:              join.Token{ID: "000000", Secret: "0000000000000000"},
		Region:             c.config.Region,
		Kubelet:            kubeletOf(class),
		InstanceStoreRAID0: lo.FromPtr(class.Spec.InstanceStorePolicy) == v1.InstanceStorePolicyRAID0,
		Sources:            c.config.Sources,
		Parameter:          c.config.TokenParameter,
		UserData:           lo.FromPtr(class.Spec.UserData),
	}
}

// kubeletOf is spec.kubelet as JSON, which checkKubelet has found to be some.
func kubeletOf(class *v1.EC2NodeClass) []byte {
	if len(class.Spec.Kubelet) == 0 {
		return nil
	}
	return lo.Must(json.Marshal(class.Spec.Kubelet))
}

func sortedKeys(m map[string]string) []string { return slices.Sorted(maps.Keys(m)) }
