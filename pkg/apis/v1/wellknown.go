package v1

import (
	corev1 "k8s.io/api/core/v1"

	"github.com/karpenter-kubeadm/karpenter-provider-aws/pkg/apis"
)

// WellKnown is what Karpenter core must be told of this provider's vocabulary. Core keeps
// it in package variables, which only the wiring may write; this package just says what goes in.
type WellKnown struct {
	// RestrictedLabelDomains are domains in which users may not invent labels.
	RestrictedLabelDomains []string
	// Labels are labels of instance types, known before a node exists.
	Labels []string
	// NormalizedLabels maps other names of a label to the one that core plans with.
	NormalizedLabels map[string]string
	// RequirementValues are the values that a requirement on a label may have.
	RequirementValues map[string][]string
	// Resources that instance types have beside Kubernetes' own.
	Resources []corev1.ResourceName
	// ReservationIDLabel and ReservationLabels tell reserved offerings apart.
	ReservationIDLabel string
	ReservationLabels  []string
}

// GetWellKnown returns a fresh copy of the provider's vocabulary.
func GetWellKnown() WellKnown {
	return WellKnown{
		RestrictedLabelDomains: []string{apis.Group},
		Labels:                 wellKnownLabels(),
		NormalizedLabels:       map[string]string{LabelTopologyEBSZone: corev1.LabelTopologyZone},
		RequirementValues:      map[string][]string{LabelInstanceTenancy: {TenancyDefault, TenancyDedicated}},
		Resources: []corev1.ResourceName{
			ResourceAWSPodENI, ResourceAWSNeuron, ResourceAWSNeuronCore, ResourceHabanaGaudi, ResourceEFA,
		},
		ReservationIDLabel: LabelCapacityReservationID,
		ReservationLabels:  []string{LabelCapacityReservationID, LabelCapacityReservationType},
	}
}

func wellKnownLabels() []string {
	return []string{
		LabelCapacityReservationID,
		LabelCapacityReservationType,
		LabelCapacityReservationInterruptible,
		LabelInstanceHypervisor,
		LabelInstanceEncryptionInTransitSupported,
		LabelInstanceCategory,
		LabelInstanceCapabilityFlex,
		LabelInstanceFamily,
		LabelInstanceGeneration,
		LabelInstanceSize,
		LabelInstanceLocalNVME,
		LabelInstanceCPU,
		LabelInstanceCPUManufacturer,
		LabelInstanceCPUSustainedClockSpeedMhz,
		LabelInstanceMemory,
		LabelInstanceEBSBandwidth,
		LabelInstanceNetworkBandwidth,
		LabelInstanceGPUName,
		LabelInstanceGPUManufacturer,
		LabelInstanceGPUCount,
		LabelInstanceGPUMemory,
		LabelInstanceAcceleratorName,
		LabelInstanceAcceleratorManufacturer,
		LabelInstanceAcceleratorCount,
		LabelInstanceTenancy,
		LabelPlacementGroupID,
		LabelPlacementGroupPartition,
		LabelTopologyZoneID,
		corev1.LabelWindowsBuild,
	}
}
