package cloudprovider

import (
	"maps"

	"github.com/samber/lo"
	karpv1 "sigs.k8s.io/karpenter/pkg/apis/v1"
	"sigs.k8s.io/karpenter/pkg/apis/v1alpha1"

	v1 "github.com/karpenter-kubeadm/karpenter-provider-aws/pkg/apis/v1"
	"github.com/karpenter-kubeadm/karpenter-provider-aws/pkg/cluster"
	"github.com/karpenter-kubeadm/karpenter-provider-aws/pkg/providers/launch"
)

// addressesPerNode is how many of a subnet's addresses a node takes with an overlay
// network, whose pods have none of them. It only weighs one subnet against another.
const addressesPerNode = 1

func newRequest(claim *karpv1.NodeClaim, class *v1.EC2NodeClass, where cluster.Cluster, groups []launch.Group, capacityType string) launch.Request {
	request := launch.Request{
		Claim:        claim.UID,
		Class:        class.Name,
		ClusterUID:   where.UID,
		CapacityType: capacityType,
		Tags:         tags(claim, class, where.Name),
		Prioritized:  claim.Annotations[v1alpha1.PriceOverlayAppliedAnnotationKey] != "",
		Groups:       groups,
		Subnets:      class.Status.Subnets,
		Addresses:    addressesPerNode,
	}
	// A claim whose minValues were relaxed is not what the context was made for.
	if claim.Annotations[karpv1.NodeClaimMinValuesRelaxedAnnotationKey] != "true" {
		request.Context = lo.FromPtr(class.Spec.Context)
	}
	return request
}

// tags are those that the AWS provider sets, which IAM policies compare: they win over the
// user's.
func tags(claim *karpv1.NodeClaim, class *v1.EC2NodeClass, clusterName string) map[string]string {
	all := maps.Clone(class.Spec.Tags)
	if all == nil {
		all = map[string]string{}
	}
	all[v1.ClusterTagKey(clusterName)] = "owned"
	all[v1.EKSClusterNameTagKey] = clusterName
	all[v1.NodePoolTagKey] = claim.Labels[karpv1.NodePoolLabelKey]
	all[v1.NodeClassTagKey] = class.Name
	return all
}

// newTemplate is what l's instances have in common, but for the user data.
func newTemplate(o order, l lot, reservedCapacity bool) launch.Template {
	spec := o.class.Spec
	return launch.Template{
		ImageID:              l.image,
		InstanceProfile:      o.class.Status.InstanceProfile,
		SecurityGroupIDs:     lo.Map(o.class.Status.SecurityGroups, func(g v1.SecurityGroup, _ int) string { return g.ID }),
		BlockDevices:         o.class.Disks(),
		Metadata:             spec.MetadataOptions,
		NetworkInterfaces:    spec.NetworkInterfaces,
		ConnectionTracking:   spec.ConnectionTracking,
		CPU:                  spec.CPUOptions,
		EFAs:                 l.efas,
		PublicIP:             spec.AssociatePublicIPAddress,
		IPPrefixes:           spec.IPPrefixCount,
		IPv6:                 o.cluster.DNS.Is6(),
		DetailedMonitoring:   lo.FromPtr(spec.DetailedMonitoring),
		Enclaves:             spec.EnclaveOptions != nil && spec.EnclaveOptions.Enabled,
		Tenancy:              o.choice.tenancy,
		OptOutOfReservations: reservedCapacity,
	}
}
