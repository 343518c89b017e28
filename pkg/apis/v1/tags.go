package v1

import (
	"maps"

	corev1 "k8s.io/api/core/v1"
	karpv1 "sigs.k8s.io/karpenter/pkg/apis/v1"

	"github.com/karpenter-kubeadm/karpenter-provider-aws/pkg/apis"
)

// Tags of AWS resources. IAM policies written for the AWS provider compare the first five.
const (
	NameTagKey           = "Name"
	NodePoolTagKey       = karpv1.NodePoolLabelKey
	NodeClaimTagKey      = "karpenter.sh/nodeclaim"
	NodeClassTagKey      = LabelNodeClass
	EKSClusterNameTagKey = "eks:eks-cluster-name"
	// ClusterUIDTagKey holds the UID of the cluster's kube-system namespace, which tells
	// clusters of one name apart. Set when an instance is created.
	ClusterUIDTagKey = apis.Group + "/cluster-uid"
	// LaunchClaimsTagKey says which NodeClaims a launch was for. Set when an instance is
	// created, so that a launch whose answer was lost can be found again.
	LaunchClaimsTagKey = apis.Group + "/launch-claims"
	// LaunchTemplateNamePrefix begins the name of every launch template of ours, before a slash.
	LaunchTemplateNamePrefix = apis.Group
)

// ClusterTagKey is the tag with which a cluster owns a resource; its value is "owned".
func ClusterTagKey(clusterName string) string { return "kubernetes.io/cluster/" + clusterName }

// InstanceProfileTags are the tags of an instance profile that is made for the class: the
// user's own, and over them those that say whose it is.
func (in *EC2NodeClass) InstanceProfileTags(clusterName, region string) map[string]string {
	tags := maps.Clone(in.Spec.Tags)
	if tags == nil {
		tags = map[string]string{}
	}
	tags[ClusterTagKey(clusterName)] = "owned"
	tags[EKSClusterNameTagKey] = clusterName
	tags[NodeClassTagKey] = in.Name
	tags[corev1.LabelTopologyRegion] = region
	return tags
}
