// Package pool names the places EC2 can start an instance in. A pool is the unit
// in which capacity runs out, a price holds and a launch is offered to EC2.
package pool

import "strings"

// Pool is one place an instance can start in. It is comparable, so it is a map key as it is.
type Pool struct {
	// InstanceType as EC2 spells it, for example "t3.xlarge".
	InstanceType string
	// Zone is the availability zone's name, for example "ap-northeast-2a".
	Zone string
	// CapacityType is "on-demand", "spot" or "reserved".
	CapacityType string
	// ReservationID is empty but for "reserved".
	ReservationID string
}

// String is for logs and messages only; nothing parses it.
func (p Pool) String() string {
	parts := []string{p.InstanceType, p.Zone, p.CapacityType}
	if p.ReservationID != "" {
		parts = append(parts, p.ReservationID)
	}
	return strings.Join(parts, "/")
}
