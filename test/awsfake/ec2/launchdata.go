package ec2

// launchData is how an instance is to be: what a launch template holds, and what
// RunInstances takes beside it. The param tags are the request's names, the xml tags the answer's.
type launchData struct {
	BlockDeviceMapping                []blockDevice        `xml:"blockDeviceMappingSet>item"`
	CapacityReservationSpecification  *reservationChoice   `xml:"capacityReservationSpecification"`
	CPUOptions                        *cpuOptions          `param:"CpuOptions" xml:"cpuOptions"`
	CreditSpecification               *creditSpecification `xml:"creditSpecification"`
	DisableAPITermination             *bool                `param:"DisableApiTermination" xml:"disableApiTermination"`
	EbsOptimized                      *bool                `xml:"ebsOptimized"`
	EnclaveOptions                    *enclaveOptions      `xml:"enclaveOptions"`
	IamInstanceProfile                *profileChoice       `xml:"iamInstanceProfile"`
	ImageID                           string               `param:"ImageId" xml:"imageId,omitempty"`
	InstanceInitiatedShutdownBehavior string               `xml:"instanceInitiatedShutdownBehavior,omitempty"`
	InstanceMarketOptions             *marketOptions       `xml:"instanceMarketOptions"`
	InstanceType                      string               `xml:"instanceType,omitempty"`
	KeyName                           string               `xml:"keyName,omitempty"`
	MaintenanceOptions                *maintenanceOptions  `xml:"maintenanceOptions"`
	MetadataOptions                   *metadataOptions     `xml:"metadataOptions"`
	Monitoring                        *monitoringChoice    `xml:"monitoring"`
	NetworkInterface                  []interfaceChoice    `xml:"networkInterfaceSet>item"`
	Placement                         *placement           `xml:"placement"`
	PrivateDNSNameOptions             *dnsNameOptions      `param:"PrivateDnsNameOptions" xml:"privateDnsNameOptions"`
	SecurityGroupID                   []string             `param:"SecurityGroupId" xml:"securityGroupIdSet>item"`
	TagSpecification                  []tagSpecification   `xml:"tagSpecificationSet>item"`
	UserData                          string               `xml:"userData,omitempty"`
}

type blockDevice struct {
	DeviceName  string  `xml:"deviceName"`
	Ebs         *ebs    `xml:"ebs"`
	NoDevice    *string `xml:"noDevice"`
	VirtualName string  `xml:"virtualName,omitempty"`
}

type ebs struct {
	DeleteOnTermination      *bool  `xml:"deleteOnTermination"`
	Encrypted                *bool  `xml:"encrypted"`
	Iops                     *int32 `xml:"iops"`
	KmsKeyID                 string `param:"KmsKeyId" xml:"kmsKeyId,omitempty"`
	SnapshotID               string `param:"SnapshotId" xml:"snapshotId,omitempty"`
	Throughput               *int32 `xml:"throughput"`
	VolumeInitializationRate *int32 `xml:"volumeInitializationRate"`
	VolumeSize               *int32 `xml:"volumeSize"`
	VolumeType               string `xml:"volumeType,omitempty"`
}

type reservationChoice struct {
	CapacityReservationPreference string             `xml:"capacityReservationPreference,omitempty"`
	CapacityReservationTarget     *reservationTarget `xml:"capacityReservationTarget"`
}

type reservationTarget struct {
	CapacityReservationID string `param:"CapacityReservationId" xml:"capacityReservationId,omitempty"`
}

type cpuOptions struct {
	CoreCount            *int32 `xml:"coreCount"`
	ThreadsPerCore       *int32 `xml:"threadsPerCore"`
	NestedVirtualization string `xml:"nestedVirtualization,omitempty"`
}

type creditSpecification struct {
	CPUCredits string `param:"CpuCredits" xml:"cpuCredits"`
}

type enclaveOptions struct {
	Enabled bool `xml:"enabled"`
}

type profileChoice struct {
	Arn  string `xml:"arn,omitempty"`
	Name string `xml:"name,omitempty"`
}

type marketOptions struct {
	MarketType  string       `xml:"marketType,omitempty"`
	SpotOptions *spotOptions `xml:"spotOptions"`
}

type spotOptions struct {
	InstanceInterruptionBehavior string `xml:"instanceInterruptionBehavior,omitempty"`
	MaxPrice                     string `xml:"maxPrice,omitempty"`
	SpotInstanceType             string `xml:"spotInstanceType,omitempty"`
}

type maintenanceOptions struct {
	AutoRecovery string `xml:"autoRecovery,omitempty"`
}

