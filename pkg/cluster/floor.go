package cluster

import "time"

// FloorWindow is how long a version counts that one API server has reported. Behind one
// endpoint there may be several, of two versions while the control plane is upgraded, and
// who answers is chance: at half of this an endpoint that favours one server could hide the
// older one, at double nodes would be held back long after an upgrade.
const FloorWindow = 10 * time.Minute

// Floor is the lowest version that any API server reported lately. The zero Floor has seen
// none. It is a value: Observe returns a new one.
type Floor struct {
	seen []sighting // oldest first, one for each version
}

type sighting struct {
	version Version
	at      time.Time
}

// Observe returns f with version seen at the given time, without what has left the window by then.
func (f Floor) Observe(version Version, at time.Time) Floor {
	next := make([]sighting, 0, len(f.seen)+1)
	for _, s := range f.seen {
		if s.version != version && at.Sub(s.at) < FloorWindow {
			next = append(next, s)
		}
	}
	return Floor{seen: append(next, sighting{version: version, at: at})}
}

// Lowest returns the lowest version in the window that ends at the given time, but never one
// above ceiling unless ceiling is zero: kubeadm-config is written last in an upgrade, so
// until it names the new version the upgrade is not done. It is false when nothing is known.
func (f Floor) Lowest(at time.Time, ceiling Version) (Version, bool) {
	lowest := ceiling
	for _, s := range f.seen {
		if at.Sub(s.at) >= FloorWindow {
			continue
		}
		if lowest.IsZero() || s.version.Compare(lowest) < 0 {
			lowest = s.version
		}
	}
	return lowest, !lowest.IsZero()
}
