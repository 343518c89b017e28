package cloudprovider

import (
	"time"

	"github.com/samber/lo"
	corev1 "k8s.io/api/core/v1"
	"k8s.io/apimachinery/pkg/api/resource"
	metav1 "k8s.io/apimachinery/pkg/apis/meta/v1"
	karpv1 "sigs.k8s.io/karpenter/pkg/apis/v1"
	karpenter "sigs.k8s.io/karpenter/pkg/cloudprovider"
	"sigs.k8s.io/karpenter/pkg/utils/resources"

	v1 "github.com/karpenter-kubeadm/karpenter-provider-aws/pkg/apis/v1"
	"github.com/karpenter-kubeadm/karpenter-provider-aws/pkg/cluster"
	"github.com/karpenter-kubeadm/karpenter-provider-aws/pkg/instance"
)

// toNodeClaim returns i in Karpenter's words. Capacity and the labels of the type are left
// out where it is nil. An instance that is on its way out bears now as its deletion time.
func toNodeClaim(i instance.Instance, it *karpenter.InstanceType, now time.Time) *karpv1.NodeClaim {
	claim := &karpv1.NodeClaim{}
	claim.Labels = typeLabels(it)
	claim.Labels[corev1.LabelInstanceTypeStable] = i.Pool.InstanceType
	claim.Labels[corev1.LabelTopologyZone] = i.Pool.Zone
	claim.Labels[karpv1.CapacityTypeLabelKey] = i.Pool.CapacityType
	setIfKnown(claim.Labels, v1.LabelTopologyZoneID, i.ZoneID)
	setIfKnown(claim.Labels, v1.LabelInstanceTenancy, i.Tenancy)
	setIfKnown(claim.Labels, v1.LabelCapacityReservationID, i.Pool.ReservationID)
	setIfKnown(claim.Labels, karpv1.NodePoolLabelKey, i.Tags[v1.NodePoolTagKey])
	claim.Annotations = map[string]string{}
	claim.CreationTimestamp = metav1.Time{Time: i.Launched}
	if i.State.Gone() {
		claim.DeletionTimestamp = &metav1.Time{Time: now}
	}
	claim.Status.ProviderID = i.ProviderID()
	claim.Status.ImageID = i.ImageID
	if it != nil {
		claim.Status.Capacity = advertised(it.Capacity, i)
		claim.Status.Allocatable = advertised(it.Allocatable(), i)
	}
	return claim
}

// typeLabels are the requirements of it that have one value. Those of reservations are not
// the type's: they depend on which of its offerings was launched.
func typeLabels(it *karpenter.InstanceType) map[string]string {
	labels := map[string]string{}
	if it == nil {
		return labels
	}
	for key, req := range it.Requirements {
		switch key {
		case v1.LabelCapacityReservationID, v1.LabelCapacityReservationType, v1.LabelCapacityReservationInterruptible:
			continue
		}
		if req.Len() == 1 {
			labels[key] = req.Any()
		}
	}
	return labels
}

func setIfKnown(labels map[string]string, key, value string) {
	if value != "" {
		labels[key] = value
	}
}

// advertised leaves out what is zero, and fabric adapters that i was not given.
func advertised(list corev1.ResourceList, i instance.Instance) corev1.ResourceList {
	return lo.PickBy(list, func(name corev1.ResourceName, q resource.Quantity) bool {
		return !resources.IsZero(q) && (name != v1.ResourceEFA || i.EFA)
	})
}

// annotated adds what drift is judged by later.
func annotated(claim *karpv1.NodeClaim, class *v1.EC2NodeClass, where cluster.Cluster) *karpv1.NodeClaim {
	claim.Annotations[v1.AnnotationEC2NodeClassHash] = class.Hash(where.CA)
	claim.Annotations[v1.AnnotationEC2NodeClassHashVersion] = v1.HashVersion
	claim.Annotations[v1.AnnotationInstanceProfile] = class.Status.InstanceProfile
	if where.Mode == cluster.Kubeadm {
		claim.Annotations[v1.AnnotationKubernetesVersion] = where.Version.String()
	}
	return claim
}
