package cloudprovider

import (
	"context"
	"errors"
	"fmt"
	"slices"

	"github.com/samber/lo"
	corev1 "k8s.io/api/core/v1"
	apierrors "k8s.io/apimachinery/pkg/api/errors"
	"k8s.io/apimachinery/pkg/types"
	"k8s.io/apimachinery/pkg/util/sets"
	karpv1 "sigs.k8s.io/karpenter/pkg/apis/v1"
	karpenter "sigs.k8s.io/karpenter/pkg/cloudprovider"
	"sigs.k8s.io/karpenter/pkg/scheduling"

	v1 "github.com/karpenter-kubeadm/karpenter-provider-aws/pkg/apis/v1"
	"github.com/karpenter-kubeadm/karpenter-provider-aws/pkg/instance"
)

// Why a node is no longer what its class says, in the AWS provider's words.
const (
	NodeClassDrift     karpenter.DriftReason = "NodeClassDrift"
	AMIDrift           karpenter.DriftReason = "AMIDrift"
	SecurityGroupDrift karpenter.DriftReason = "SecurityGroupDrift"
	SubnetDrift        karpenter.DriftReason = "SubnetDrift"

	notDrifted karpenter.DriftReason = ""
)

// IsDrifted says why claim's node is not what would be launched for its class now. What needs
// no call to EC2 is judged first. A claim whose pool or class is gone has not drifted.
func (c *CloudProvider) IsDrifted(ctx context.Context, claim *karpv1.NodeClaim) (karpenter.DriftReason, error) {
	class, err := c.classOfClaim(ctx, claim)
	if errors.Is(err, errNoClass) {
		return notDrifted, nil
	}
	if err != nil {
		return notDrifted, err
	}
	if reason := classDrift(claim, class); reason != notDrifted {
		return reason, nil
	}
	if reason, err := c.versionDrift(ctx, claim); reason != notDrifted || err != nil {
		return reason, err
	}
	all, err := c.Types.InstanceTypes(ctx, class)
	if err != nil {
		return notDrifted, fmt.Errorf("resolving instance types: %w", err)
	}
	reason, err := imageDrift(claim, class, findType(all, claim.Labels[corev1.LabelInstanceTypeStable]))
	if reason != notDrifted || err != nil {
		return reason, err
	}
	i, err := c.instance(ctx, claim.Status.ProviderID)
	if err != nil {
		return notDrifted, err
	}
	return networkDrift(i, class)
}

// classOfClaim goes by the pool, whose class may be another by now than when claim was made.
// Its error is errNoClass where there is no pool or no class.
func (c *CloudProvider) classOfClaim(ctx context.Context, claim *karpv1.NodeClaim) (*v1.EC2NodeClass, error) {
	name, ok := claim.Labels[karpv1.NodePoolLabelKey]
	if !ok {
		return nil, errNoClass
	}
	pool := &karpv1.NodePool{}
	err := c.Kube.Get(ctx, types.NamespacedName{Name: name}, pool)
	if apierrors.IsNotFound(err) {
		return nil, errNoClass
	}
	if err != nil {
		return nil, fmt.Errorf("reading NodePool %s: %w", name, err)
	}
	return c.classOfPool(ctx, pool)
}

// classDrift compares hashes, where both sides bear one of the same version.
func classDrift(claim *karpv1.NodeClaim, class *v1.EC2NodeClass) karpenter.DriftReason {
	ours, theirs := claim.Annotations, class.Annotations
	for _, key := range []string{v1.AnnotationEC2NodeClassHash, v1.AnnotationEC2NodeClassHashVersion} {
		if ours[key] == "" || theirs[key] == "" {
			return notDrifted
		}
	}
	if ours[v1.AnnotationEC2NodeClassHashVersion] != theirs[v1.AnnotationEC2NodeClassHashVersion] ||
		ours[v1.AnnotationEC2NodeClassHash] == theirs[v1.AnnotationEC2NodeClassHash] {
		return notDrifted
	}
	return NodeClassDrift
}

// imageDrift says whether a launch of type it would have another image now.
func imageDrift(claim *karpv1.NodeClaim, class *v1.EC2NodeClass, it *karpenter.InstanceType) (karpenter.DriftReason, error) {
	switch {
	case it == nil:
		return notDrifted, fmt.Errorf("instance type %q is not known", claim.Labels[corev1.LabelInstanceTypeStable])
	case len(class.Status.AMIs) == 0:
		return notDrifted, fmt.Errorf("the status of EC2NodeClass %s has no images", class.Name)
	case claim.Status.ImageID == "":
		return notDrifted, errors.New("the status of the NodeClaim has no image")
	}
	if image, ok := imageFor(it, class.Status.AMIs); !ok || image != claim.Status.ImageID {
		return AMIDrift, nil
	}
	return notDrifted, nil
}

// imageFor returns the first image that runs on it; images come newest first.
func imageFor(it *karpenter.InstanceType, images []v1.AMI) (string, bool) {
	image, ok := lo.Find(images, func(image v1.AMI) bool {
		return it.Requirements.IsCompatible(scheduling.NewNodeSelectorRequirements(image.Requirements...), scheduling.AllowUndefinedWellKnownLabels)
	})
	return image.ID, ok
}

// networkDrift compares where i is with where its class lets nodes be.
func networkDrift(i instance.Instance, class *v1.EC2NodeClass) (karpenter.DriftReason, error) {
	if len(class.Status.SecurityGroups) == 0 || len(class.Status.Subnets) == 0 {
		return notDrifted, fmt.Errorf("the status of EC2NodeClass %s has no security groups or no subnets", class.Name)
	}
	groups := sets.New(lo.Map(class.Status.SecurityGroups, func(g v1.SecurityGroup, _ int) string { return g.ID })...)
	if !groups.Equal(sets.New(i.SecurityGroupIDs...)) {
		return SecurityGroupDrift, nil
	}
	if !slices.ContainsFunc(class.Status.Subnets, func(s v1.Subnet) bool { return s.ID == i.SubnetID }) {
		return SubnetDrift, nil
	}
	return notDrifted, nil
}
