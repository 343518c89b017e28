package v1

import "k8s.io/apimachinery/pkg/api/resource"

// BlockDeviceMapping is one disk of an instance.
type BlockDeviceMapping struct {
	// DeviceName as the image names it, for example /dev/sda1 or /dev/xvda.
	// +optional
	DeviceName *string `json:"deviceName,omitempty"`
	// EBS is the volume that is made for the disk.
	// +kubebuilder:validation:XValidation:rule="has(self.snapshotID) || has(self.volumeSize)",message="ebs needs snapshotID or volumeSize"
	// +kubebuilder:validation:XValidation:rule="!has(self.volumeInitializationRate) || (has(self.snapshotID) && self.snapshotID != '')",message="volumeInitializationRate needs snapshotID"
	// +optional
	EBS *BlockDevice `json:"ebs,omitempty"`
	// RootVolume marks the disk that holds the kubelet's files, of which ephemeral storage is
	// counted. At most one disk bears it.
	// +optional
	RootVolume bool `json:"rootVolume,omitempty"`
}

// BlockDevice is one EBS volume.
type BlockDevice struct {
	// DeleteOnTermination lets the volume go with its instance. When absent, it does.
	// +optional
	DeleteOnTermination *bool `json:"deleteOnTermination,omitempty"`
	// Encrypted volumes need an instance type that can take them. A volume made from a
	// snapshot follows the snapshot.
	// +optional
	Encrypted *bool `json:"encrypted,omitempty"`
	// IOPS are input and output operations per second: provisioned for io1, io2 and gp3; other
	// types take none. EC2 checks the range.
	// +optional
	IOPS *int64 `json:"iops,omitempty"`
	// KMSKeyID is the id, alias or ARN of the key that encrypts the volume. When absent, it is
	// the account's default key.
	// +optional
	KMSKeyID *string `json:"kmsKeyID,omitempty"`
	// SnapshotID of the snapshot that the volume is made from.
	// +optional
	SnapshotID *string `json:"snapshotID,omitempty"`
	// Throughput of a gp3 volume in MiB per second. EC2 checks the range.
	// +optional
	Throughput *int64 `json:"throughput,omitempty"`
	// VolumeInitializationRate is how fast a snapshot's blocks are fetched, 100 to 300 MiB per second.
	// +kubebuilder:validation:Minimum=100
	// +kubebuilder:validation:Maximum=300
	// +optional
	VolumeInitializationRate *int32 `json:"volumeInitializationRate,omitempty"`
	// VolumeSize is a whole number of G, Gi, T or Ti, up to 64 T. EC2 checks what the type can take.
	// +kubebuilder:validation:Pattern=`^((?:[1-9][0-9]{0,3}|[1-4][0-9]{4}|[5][0-8][0-9]{3}|59000)Gi|(?:[1-9][0-9]{0,3}|[1-5][0-9]{4}|[6][0-3][0-9]{3}|64000)G|([1-9]||[1-5][0-7]|58)Ti|([1-9]||[1-5][0-9]|6[0-3]|64)T)$`
	// +kubebuilder:validation:Schemaless
	// +kubebuilder:validation:Type=string
	// +optional
	VolumeSize *resource.Quantity `json:"volumeSize,omitempty"`
	// VolumeType in EBS's words.
	// +kubebuilder:validation:Enum={standard,io1,io2,gp2,sc1,st1,gp3}
	// +optional
	VolumeType *string `json:"volumeType,omitempty"`
}

// InstanceStorePolicy says what becomes of instance store disks.
// +kubebuilder:validation:Enum={RAID0}
type InstanceStorePolicy string

// InstanceStorePolicyRAID0 joins all instance store disks into one array, which holds the
// state of kubelet and containerd, and with it the pods' ephemeral storage.
const InstanceStorePolicyRAID0 InstanceStorePolicy = "RAID0"
