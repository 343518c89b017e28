package token

import (
	"time"

	"github.com/karpenter-kubeadm/karpenter-provider-aws/pkg/instance"
)

const (
	// DefaultTTL is half of the 24 hours that kubeadm gives a token. It makes two rotations a
	// day less one launch slow (each renews the launch templates), and a token that leaks is of
	// little use: it gets certificates only for instances that we launched and that wait for theirs.
	DefaultTTL = 12 * time.Hour

	// MinTTL leaves, at half of it, the 15 minutes in which a node has to register and 15
	// more for EC2 that is slow and clocks that differ.
	MinTTL = time.Hour

	// LaunchGrace is for launches that took the token just before it was retired: Karpenter
	// gives up on a launch after five minutes.
	LaunchGrace = 5 * time.Minute

	// memory is how long an epoch that expired is remembered: a certificate request outlives
	// the token that made it, and has to be known for ours.
	memory = time.Hour
)

// Epoch is the life of one token, without its secret.
type Epoch struct {
	ID       string
	Group    string      // that the token authenticates in; empty when it is not for us to say
	Instance instance.ID `json:",omitempty"` // that the token is for alone; empty for one that is shared
	Created  time.Time
	Expires  time.Time // zero when it is not known
	Retired  time.Time // when the next epoch took over, zero while it is the current one
	Revoked  time.Time // when it was deleted before it expired, else zero
}

// Lives reports whether a machine can authenticate with the epoch's token at the given time.
func (e Epoch) Lives(at time.Time) bool {
	return (e.Expires.IsZero() || at.Before(e.Expires)) && (e.Revoked.IsZero() || at.Before(e.Revoked))
}

// Launched reports whether an instance that was launched at the given time can have got the
// epoch's token. skew is how far the two clocks that told the times may differ.
func (e Epoch) Launched(at time.Time, skew time.Duration) bool {
	if at.Before(e.Created.Add(-skew)) {
		return false
	}
	return e.Retired.IsZero() || !at.After(e.Retired.Add(LaunchGrace+skew))
}

// Fetched reports whether an instance that was launched at the given time can have fetched
// the epoch's token until it asked for its certificate: what it fetches is the token that was
// current at its launch, or a later one.
func (e Epoch) Fetched(launched, asked time.Time, skew time.Duration) bool {
	current := e.Retired.IsZero() || !launched.After(e.Retired.Add(LaunchGrace+skew))
	return current && e.Lives(asked.Add(-skew)) && !asked.Before(e.Created.Add(-skew))
}

// due reports whether the next epoch has to take over: at half life, so that what is handed
// out lives for as long again.
func (e Epoch) due(at time.Time, ttl time.Duration) bool {
	life := min(e.Expires.Sub(e.Created), ttl)
	return !at.Before(e.Created.Add(life/2)) || !e.Lives(at)
}

// Spent reports whether nobody can need the epoch's token any more, when waiting are the
// times since which claims that were launched or are being launched have waited for their nodes.
func (e Epoch) Spent(at time.Time, waiting []time.Time) bool {
	if e.Retired.IsZero() || at.Before(e.Retired.Add(LaunchGrace)) {
		return false
	}
	for _, since := range waiting {
		if since.Before(e.Retired.Add(LaunchGrace)) {
			return false
		}
	}
	return true
}
