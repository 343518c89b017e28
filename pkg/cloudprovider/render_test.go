package cloudprovider

import (
	"errors"
	"testing"

	. "github.com/onsi/gomega"
	"github.com/samber/lo"
	corev1 "k8s.io/api/core/v1"
	karpv1 "sigs.k8s.io/karpenter/pkg/apis/v1"
	"sigs.k8s.io/karpenter/pkg/apis/v1alpha1"
	karpenter "sigs.k8s.io/karpenter/pkg/cloudprovider"
	"sigs.k8s.io/karpenter/pkg/scheduling"

	v1 "github.com/karpenter-kubeadm/karpenter-provider-aws/pkg/apis/v1"
	"github.com/karpenter-kubeadm/karpenter-provider-aws/pkg/cluster"
	"github.com/karpenter-kubeadm/karpenter-provider-aws/pkg/kubelet"
	"github.com/karpenter-kubeadm/karpenter-provider-aws/pkg/providers/launch"
)

func (p *parts) order(t *testing.T, class *v1.EC2NodeClass) order {
	t.Helper()
	chosen, err := choose(claimOf(), p.types, false)
	NewWithT(t).Expect(err).NotTo(HaveOccurred())
	return order{claim: claimOf(), class: class, cluster: p.cluster, choice: chosen}
}

func TestTypesThatStartAlikeShareATemplate(t *testing.T) {
	g, p := NewWithT(t), newParts(t)
	arm := typeOf("m6.large", 4, offer(zoneA, onDemand, 0.05))
	arm.Requirements[corev1.LabelArchStable] = armRequirement()
	p.types = append(p.types, typeOf("m5.large", 4, offer(zoneA, onDemand, 0.1)), typeOf("c5.large", 4, offer(zoneC, onDemand, 0.2)), arm)
	p.sizes["c5.large"] = kubelet.Sizes{MaxPods: 29}
	groups, err := p.provider().render(t.Context(), p.order(t, ubuntu("default")))
	g.Expect(err).NotTo(HaveOccurred())
	g.Expect(lo.Map(groups, func(group launch.Group, _ int) []string {
		return append([]string{group.Template.ImageID}, lo.Uniq(lo.Map(group.Offers, func(o launch.Offer, _ int) string { return o.Pool.InstanceType }))...)
	})).To(Equal([][]string{{"ami-1", "t3.small", "m5.large"}, {"ami-arm", "m6.large"}, {"ami-1", "c5.large"}}))
	for _, group := range groups {
		g.Expect(group.Template.UserData.Bytes()).NotTo(BeEmpty())
		g.Expect(group.Template.Expires).To(Equal(p.token.Expires))
	}
}

func TestATokenIsGotWhereItIsOfUse(t *testing.T) {
	for name, tc := range map[string]struct {
		family, userData string
		change           func(*parts)
		asked            int
		err              OmegaMatcher
	}{
		"a rendered family always needs one":               {family: v1.AMIFamilyUbuntu, asked: 1, err: BeNil()},
		"Custom does not":                                  {family: v1.AMIFamilyCustom, userData: "#!/bin/sh\n", err: BeNil()},
		"unless it has a place for it":                     {family: v1.AMIFamilyCustom, userData: "#!/bin/sh\nkubeadm join --token ${BOOTSTRAP_TOKEN}\n", asked: 1, err: BeNil()},
		"Custom is launched though none is to be had":      {family: v1.AMIFamilyCustom, userData: "#!/bin/sh\n", change: func(p *parts) { p.tokenErr = errors.New("no") }, err: BeNil()},
		"without one nothing is launched that needs it":    {family: v1.AMIFamilyUbuntu, change: func(p *parts) { p.tokenErr = errors.New("forbidden") }, asked: 1, err: MatchError(ContainSubstring("forbidden"))},
		"a machine that verifies by it waits for the mark": {family: v1.AMIFamilyCustom, userData: "#!/bin/sh\nkubeadm join --token ${BOOTSTRAP_TOKEN}\n", change: func(p *parts) { p.signed = false }, asked: 1, err: MatchError(ContainSubstring("bears no signature"))},
	} {
		t.Run(name, func(t *testing.T) {
			g, p := NewWithT(t), newParts(t)
			if tc.change != nil {
				tc.change(p)
			}
			class := ubuntu("default")
			class.Spec.AMIFamily, class.Spec.UserData = &tc.family, &tc.userData
			_, err := p.provider().render(t.Context(), p.order(t, class))
			g.Expect(err).To(tc.err)
			g.Expect(p.asked).To(Equal(tc.asked))
			if err != nil {
				g.Expect(core(translate(err))).To(Equal("retried: NoJoinToken"))
			}
		})
	}
}

