package v1

// EC2NodeClassSpec is what a user asks for. A field is part of the drift hash unless its
// comment says otherwise; see Hash.
type EC2NodeClassSpec struct {
	// SubnetSelectorTerms choose the subnets that nodes start in. Terms are ORed: a subnet
	// that any of them matches is used. Not hashed: subnets drift by themselves.
	// +kubebuilder:validation:XValidation:rule="self.size() != 0",message="subnetSelectorTerms must not be empty"
	// +kubebuilder:validation:XValidation:rule="self.all(t, has(t.tags) || has(t.id))",message="each subnet selector term needs 'tags' or 'id'"
	// +kubebuilder:validation:XValidation:rule="self.all(t, !(has(t.id) && has(t.tags)))",message="'id' stands alone in a subnet selector term"
	// +kubebuilder:validation:MaxItems=30
	// +required
	SubnetSelectorTerms []SubnetSelectorTerm `json:"subnetSelectorTerms"`
	// SecurityGroupSelectorTerms choose the security groups of a node's network interfaces.
	// Terms are ORed. Not hashed: security groups drift by themselves.
	// +kubebuilder:validation:XValidation:rule="self.size() != 0",message="securityGroupSelectorTerms must not be empty"
	// +kubebuilder:validation:XValidation:rule="self.all(t, has(t.tags) || has(t.id) || has(t.name))",message="each security group selector term needs 'tags', 'id' or 'name'"
	// +kubebuilder:validation:XValidation:rule="self.all(t, !(has(t.id) && (has(t.tags) || has(t.name))))",message="'id' stands alone in a security group selector term"
	// +kubebuilder:validation:XValidation:rule="self.all(t, !(has(t.name) && (has(t.tags) || has(t.id))))",message="'name' stands alone in a security group selector term"
	// +kubebuilder:validation:MaxItems=30
	// +required
	SecurityGroupSelectorTerms []SecurityGroupSelectorTerm `json:"securityGroupSelectorTerms"`
	// CapacityReservationSelectorTerms choose the capacity reservations that nodes may use.
	// Terms are ORed. Not hashed: reservations drift by themselves.
	// +kubebuilder:validation:XValidation:rule="self.all(t, has(t.tags) || has(t.id) || has(t.instanceMatchCriteria))",message="each capacity reservation selector term needs 'tags', 'id' or 'instanceMatchCriteria'"
	// +kubebuilder:validation:XValidation:rule="self.all(t, !(has(t.id) && (has(t.tags) || has(t.ownerID) || has(t.instanceMatchCriteria))))",message="'id' stands alone in a capacity reservation selector term"
	// +kubebuilder:validation:MaxItems=30
	// +optional
	CapacityReservationSelectorTerms []CapacityReservationSelectorTerm `json:"capacityReservationSelectorTerms,omitempty"`
	// PlacementGroupSelector names the placement group that instances start in.
	// +kubebuilder:validation:XValidation:rule="has(self.name) != has(self.id)",message="set exactly one of 'name' and 'id' in placementGroupSelector"
	// +optional
	PlacementGroupSelector *PlacementGroupSelector `json:"placementGroupSelector,omitempty"`
	// AssociatePublicIPAddress gives or denies instances a public address. When absent, the
	// subnet's own setting counts.
	// +optional
	AssociatePublicIPAddress *bool `json:"associatePublicIPAddress,omitempty"`
	// IPPrefixCount is how many IPv4 prefixes (/28) the primary network interface gets. Not hashed.
	// +kubebuilder:validation:Minimum=0
	// +optional
	IPPrefixCount *int32 `json:"ipPrefixCount,omitempty"`
	// AMISelectorTerms choose the images that nodes boot from. Terms are ORed; the newest
	// image of each architecture wins. When absent, the family's default image is used, which
	// Ubuntu, Debian, AL2023, Bottlerocket and Flatcar have. Not hashed: images drift by themselves.
	// +kubebuilder:validation:XValidation:rule="self.all(t, has(t.tags) || has(t.id) || has(t.name) || has(t.alias) || has(t.ssmParameter))",message="each AMI selector term needs 'tags', 'id', 'name', 'alias' or 'ssmParameter'"
	// +kubebuilder:validation:XValidation:rule="!self.exists(t, has(t.id) && (has(t.alias) || has(t.tags) || has(t.name) || has(t.owner)))",message="'id' stands alone in an AMI selector term"
	// +kubebuilder:validation:XValidation:rule="!self.exists(t, has(t.alias) && (has(t.id) || has(t.tags) || has(t.name) || has(t.owner)))",message="'alias' stands alone in an AMI selector term"
	// +kubebuilder:validation:XValidation:rule="!self.exists(t, has(t.alias)) || self.size() == 1",message="a term with 'alias' must be the only AMI selector term"
	// +kubebuilder:validation:MinItems=1
	// +kubebuilder:validation:MaxItems=30
	// +optional
	AMISelectorTerms []AMISelectorTerm `json:"amiSelectorTerms,omitempty"`
	// AMIFamily is the operating system: it decides the form of the user data, the default
	// disk and the default image. It may be left out where an alias names it, and must then
	// agree with the alias or be Custom. The resolved family is hashed, not this field.
	// +kubebuilder:validation:Enum={AL2,AL2023,Bottlerocket,Custom,Debian,Flatcar,Ubuntu,Windows2019,Windows2022,Windows2025}
	// +optional
	AMIFamily *string `json:"amiFamily,omitempty"`
	// UserData is the user's own, in the form that the family takes. It is merged with what
	// makes the instance a node; for Custom it is the whole.
	// +optional
	UserData *string `json:"userData,omitempty"`
	// Role is the IAM role of nodes, by name. Karpenter then makes and owns the instance
	// profile. Excludes instanceProfile.
	// +kubebuilder:validation:XValidation:rule="self != ''",message="role must not be empty"
	// +optional
	Role string `json:"role,omitempty"`
	// InstanceProfile is the name of an IAM instance profile that exists and holds a role
	// which the controller may pass. Excludes role.
	// +kubebuilder:validation:XValidation:rule="self != ''",message="instanceProfile must not be empty"
	// +optional
	InstanceProfile *string `json:"instanceProfile,omitempty"`
	// Tags are put on everything that is created in EC2 for this class.
	// +kubebuilder:validation:XValidation:rule="self.all(k, k != '')",message="tag keys must not be empty"
	// +kubebuilder:validation:XValidation:rule="self.all(k, k != 'eks:eks-cluster-name')",message="the tag eks:eks-cluster-name is set by Karpenter"
	// +kubebuilder:validation:XValidation:rule="self.all(k, !k.startsWith('kubernetes.io/cluster'))",message="tags that begin with kubernetes.io/cluster are set by Karpenter"
	// +kubebuilder:validation:XValidation:rule="self.all(k, k != 'karpenter.sh/nodepool')",message="the tag karpenter.sh/nodepool is set by Karpenter"
	// +kubebuilder:validation:XValidation:rule="self.all(k, k != 'karpenter.sh/nodeclaim')",message="the tag karpenter.sh/nodeclaim is set by Karpenter"
	// +kubebuilder:validation:XValidation:rule="self.all(k, k != 'karpenter.k8s.aws/ec2nodeclass')",message="the tag karpenter.k8s.aws/ec2nodeclass is set by Karpenter"
	// +optional
	Tags map[string]string `json:"tags,omitempty"`
	// Kubelet holds fields of the kubelet's own KubeletConfiguration
	// (kubelet.config.k8s.io/v1beta1). The API server takes any object here; the controller
	// checks names, types and values and says in the condition ValidationSucceeded what is wrong.
	// +kubebuilder:pruning:PreserveUnknownFields
	// +kubebuilder:validation:Type=object
	// +optional
	Kubelet KubeletConfiguration `json:"kubelet,omitempty"`
	// BlockDeviceMappings are the disks of a node. When absent, the family's default disk is used.
	// +kubebuilder:validation:XValidation:rule="self.filter(m, has(m.rootVolume) && m.rootVolume).size() <= 1",message="at most one of blockDeviceMappings may be the rootVolume"
	// +kubebuilder:validation:MaxItems=50
	// +optional
	BlockDeviceMappings []*BlockDeviceMapping `json:"blockDeviceMappings,omitempty"`
	// InstanceStorePolicy says what becomes of instance store disks. When absent, nothing.
	// +optional
	InstanceStorePolicy *InstanceStorePolicy `json:"instanceStorePolicy,omitempty"`
	// NetworkInterfaces are the interfaces of an instance. When absent, there is one primary interface.
	// +kubebuilder:validation:XValidation:rule="self.size() == 0 || self.exists(n, n.networkCardIndex == 0 && n.deviceIndex == 0 && n.interfaceType == 'interface')",message="networkInterfaces needs one of interfaceType 'interface' at networkCardIndex 0 and deviceIndex 0"
	// +kubebuilder:validation:XValidation:rule="self.all(n, self.filter(m, m.networkCardIndex == n.networkCardIndex && m.deviceIndex == n.deviceIndex).size() == 1)",message="each pair of networkCardIndex and deviceIndex may occur once in networkInterfaces"
	// +kubebuilder:validation:XValidation:rule="self.all(n, n.interfaceType != 'efa-only' || self.filter(m, m.networkCardIndex == n.networkCardIndex && m.interfaceType == 'efa-only').size() == 1)",message="a network card takes one interface of type 'efa-only'"
	// +kubebuilder:validation:MaxItems=150
	// +optional
	NetworkInterfaces []*NetworkInterface `json:"networkInterfaces,omitempty"`
	// DetailedMonitoring turns one-minute CloudWatch metrics on. When absent, it is off.
	// +optional
	DetailedMonitoring *bool `json:"detailedMonitoring,omitempty"`
	// MetadataOptions say how far instance metadata (IMDS) reaches on nodes. A larger hop limit
	// than 1 lets pods read the node's credentials.
	// +kubebuilder:default={"httpEndpoint":"enabled","httpProtocolIPv6":"disabled","httpPutResponseHopLimit":1,"httpTokens":"required"}
	// +optional
	MetadataOptions *MetadataOptions `json:"metadataOptions,omitempty"`
	// EnclaveOptions turn Nitro Enclaves on, which narrows instance types to those that have them.
	// +optional
	EnclaveOptions *EnclaveOptions `json:"enclaveOptions,omitempty"`
	// ConnectionTracking sets how long idle connections are tracked by security groups.
	// +optional
	ConnectionTracking *ConnectionTracking `json:"connectionTracking,omitempty"`
	// Context is passed to EC2 Fleet as it is. EC2 reserves it for its own use.
	// +optional
	Context *string `json:"context,omitempty"`
	// CPUOptions of instances.
	// +optional
	CPUOptions *CPUOptions `json:"cpuOptions,omitempty"`
}
