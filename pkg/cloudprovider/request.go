package cloudprovider

import (
	"maps"

	"github.com/samber/lo"
	"k8s.io/apimachinery/pkg/api/resource"
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
		BlockDevices:         disks(o.class),
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

// disks are the class's, or what the family starts with. Package instancetype counts the
// same sizes as ephemeral storage.
func disks(class *v1.EC2NodeClass) []*v1.BlockDeviceMapping {
	if len(class.Spec.BlockDeviceMappings) > 0 {
		return class.Spec.BlockDeviceMappings
	}
	switch class.AMIFamily() {
	case v1.AMIFamilyCustom:
		return nil // what the image has
	case v1.AMIFamilyUbuntu:
		return []*v1.BlockDeviceMapping{disk("/dev/sda1", "20Gi")}
	case v1.AMIFamilyBottlerocket:
		return []*v1.BlockDeviceMapping{disk("/dev/xvda", "4Gi"), disk("/dev/xvdb", "20Gi")}
	case v1.AMIFamilyWindows2019, v1.AMIFamilyWindows2022, v1.AMIFamilyWindows2025:
		return []*v1.BlockDeviceMapping{disk("/dev/sda1", "50Gi")}
	default:
		return []*v1.BlockDeviceMapping{disk("/dev/xvda", "20Gi")}
	}
}

func disk(device, size string) *v1.BlockDeviceMapping {
	return &v1.BlockDeviceMapping{DeviceName: &device, EBS: &v1.BlockDevice{
		Encrypted: lo.ToPtr(true), VolumeType: lo.ToPtr("gp3"), VolumeSize: lo.ToPtr(resource.MustParse(size)),
	}}
}