func TestNoImageThatRunsIsSaid(t *testing.T) {
	g, p := NewWithT(t), newParts(t)
	class := ubuntu("default")
	class.Status.AMIs = []v1.AMI{image("ami-arm", "arm64")}
	_, err := p.provider().render(t.Context(), p.order(t, class))
	g.Expect(core(translate(err))).To(Equal("retried: AMINotFound"))
}

func TestTheUsersTagsDoNotOverrideThoseThatPoliciesCompare(t *testing.T) {
	g := NewWithT(t)
	class := ubuntu("default")
	class.Spec.Tags = map[string]string{"Environment": "dev", "karpenter.sh/nodepool": "stolen"}
	g.Expect(tags(claimOf(), class, "demo")).To(Equal(map[string]string{
		"Environment": "dev", "kubernetes.io/cluster/demo": "owned", "eks:eks-cluster-name": "demo",
		"karpenter.sh/nodepool": "workers", "karpenter.k8s.aws/ec2nodeclass": "default",
	}))
}

func TestTheRequestFollowsTheClaim(t *testing.T) {
	class := ubuntu("default")
	class.Spec.Context = lo.ToPtr("context-1")
	for name, tc := range map[string]struct {
		annotations map[string]string
		context     string
		prioritized bool
	}{
		"plain":                      {context: "context-1"},
		"prices are an overlay's":    {annotations: map[string]string{v1alpha1.PriceOverlayAppliedAnnotationKey: "true"}, context: "context-1", prioritized: true},
		"its minValues were relaxed": {annotations: map[string]string{karpv1.NodeClaimMinValuesRelaxedAnnotationKey: "true"}},
		"its minValues were not":     {annotations: map[string]string{karpv1.NodeClaimMinValuesRelaxedAnnotationKey: "false"}, context: "context-1"},
	} {
		t.Run(name, func(t *testing.T) {
			g := NewWithT(t)
			claim := claimOf()
			claim.Annotations = tc.annotations
			got := newRequest(claim, class, cluster.Cluster{Name: "demo", UID: "uid-1"}, nil, onDemand)
			g.Expect(got.Context).To(Equal(tc.context))
			g.Expect(got.Prioritized).To(Equal(tc.prioritized))
			g.Expect(got.ClusterUID).To(Equal("uid-1"))
			g.Expect(got.Claim).To(Equal(claim.UID))
		})
	}
}

func TestDisksAreTheClassesOrWhatItsFamilyStartsWith(t *testing.T) {
	own := []*v1.BlockDeviceMapping{{DeviceName: lo.ToPtr("/dev/sdz")}}
	for name, tc := range map[string]struct {
		family string
		own    []*v1.BlockDeviceMapping
		want   []string
	}{
		"the class's own":         {v1.AMIFamilyUbuntu, own, []string{"/dev/sdz"}},
		"Ubuntu's root":           {v1.AMIFamilyUbuntu, nil, []string{"/dev/sda1"}},
		"Amazon's root":           {v1.AMIFamilyAL2023, nil, []string{"/dev/xvda"}},
		"Bottlerocket's two":      {v1.AMIFamilyBottlerocket, nil, []string{"/dev/xvda", "/dev/xvdb"}},
		"what a custom image has": {v1.AMIFamilyCustom, nil, nil},
	} {
		t.Run(name, func(t *testing.T) {
			class := ubuntu("default")
			class.Spec.AMIFamily, class.Spec.BlockDeviceMappings = &tc.family, tc.own
			var got []string
			for _, d := range class.Disks() {
				got = append(got, *d.DeviceName)
			}
			NewWithT(t).Expect(got).To(Equal(tc.want))
		})
	}
}

func TestDryRunTriesTheCheapestTypeThatHasAnImage(t *testing.T) {
	g, p := NewWithT(t), newParts(t)
	arm := typeOf("a1.large", 2, offer(zoneA, onDemand, 0.001))
	arm.Requirements[corev1.LabelArchStable] = armRequirement()
	p.types = append(p.types, arm)
	class := ubuntu("default")
	class.Status.AMIs = []v1.AMI{image("ami-1", "amd64")}
	g.Expect(p.provider().DryRun(t.Context(), class)).To(Succeed())
	g.Expect(p.requests).To(HaveLen(1))
	g.Expect(p.requests[0].Groups[0].Offers[0].Pool.InstanceType).To(Equal("t3.small"))
	g.Expect(p.requests[0].Tags).To(HaveKeyWithValue("karpenter.sh/nodepool", Not(BeEmpty())))
	g.Expect(p.asked).To(BeZero(), "it needs no token")

	p.types = []*karpenter.InstanceType{}
	g.Expect(p.provider().DryRun(t.Context(), class)).To(Succeed(), "no type is no matter of permission")
}

func armRequirement() *scheduling.Requirement {
	return scheduling.NewRequirement(corev1.LabelArchStable, corev1.NodeSelectorOpIn, "arm64")
}
