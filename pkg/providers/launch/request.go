package launch

import (
	"time"

	"k8s.io/apimachinery/pkg/types"

	v1 "github.com/karpenter-kubeadm/karpenter-provider-aws/pkg/apis/v1"
	"github.com/karpenter-kubeadm/karpenter-provider-aws/pkg/join"
	"github.com/karpenter-kubeadm/karpenter-provider-aws/pkg/pool"
)

// Request asks for one instance for one claim. Requests that differ in nothing but the
// claim may share a call to EC2. Its slices and maps are read-only.
type Request struct {
	Claim types.UID
	// Class is the name of the EC2NodeClass.
	Class string
	// ClusterUID tells clusters of one name apart.
	ClusterUID string
	// CapacityType is that of all pools in the request, as EC2 takes one per call.
	CapacityType string
	// Tags for instance, volumes, interfaces and the fleet itself.
	Tags map[string]string
	// Context is EC2's own, from spec.context; may be empty.
	Context string
	// Prioritized makes EC2 follow the prices given here, where an overlay has changed them,
	// and not its own.
	Prioritized bool
	// Groups hold at least one offer together.
	Groups []Group
	// Subnets are the class's, any number in a zone.
	Subnets []v1.Subnet
	// Addresses is how many of a subnet's addresses one node takes.
	Addresses int
}

// Group is the pools that start from one template.
type Group struct {
	Template Template
	Offers   []Offer
}

// Offer is a pool that EC2 may choose, and what it costs an hour in US dollars.
type Offer struct {
	Pool  pool.Pool
	Price float64
}

// Template is what all instances of a group have in common. Its content gives it its name.
type Template struct {
	ImageID          string
	InstanceProfile  string
	SecurityGroupIDs []string
	// UserData holds a secret; nothing but the template in EC2 may show its bytes.
	UserData join.UserData
	// Expires is when the user data stops being able to make a node; zero when it does not.
	// It is no part of the content.
	Expires time.Time

	BlockDevices       []*v1.BlockDeviceMapping
	Metadata           *v1.MetadataOptions
	NetworkInterfaces  []*v1.NetworkInterface
	ConnectionTracking *v1.ConnectionTracking
	CPU                *v1.CPUOptions
	// EFAs is how many Elastic Fabric Adapters to attach where NetworkInterfaces says nothing.
	EFAs               int
	PublicIP           *bool
	IPPrefixes         *int32
	IPv6               bool
	DetailedMonitoring bool
	Enclaves           bool
	Tenancy            string
	// OptOutOfReservations keeps instances out of open capacity reservations, which are then
	// left to requests that name them.
	OptOutOfReservations bool
}
