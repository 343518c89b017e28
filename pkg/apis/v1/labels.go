package v1

import (
	corev1 "k8s.io/api/core/v1"

	"github.com/karpenter-kubeadm/karpenter-provider-aws/pkg/apis"
)

// Labels of nodes and keys of requirements, in the AWS provider's words.
const (
	LabelNodeClass = apis.Group + "/ec2nodeclass"

	LabelCapacityReservationID            = apis.Group + "/capacity-reservation-id"
	LabelCapacityReservationType          = apis.Group + "/capacity-reservation-type"
	LabelCapacityReservationInterruptible = apis.Group + "/capacity-reservation-interruptible"

	LabelInstanceHypervisor                   = apis.Group + "/instance-hypervisor"
	LabelInstanceEncryptionInTransitSupported = apis.Group + "/instance-encryption-in-transit-supported"
	LabelInstanceCategory                     = apis.Group + "/instance-category"
	LabelInstanceCapabilityFlex               = apis.Group + "/instance-capability-flex"
	LabelInstanceFamily                       = apis.Group + "/instance-family"
	LabelInstanceGeneration                   = apis.Group + "/instance-generation"
	LabelInstanceLocalNVME                    = apis.Group + "/instance-local-nvme" // GB, all disks together
	LabelInstanceSize                         = apis.Group + "/instance-size"
	LabelInstanceCPU                          = apis.Group + "/instance-cpu" // vCPUs
	LabelInstanceCPUManufacturer              = apis.Group + "/instance-cpu-manufacturer"
	LabelInstanceCPUSustainedClockSpeedMhz    = apis.Group + "/instance-cpu-sustained-clock-speed-mhz"
	LabelInstanceMemory                       = apis.Group + "/instance-memory"            // MiB
	LabelInstanceEBSBandwidth                 = apis.Group + "/instance-ebs-bandwidth"     // Mbit/s
	LabelInstanceNetworkBandwidth             = apis.Group + "/instance-network-bandwidth" // Mbit/s
	LabelInstanceGPUName                      = apis.Group + "/instance-gpu-name"
	LabelInstanceGPUManufacturer              = apis.Group + "/instance-gpu-manufacturer"
	LabelInstanceGPUCount                     = apis.Group + "/instance-gpu-count"
	LabelInstanceGPUMemory                    = apis.Group + "/instance-gpu-memory" // MiB
	LabelInstanceAcceleratorName              = apis.Group + "/instance-accelerator-name"
	LabelInstanceAcceleratorManufacturer      = apis.Group + "/instance-accelerator-manufacturer"
	LabelInstanceAcceleratorCount             = apis.Group + "/instance-accelerator-count"
	LabelInstanceTenancy                      = apis.Group + "/instance-tenancy"

	LabelPlacementGroupID        = apis.Group + "/placement-group-id"
	LabelPlacementGroupPartition = apis.Group + "/placement-group-partition"

	LabelTopologyZoneID = "topology.k8s.aws/zone-id"
	// LabelTopologyEBSZone is what the EBS CSI driver calls a zone.
	LabelTopologyEBSZone = "topology.ebs.csi.aws.com/zone"
)

// Values of LabelInstanceTenancy.
const (
	TenancyDefault   = "default"
	TenancyDedicated = "dedicated"
)

// Resources that EC2 instances have beside Kubernetes' own.
const (
	ResourceNVIDIAGPU          corev1.ResourceName = "nvidia.com/gpu"
	ResourceAMDGPU             corev1.ResourceName = "amd.com/gpu"
	ResourceAWSNeuron          corev1.ResourceName = "aws.amazon.com/neuron"
	ResourceAWSNeuronCore      corev1.ResourceName = "aws.amazon.com/neuroncore"
	ResourceHabanaGaudi        corev1.ResourceName = "habana.ai/gaudi"
	ResourceAWSPodENI          corev1.ResourceName = "vpc.amazonaws.com/pod-eni"
	ResourcePrivateIPv4Address corev1.ResourceName = "vpc.amazonaws.com/PrivateIPv4Address"
	ResourceEFA                corev1.ResourceName = "vpc.amazonaws.com/efa"
)

// Annotations that the controller writes and reads.
const (
	// AnnotationEC2NodeClassHash is on a class its Hash, and on a NodeClaim the Hash of its class at launch.
	AnnotationEC2NodeClassHash = apis.Group + "/ec2nodeclass-hash"
	// AnnotationEC2NodeClassHashVersion is the HashVersion that made the hash.
	AnnotationEC2NodeClassHashVersion = apis.Group + "/ec2nodeclass-hash-version"
	// AnnotationInstanceTagged is "true" on a NodeClaim whose instance bears its names as tags.
	AnnotationInstanceTagged = apis.Group + "/tagged"
	// AnnotationClusterNameTagged is "true" on a NodeClaim whose instance bears EKSClusterNameTagKey.
	AnnotationClusterNameTagged = apis.CompatibilityGroup + "/cluster-name-tagged"
	// AnnotationInstanceProfile is on a NodeClaim the instance profile that it was launched with.
	AnnotationInstanceProfile = apis.Group + "/instance-profile-name"
	// AnnotationKubernetesVersion is on a NodeClaim the cluster's version at its launch.
	AnnotationKubernetesVersion = apis.Group + "/kubernetes-version"
	// AnnotationTokenDelivery is on a NodeClaim whose instance joins with a bootstrap token of its
	// own: TokenDeliveryPerInstance.
	AnnotationTokenDelivery = apis.Group + "/token-delivery"
	// AnnotationNVIDIAConsumableCapacity is set by users on a class; it says how GPUs are shared.
	AnnotationNVIDIAConsumableCapacity = apis.Group + "/nvidia-consumable-capacity"
)

// TokenDeliveryPerInstance is the value of AnnotationTokenDelivery, and of the option that has it written.
const TokenDeliveryPerInstance = "SSMPerInstance"

// TerminationFinalizer keeps a class until what was made in AWS for it is gone.
const TerminationFinalizer = apis.Group + "/termination"
