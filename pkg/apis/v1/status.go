package v1

import (
	"slices"
	"strings"

	"github.com/awslabs/operatorpkg/status"
	corev1 "k8s.io/api/core/v1"
	metav1 "k8s.io/apimachinery/pkg/apis/meta/v1"
)

// EC2NodeClassStatus is what the spec's selectors were found to mean.
type EC2NodeClassStatus struct {
	// Subnets that the selectors match, those with the most free addresses first.
	// +optional
	Subnets []Subnet `json:"subnets,omitempty"`
	// SecurityGroups that the selectors match, by id.
	// +optional
	SecurityGroups []SecurityGroup `json:"securityGroups,omitempty"`
	// CapacityReservations that the selectors match.
	// +optional
	CapacityReservations []CapacityReservation `json:"capacityReservations,omitempty"`
	// AMIs that nodes boot from, newest first. For an instance type, the first one whose
	// requirements it meets is used.
	// +optional
	AMIs []AMI `json:"amis,omitempty"`
	// InstanceProfile that nodes get: the spec's own, or the one made for the spec's role.
	// +optional
	InstanceProfile string `json:"instanceProfile,omitempty"`
	// Conditions say whether nodes can be launched, and if not, what to do.
	// +optional
	Conditions []status.Condition `json:"conditions,omitempty"`
}

// Subnet is a subnet that nodes may start in.
type Subnet struct {
	// ID of the subnet.
	// +required
	ID string `json:"id"`
	// Zone is the name of its availability zone in this account, for example eu-west-1a.
	// +required
	Zone string `json:"zone"`
	// ZoneID names the zone alike in all accounts, for example euw1-az1.
	// +optional
	ZoneID string `json:"zoneID,omitempty"`
}

// SecurityGroup is a security group that nodes get.
type SecurityGroup struct {
	// ID of the group.
	// +required
	ID string `json:"id"`
	// Name of the group.
	// +optional
	Name string `json:"name,omitempty"`
}

// AMI is an image that nodes may boot from.
type AMI struct {
	// ID of the image.
	// +required
	ID string `json:"id"`
	// Deprecated says that its owner does not want it used any more.
	// +optional
	Deprecated bool `json:"deprecated,omitempty"`
	// Name of the image.
	// +optional
	Name string `json:"name,omitempty"`
	// Requirements that an instance type must meet to boot it.
	// +required
	Requirements []corev1.NodeSelectorRequirement `json:"requirements"`
}

// CapacityReservation is a reservation that nodes may use.
type CapacityReservation struct {
	// AvailabilityZone that the reservation is in.
	// +required
	AvailabilityZone string `json:"availabilityZone"`
	// EndTime is when the reservation ends; absent when it does not.
	// +optional
	EndTime *metav1.Time `json:"endTime,omitempty"`
	// ID of the reservation.
	// +kubebuilder:validation:Pattern=`^cr-[0-9a-z]+$`
	// +required
	ID string `json:"id"`
	// InstanceMatchCriteria: open takes any matching launch, targeted only one that names it.
	// +kubebuilder:validation:Enum={open,targeted}
	// +required
	InstanceMatchCriteria string `json:"instanceMatchCriteria"`
	// InstanceType that is reserved.
	// +required
	InstanceType string `json:"instanceType"`
	// OwnerID is the account that owns the reservation.
	// +kubebuilder:validation:Pattern=`^[0-9]{12}$`
	// +required
	OwnerID string `json:"ownerID"`
	// ReservationType of the reservation.
	// +kubebuilder:validation:Enum={default,capacity-block}
	// +kubebuilder:default=default
	// +optional
	ReservationType CapacityReservationType `json:"reservationType"`
	// Interruptible reservations can be taken back by their owner.
	// +optional
	Interruptible bool `json:"interruptible"`
	// State is expiring when a capacity block is about to be reclaimed, else active.
	// +kubebuilder:validation:Enum={active,expiring}
	// +kubebuilder:default=active
	// +optional
	State CapacityReservationState `json:"state"`
}

// CapacityReservationType is the kind of a reservation.
type CapacityReservationType string

// The kinds that EC2 knows.
const (
	CapacityReservationTypeDefault       CapacityReservationType = "default"
	CapacityReservationTypeCapacityBlock CapacityReservationType = "capacity-block"
)

// CapacityReservationState says whether a reservation can be launched into.
type CapacityReservationState string

// The states that matter to a launch.
const (
	CapacityReservationStateActive   CapacityReservationState = "active"
	CapacityReservationStateExpiring CapacityReservationState = "expiring"
)

// ZoneInfo is a zone of a class with the subnets that the class has there.
type ZoneInfo struct {
	Zone, ZoneID string
	SubnetIDs    []string // in the order of status.subnets
}

// ZoneInfo returns the zones of the class's subnets, by name.
func (in *EC2NodeClass) ZoneInfo() []ZoneInfo {
	var zones []ZoneInfo
	for _, s := range in.Status.Subnets {
		i := slices.IndexFunc(zones, func(z ZoneInfo) bool { return z.Zone == s.Zone })
		if i < 0 {
			zones = append(zones, ZoneInfo{Zone: s.Zone, ZoneID: s.ZoneID})
			i = len(zones) - 1
		}
		zones[i].SubnetIDs = append(zones[i].SubnetIDs, s.ID)
	}
	slices.SortFunc(zones, func(a, b ZoneInfo) int { return strings.Compare(a.Zone, b.Zone) })
	return zones
}
