package arena

import (
	"context"
	"fmt"
	"strconv"

	corev1 "k8s.io/api/core/v1"
	metav1 "k8s.io/apimachinery/pkg/apis/meta/v1"
	"k8s.io/utils/ptr"
	karpv1 "sigs.k8s.io/karpenter/pkg/apis/v1"

	v1 "github.com/karpenter-kubeadm/karpenter-provider-aws/pkg/apis/v1"
	"github.com/karpenter-kubeadm/karpenter-provider-aws/test/awsfake"
	"github.com/karpenter-kubeadm/karpenter-provider-aws/test/awsfake/catalogue"
	"github.com/karpenter-kubeadm/karpenter-provider-aws/test/bench/measure"
)

// ClassName is the NodeClass that every pool uses.
const ClassName = "bench"

// CreateClass creates the NodeClass: the bench's own user data or, for a subject that is Own,
// what the subject renders for Ubuntu.
func (a *Arena) CreateClass(ctx context.Context) error {
	class := &v1.EC2NodeClass{ObjectMeta: metav1.ObjectMeta{Name: ClassName}, Spec: v1.EC2NodeClassSpec{
		AMIFamily: ptr.To("Custom"), UserData: &a.userData, InstanceProfile: ptr.To(awsfake.NodeProfile),
		AMISelectorTerms:           []v1.AMISelectorTerm{{Name: a.image, Owner: "self"}},
		SubnetSelectorTerms:        []v1.SubnetSelectorTerm{{Tags: map[string]string{"karpenter.sh/discovery": "true"}}},
		SecurityGroupSelectorTerms: []v1.SecurityGroupSelectorTerm{{Tags: map[string]string{"karpenter.sh/discovery": "true"}}},
	}}
	if a.Subject.Own {
		class.Spec.AMIFamily, class.Spec.UserData = ptr.To("Ubuntu"), nil
	}
	if err := a.Admin.Create(ctx, class); err != nil {
		return fmt.Errorf("creating the EC2NodeClass: %w", err)
	}
	return nil
}

// Pool is what scenarios change of a NodePool.
type Pool struct {
	Name         string
	CPUs         []int // that types may have; empty is any up to 16
	CapacityType string
	// Labels go to its nodes.
	Labels map[string]string
	// Consolidation is the policy; empty lets nodes be.
	Consolidation karpv1.ConsolidationPolicy
}

// Matches reports whether the pool takes types like t. It is what requirements says.
func (p Pool) Matches(t catalogue.Type) bool {
	family := t.Name[:1]
	if family != "c" && family != "m" && family != "r" || t.BareMetal || t.Accelerator.Count > 0 {
		return false
	}
	for _, n := range p.cpus() {
		if int(t.VCPUs) == n {
			return true
		}
	}
	return false
}

func (p Pool) cpus() []int {
	if len(p.CPUs) > 0 {
		return p.CPUs
	}
	return []int{2, 4, 8, 16}
}

// Offers are the nodes that could be bought for the pool, at on-demand prices. They are at
// least those that the requirements allow, so that a bound on their cost holds.
func (p Pool) Offers() []measure.Offer {
	var offers []measure.Offer
	for _, t := range catalogue.Types() {
		price, sold := catalogue.Price(Region, t.Name)
		if sold && p.Matches(t) {
			offers = append(offers, measure.Offer{CPU: float64(t.VCPUs), Memory: float64(t.MemoryMiB) * (1 << 20), Price: price})
		}
	}
	return offers
}

func (p Pool) requirements() []karpv1.NodeSelectorRequirementWithMinValues {
	cpus := make([]string, 0, len(p.cpus()))
	for _, n := range p.cpus() {
		cpus = append(cpus, strconv.Itoa(n))
	}
	var out []karpv1.NodeSelectorRequirementWithMinValues
	for _, r := range []struct {
		key    string
		values []string
	}{
		{karpv1.CapacityTypeLabelKey, []string{p.CapacityType}},
		{corev1.LabelArchStable, []string{"amd64"}},
		{"karpenter.k8s.aws/instance-category", []string{"c", "m", "r"}},
		{"karpenter.k8s.aws/instance-cpu", cpus},
	} {
		out = append(out, karpv1.NodeSelectorRequirementWithMinValues{Key: r.key, Operator: corev1.NodeSelectorOpIn, Values: r.values})
	}
	return append(out, karpv1.NodeSelectorRequirementWithMinValues{
		Key: "karpenter.k8s.aws/instance-generation", Operator: corev1.NodeSelectorOpGt, Values: []string{"2"},
	})
}

// CreatePool creates a NodePool whose disruption budget is everything.
func (a *Arena) CreatePool(ctx context.Context, p Pool) error {
	pool := &karpv1.NodePool{ObjectMeta: metav1.ObjectMeta{Name: p.Name}}
	pool.Spec.Template.Labels = p.Labels
	pool.Spec.Template.Spec = karpv1.NodeClaimTemplateSpec{
		NodeClassRef: &karpv1.NodeClassReference{Group: "karpenter.k8s.aws", Kind: "EC2NodeClass", Name: ClassName},
		Requirements: p.requirements(), ExpireAfter: karpv1.MustParseNillableDuration("Never"),
	}
	pool.Spec.Disruption = karpv1.Disruption{
		ConsolidationPolicy: karpv1.ConsolidationPolicyWhenEmptyOrUnderutilized, ConsolidateAfter: karpv1.MustParseNillableDuration("Never"),
		Budgets: []karpv1.Budget{{Nodes: "100%"}},
	}
	if p.Consolidation != "" {
		pool.Spec.Disruption.ConsolidationPolicy, pool.Spec.Disruption.ConsolidateAfter = p.Consolidation, karpv1.MustParseNillableDuration("1s")
	}
	if err := a.Admin.Create(ctx, pool); err != nil {
		return fmt.Errorf("creating NodePool %s: %w", p.Name, err)
	}
	return nil
}
