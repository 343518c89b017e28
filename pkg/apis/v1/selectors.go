package v1

// SubnetSelectorTerm matches subnets. Within a term everything must match.
type SubnetSelectorTerm struct {
	// Tags that the subnet bears, all of them. The value '*' matches any value.
	// +kubebuilder:validation:XValidation:rule="self.all(k, k != '' && self[k] != '')",message="tag keys and values must not be empty; use '*' for any value"
	// +kubebuilder:validation:MaxProperties=20
	// +optional
	Tags map[string]string `json:"tags,omitempty"`
	// ID of one subnet, for example subnet-0a1b2c3d.
	// +kubebuilder:validation:Pattern=`^subnet-[0-9a-z]+$`
	// +optional
	ID string `json:"id,omitempty"`
}

// SecurityGroupSelectorTerm matches security groups. Within a term everything must match.
type SecurityGroupSelectorTerm struct {
	// Tags that the security group bears, all of them. The value '*' matches any value.
	// +kubebuilder:validation:XValidation:rule="self.all(k, k != '' && self[k] != '')",message="tag keys and values must not be empty; use '*' for any value"
	// +kubebuilder:validation:MaxProperties=20
	// +optional
	Tags map[string]string `json:"tags,omitempty"`
	// ID of one security group, for example sg-0a1b2c3d.
	// +kubebuilder:validation:Pattern=`^sg-[0-9a-z]+$`
	// +optional
	ID string `json:"id,omitempty"`
	// Name is the group's name in EC2, not its Name tag.
	// +optional
	Name string `json:"name,omitempty"`
}

// CapacityReservationSelectorTerm matches capacity reservations. Within a term everything must match.
type CapacityReservationSelectorTerm struct {
	// Tags that the reservation bears, all of them. The value '*' matches any value.
	// +kubebuilder:validation:XValidation:rule="self.all(k, k != '' && self[k] != '')",message="tag keys and values must not be empty; use '*' for any value"
	// +kubebuilder:validation:MaxProperties=20
	// +optional
	Tags map[string]string `json:"tags,omitempty"`
	// ID of one reservation, for example cr-0a1b2c3d.
	// +kubebuilder:validation:Pattern=`^cr-[0-9a-z]+$`
	// +optional
	ID string `json:"id,omitempty"`
	// OwnerID is the account that owns the reservation, twelve digits.
	// +kubebuilder:validation:Pattern=`^[0-9]{12}$`
	// +optional
	OwnerID string `json:"ownerID,omitempty"`
	// InstanceMatchCriteria of the reservation.
	// +kubebuilder:validation:Enum={open,targeted}
	// +optional
	InstanceMatchCriteria string `json:"instanceMatchCriteria,omitempty"`
}

// PlacementGroupSelector names one placement group.
type PlacementGroupSelector struct {
	// Name of the placement group.
	// +kubebuilder:validation:MinLength=1
	// +optional
	Name *string `json:"name,omitempty"`
	// ID of the placement group, for example pg-0a1b2c3d.
	// +kubebuilder:validation:Pattern=`^pg-[0-9a-z]+$`
	// +optional
	ID *string `json:"id,omitempty"`
}

// AMISelectorTerm matches images. Within a term everything must match.
type AMISelectorTerm struct {
	// Alias is "family@version": a published image of a family, for example ubuntu@24.04,
	// al2023@latest or bottlerocket@1.20.0. Families are al2, al2023, bottlerocket, debian,
	// flatcar, ubuntu, windows2019, windows2022 and windows2025; the Windows ones know only the
	// version latest. A version that moves makes nodes drift when a newer image is published.
	// +kubebuilder:validation:XValidation:rule="self.matches('^[a-zA-Z0-9]+@.+$')",message="alias must have the form 'family@version'"
	// +kubebuilder:validation:XValidation:rule="self.split('@')[0] in ['al2','al2023','bottlerocket','debian','flatcar','ubuntu','windows2019','windows2022','windows2025']",message="alias family must be one of al2, al2023, bottlerocket, debian, flatcar, ubuntu, windows2019, windows2022, windows2025"
	// +kubebuilder:validation:XValidation:rule="!(self.split('@')[0] in ['windows2019','windows2022','windows2025']) || self.split('@')[1] == 'latest'",message="Windows aliases know only the version 'latest'"
	// +kubebuilder:validation:MaxLength=30
	// +optional
	Alias string `json:"alias,omitempty"`
	// Tags that the image bears, all of them. The value '*' matches any value.
	// +kubebuilder:validation:XValidation:rule="self.all(k, k != '' && self[k] != '')",message="tag keys and values must not be empty; use '*' for any value"
	// +kubebuilder:validation:MaxProperties=20
	// +optional
	Tags map[string]string `json:"tags,omitempty"`
	// ID of one image, for example ami-0a1b2c3d.
	// +kubebuilder:validation:Pattern=`^ami-[0-9a-z]+$`
	// +optional
	ID string `json:"id,omitempty"`
	// Name is the image's name in EC2, not its Name tag. It may hold '*' and '?'. Without
	// an owner it finds only images of this account and of Amazon.
	// +optional
	Name string `json:"name,omitempty"`
	// Owner is an account id, or self, amazon or aws-marketplace.
	// +optional
	Owner string `json:"owner,omitempty"`
	// SSMParameter is the name or ARN of an SSM parameter that holds an image id.
	// +optional
	SSMParameter string `json:"ssmParameter,omitempty"`
}
