package v1

// MetadataOptions say who can read instance metadata (IMDS) on a node, and how.
type MetadataOptions struct {
	// HTTPEndpoint turns the metadata service on or off. Nodes of kubeadm clusters read their
	// zone and id from it when they join.
	// +kubebuilder:default=enabled
	// +kubebuilder:validation:Enum={enabled,disabled}
	// +optional
	HTTPEndpoint *string `json:"httpEndpoint,omitempty"`
	// HTTPProtocolIPv6 turns the IPv6 address of the metadata service on or off.
	// +kubebuilder:default=disabled
	// +kubebuilder:validation:Enum={enabled,disabled}
	// +optional
	HTTPProtocolIPv6 *string `json:"httpProtocolIPv6,omitempty"`
	// HTTPPutResponseHopLimit is how many network hops an answer that holds a token may take,
	// 1 to 64. With 1 it reaches the host only; pods without host network need 2.
	// +kubebuilder:default=1
	// +kubebuilder:validation:Minimum=1
	// +kubebuilder:validation:Maximum=64
	// +optional
	HTTPPutResponseHopLimit *int64 `json:"httpPutResponseHopLimit,omitempty"`
	// HTTPTokens set to required turns the version without session tokens (IMDSv1) off.
	// +kubebuilder:default=required
	// +kubebuilder:validation:Enum={required,optional}
	// +optional
	HTTPTokens *string `json:"httpTokens,omitempty"`
}

// CPUOptions of an instance.
type CPUOptions struct {
	// NestedVirtualization narrows instance types to those that have it and turns it on.
	// +kubebuilder:validation:Enum={enabled,disabled}
	// +optional
	NestedVirtualization *string `json:"nestedVirtualization,omitempty"`
}

// EnclaveOptions of an instance.
type EnclaveOptions struct {
	// Enabled turns Nitro Enclaves on.
	// +required
	Enabled bool `json:"enabled"`
}

// ConnectionTracking says how long security groups remember idle connections of the
// interfaces that an instance starts with, in seconds; interfaces of type efa-only have no
// tracking. What is absent is EC2's default. It needs instances of the Nitro system.
// +kubebuilder:validation:XValidation:rule="has(self.tcpEstablishedTimeout) || has(self.udpStreamTimeout) || has(self.udpTimeout)",message="connectionTracking needs tcpEstablishedTimeout, udpStreamTimeout or udpTimeout"
type ConnectionTracking struct {
	// TCPEstablishedTimeout of idle established TCP connections, 60 to 432000 seconds (five days).
	// +kubebuilder:validation:Minimum=60
	// +kubebuilder:validation:Maximum=432000
	// +optional
	TCPEstablishedTimeout *int32 `json:"tcpEstablishedTimeout,omitempty"`
	// UDPStreamTimeout of idle UDP flows that had more than one exchange, 60 to 180 seconds.
	// +kubebuilder:validation:Minimum=60
	// +kubebuilder:validation:Maximum=180
	// +optional
	UDPStreamTimeout *int32 `json:"udpStreamTimeout,omitempty"`
	// UDPTimeout of idle UDP flows that had at most one exchange, 30 to 60 seconds.
	// +kubebuilder:validation:Minimum=30
	// +kubebuilder:validation:Maximum=60
	// +optional
	UDPTimeout *int32 `json:"udpTimeout,omitempty"`
}

// InterfaceType is the kind of a network interface.
type InterfaceType string

const (
	// InterfaceTypeInterface is an ordinary interface (ENA).
	InterfaceTypeInterface InterfaceType = "interface"
	// InterfaceTypeEFAOnly is an interface of the Elastic Fabric Adapter without IP.
	InterfaceTypeEFAOnly InterfaceType = "efa-only"
)

// NetworkInterface is one interface of an instance.
type NetworkInterface struct {
	// NetworkCardIndex is the card that the interface is on; the first is 0.
	// +kubebuilder:validation:Minimum=0
	NetworkCardIndex int32 `json:"networkCardIndex"`
	// DeviceIndex is the interface's place on its card; the first is 0.
	// +kubebuilder:validation:Minimum=0
	DeviceIndex int32 `json:"deviceIndex"`
	// InterfaceType of the interface.
	// +kubebuilder:validation:Enum={interface,efa-only}
	InterfaceType InterfaceType `json:"interfaceType"`
}
