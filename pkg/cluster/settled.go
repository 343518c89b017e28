package cluster

import "time"

// Settling is since when a cluster is of its minor version. The zero Settling has seen none. It
// is a value: Observe returns a new one.
type Settling struct {
	major, minor int
	since        time.Time
}

// Observe returns s with the version that the cluster has at the given time. A new patch
// changes nothing; a new minor, an older one too, begins anew.
func (s Settling) Observe(v Version, at time.Time) Settling {
	if !s.since.IsZero() && s.major == v.Major && s.minor == v.Minor {
		return s
	}
	return Settling{major: v.Major, minor: v.Minor, since: at}
}

// Since is when the last observed minor was first seen, zero when none was.
func (s Settling) Since() time.Time { return s.since }