type metadataOptions struct {
	State                   string `param:"-" xml:"state,omitempty"`
	HTTPEndpoint            string `param:"HttpEndpoint" xml:"httpEndpoint,omitempty"`
	HTTPProtocolIPv6        string `param:"HttpProtocolIpv6" xml:"httpProtocolIpv6,omitempty"`
	HTTPPutResponseHopLimit *int32 `param:"HttpPutResponseHopLimit" xml:"httpPutResponseHopLimit"`
	HTTPTokens              string `param:"HttpTokens" xml:"httpTokens,omitempty"`
	InstanceMetadataTags    string `xml:"instanceMetadataTags,omitempty"`
}

type monitoringChoice struct {
	Enabled bool `xml:"enabled"`
}

type interfaceChoice struct {
	AssociatePublicIPAddress *bool               `param:"AssociatePublicIpAddress" xml:"associatePublicIpAddress"`
	ConnectionTracking       *connectionTracking `param:"ConnectionTrackingSpecification" xml:"connectionTrackingSpecification"`
	DeleteOnTermination      *bool               `xml:"deleteOnTermination"`
	Description              string              `xml:"description,omitempty"`
	DeviceIndex              *int32              `xml:"deviceIndex"`
	Groups                   []string            `param:"SecurityGroupId" xml:"groupSet>groupId"`
	InterfaceType            string              `xml:"interfaceType,omitempty"`
	IPv4PrefixCount          *int32              `param:"Ipv4PrefixCount" xml:"ipv4PrefixCount"`
	NetworkCardIndex         *int32              `xml:"networkCardIndex"`
	PrivateIPAddress         string              `param:"PrivateIpAddress" xml:"privateIpAddress,omitempty"`
	SecondaryAddresses       *int32              `param:"SecondaryPrivateIpAddressCount" xml:"secondaryPrivateIpAddressCount"`
	SubnetID                 string              `param:"SubnetId" xml:"subnetId,omitempty"`
}

type connectionTracking struct {
	TCPEstablishedTimeout *int32 `param:"TcpEstablishedTimeout" xml:"tcpEstablishedTimeout"`
	UDPStreamTimeout      *int32 `param:"UdpStreamTimeout" xml:"udpStreamTimeout"`
	UDPTimeout            *int32 `param:"UdpTimeout" xml:"udpTimeout"`
}

type placement struct {
	Affinity           string `xml:"affinity,omitempty"`
	AvailabilityZone   string `xml:"availabilityZone,omitempty"`
	AvailabilityZoneID string `param:"AvailabilityZoneId" xml:"availabilityZoneId,omitempty"`
	GroupID            string `param:"GroupId" xml:"groupId,omitempty"`
	GroupName          string `xml:"groupName,omitempty"`
	PartitionNumber    *int32 `xml:"partitionNumber"`
	Tenancy            string `xml:"tenancy,omitempty"`
}

type dnsNameOptions struct {
	EnableResourceNameDNSAAAARecord bool   `param:"EnableResourceNameDnsAAAARecord" xml:"enableResourceNameDnsAAAARecord"`
	EnableResourceNameDNSARecord    bool   `param:"EnableResourceNameDnsARecord" xml:"enableResourceNameDnsARecord"`
	HostnameType                    string `xml:"hostnameType,omitempty"`
}

// over returns d where more says nothing, else what more says. Tags are not merged here.
func (d launchData) over(more launchData) launchData {
	pick(&d.BlockDeviceMapping, more.BlockDeviceMapping)
	pick(&d.NetworkInterface, more.NetworkInterface)
	pick(&d.SecurityGroupID, more.SecurityGroupID)
	put(&d.CapacityReservationSpecification, more.CapacityReservationSpecification)
	put(&d.CPUOptions, more.CPUOptions)
	put(&d.CreditSpecification, more.CreditSpecification)
	put(&d.DisableAPITermination, more.DisableAPITermination)
	put(&d.EbsOptimized, more.EbsOptimized)
	put(&d.EnclaveOptions, more.EnclaveOptions)
	put(&d.IamInstanceProfile, more.IamInstanceProfile)
	put(&d.ImageID, more.ImageID)
	put(&d.InstanceInitiatedShutdownBehavior, more.InstanceInitiatedShutdownBehavior)
	put(&d.InstanceMarketOptions, more.InstanceMarketOptions)
	put(&d.InstanceType, more.InstanceType)
	put(&d.KeyName, more.KeyName)
	put(&d.MaintenanceOptions, more.MaintenanceOptions)
	put(&d.MetadataOptions, more.MetadataOptions)
	put(&d.Monitoring, more.Monitoring)
	put(&d.Placement, more.Placement)
	put(&d.PrivateDNSNameOptions, more.PrivateDNSNameOptions)
	put(&d.UserData, more.UserData)
	return d
}

func put[T comparable](at *T, value T) {
	var none T
	if value != none {
		*at = value
	}
}

func pick[T any](at *[]T, value []T) {
	if len(value) > 0 {
		*at = value
	}
}
