// Package instance is the vocabulary for one EC2 instance: what we know of it once
// EC2's answer has been read, and how it is named in Kubernetes. It does no I/O.
package instance

import (
	"errors"
	"fmt"
	"net/netip"
	"regexp"
	"time"

	"github.com/karpenter-kubeadm/karpenter-provider-aws/pkg/pool"
)

// ErrNotFound says that EC2 knows no such instance, or only a terminated one.
var ErrNotFound = errors.New("instance not found")

// ID is an EC2 instance id, for example "i-0a1b2c3d4e5f67890".
type ID string

// State is where an instance is in its life, in EC2's words.
type State string

// The states that EC2 documents for an instance.
const (
	StatePending      State = "pending"
	StateRunning      State = "running"
	StateShuttingDown State = "shutting-down"
	StateTerminated   State = "terminated"
	StateStopping     State = "stopping"
	StateStopped      State = "stopped"
)

// Gone reports whether the instance is on its way out for good.
func (s State) Gone() bool { return s == StateShuttingDown || s == StateTerminated }

// Instance is what EC2 said of one instance. An answer to a launch knows less than a
// Describe: State, Launched, addresses and security groups may be empty there.
type Instance struct {
	ID               ID
	Pool             pool.Pool
	ZoneID           string
	ImageID          string
	State            State
	Launched         time.Time // UTC; zero when EC2 did not say
	PrivateName      string    // EC2's private DNS name, kept for diagnosis; node names are computed by NodeName
	PrivateIP        netip.Addr
	PrivateIPs       []netip.Addr // all addresses of all interfaces, PrivateIP first
	PublicName       string       // EC2's public DNS name; empty without a public address or where the VPC gives no names
	PublicIPs        []netip.Addr // IPv4 addresses of EC2's or Elastic IPs that lead to any interface
	SubnetID         string
	SecurityGroupIDs []string
	Tenancy          string
	EFA              bool
	Tags             map[string]string
}

// ProviderID is how the instance is named in node.spec.providerID.
func (i Instance) ProviderID() string { return ProviderID(i.Pool.Zone, i.ID) }

// ProviderID returns "aws:///<zone>/<id>".
func ProviderID(zone string, id ID) string { return fmt.Sprintf("aws:///%s/%s", zone, id) }

var providerIDPattern = regexp.MustCompile(`^aws:///([a-z0-9-]+)/(i-[0-9a-f]+)$`)

// ParseProviderID returns the instance id in "aws:///<zone>/<id>".
// It fails on anything else, naming what it got.
func ParseProviderID(providerID string) (ID, error) {
	match := providerIDPattern.FindStringSubmatch(providerID)
	if match == nil {
		return "", fmt.Errorf("provider id %q is not aws:///<zone>/<instance id>", providerID)
	}
	return ID(match[2]), nil
}

// NodeName is the name that an instance's node registers with. Node and controller
// compute it alike from address and region, since the name that instance metadata
// gives follows the VPC's DHCP domain and cannot be relied on.
//
// It is "ip-10-0-1-23.ec2.internal" in us-east-1 and
// "ip-10-0-1-23.<region>.compute.internal" elsewhere; with resource naming it is the
// instance id in place of the address.
func NodeName(ip netip.Addr, id ID, region string, resourceNaming bool) string {
	host := string(id)
	if !resourceNaming {
		a := ip.As4()
		host = fmt.Sprintf("ip-%d-%d-%d-%d", a[0], a[1], a[2], a[3])
	}
	if region == "us-east-1" {
		return host + ".ec2.internal"
	}
	return host + "." + region + ".compute.internal"
}
