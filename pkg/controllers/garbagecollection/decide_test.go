package garbagecollection

import (
	"testing"
	"time"

	. "github.com/onsi/gomega"
	metav1 "k8s.io/apimachinery/pkg/apis/meta/v1"
	"k8s.io/apimachinery/pkg/types"
	karpv1 "sigs.k8s.io/karpenter/pkg/apis/v1"

	v1 "github.com/karpenter-kubeadm/karpenter-provider-aws/pkg/apis/v1"
	"github.com/karpenter-kubeadm/karpenter-provider-aws/pkg/instance"
	"github.com/karpenter-kubeadm/karpenter-provider-aws/pkg/providers/launch"
)

var now = time.Date(2026, 11, 24, 12, 0, 0, 0, time.UTC)

// orphan is an instance of this cluster that is old enough and that no claim has.
func orphan(change ...func(*instance.Instance)) instance.Instance {
	i := instance.Instance{
		ID: "i-0abc", State: instance.StateRunning, Launched: now.Add(-time.Minute),
		Tags: map[string]string{v1.ClusterUIDTagKey: "ours", v1.LaunchClaimsTagKey: launch.ClaimHash("a") + " " + launch.ClaimHash("b")},
	}
	for _, edit := range change {
		edit(&i)
	}
	return i
}

func claim(uid types.UID, providerID string, deleting bool) karpv1.NodeClaim {
	c := karpv1.NodeClaim{}
	c.UID, c.Status.ProviderID = uid, providerID
	if deleting {
		c.DeletionTimestamp = &metav1.Time{Time: now}
	}
	return c
}

func TestJudge(t *testing.T) {
	untagged := func(i *instance.Instance) { i.Tags = nil }
	for name, tc := range map[string]struct {
		instance      instance.Instance
		claims        []karpv1.NodeClaim
		adoptUntagged bool
		want          verdict
	}{
		"no claim has it":                                {instance: orphan(), want: end},
		"a claim has it":                                 {instance: orphan(), claims: []karpv1.NodeClaim{claim("a", "aws:///ap-northeast-2a/i-0abc", false)}, want: keep},
		"a claim that is being deleted has it":           {instance: orphan(), claims: []karpv1.NodeClaim{claim("a", "aws:///ap-northeast-2a/i-0abc", true)}, want: keep},
		"a claim that it was launched for waits":         {instance: orphan(), claims: []karpv1.NodeClaim{claim("b", "", false)}, want: keep},
		"that claim has another instance":                {instance: orphan(), claims: []karpv1.NodeClaim{claim("b", "aws:///ap-northeast-2a/i-0def", false)}, want: end},
		"that claim is being deleted without one":        {instance: orphan(), claims: []karpv1.NodeClaim{claim("b", "", true)}, want: end},
		"a claim that it was not launched for waits":     {instance: orphan(), claims: []karpv1.NodeClaim{claim("c", "", false)}, want: end},
		"it may have been launched a moment ago":         {instance: orphan(func(i *instance.Instance) { i.Launched = now.Add(-29 * time.Second) }), want: keep},
		"it is on its way out":                           {instance: orphan(func(i *instance.Instance) { i.State = instance.StateShuttingDown }), want: keep},
		"it is stopped":                                  {instance: orphan(func(i *instance.Instance) { i.State = instance.StateStopped }), want: end},
		"it does not say whose it is":                    {instance: orphan(untagged), want: report},
		"it does not, and the user says that it is ours": {instance: orphan(untagged), adoptUntagged: true, want: end},
		"it does not, but a claim has it":                {instance: orphan(untagged), claims: []karpv1.NodeClaim{claim("a", "aws:///ap-northeast-2a/i-0abc", false)}, want: keep},
	} {
		t.Run(name, func(t *testing.T) {
			NewWithT(t).Expect(newClaims(tc.claims).judge(tc.instance, now, tc.adoptUntagged)).To(Equal(tc.want))
		})
	}
}
