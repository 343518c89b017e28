package cluster

import (
	"cmp"
	"fmt"
	"regexp"
	"strconv"
)

// Version is a Kubernetes version.
type Version struct{ Major, Minor, Patch int }

// What follows the patch ("-rc.1", "+k3s1", "-eks-a5ec690") names builds, not versions of
// the API, and is dropped.
var versionPattern = regexp.MustCompile(`^v?(\d{1,4})\.(\d{1,4})\.(\d{1,4})(?:[-+].*)?$`)

// ParseVersion reads "v1.36.3" and its like: the v may be missing, a suffix that begins
// with - or + is dropped. It fails on anything else, naming what it got.
func ParseVersion(text string) (Version, error) {
	match := versionPattern.FindStringSubmatch(text)
	if match == nil {
		return Version{}, fmt.Errorf("version %q is not v<major>.<minor>.<patch>", text)
	}
	var parts [3]int
	for i := range parts {
		n, err := strconv.Atoi(match[i+1])
		if err != nil {
			return Version{}, fmt.Errorf("parsing version %q: %w", text, err)
		}
		parts[i] = n
	}
	return Version{Major: parts[0], Minor: parts[1], Patch: parts[2]}, nil
}

// String is "1.36.3".
func (v Version) String() string { return fmt.Sprintf("%d.%d.%d", v.Major, v.Minor, v.Patch) }

// MinorString is "1.36".
func (v Version) MinorString() string { return fmt.Sprintf("%d.%d", v.Major, v.Minor) }

// IsZero reports whether nothing is known.
func (v Version) IsZero() bool { return v == Version{} }

// Compare is negative when v is older than w, zero when they are the same, else positive.
func (v Version) Compare(w Version) int {
	return cmp.Or(cmp.Compare(v.Major, w.Major), cmp.Compare(v.Minor, w.Minor), cmp.Compare(v.Patch, w.Patch))
}

// AtLeast reports whether v is of minor version major.minor or a newer one.
func (v Version) AtLeast(major, minor int) bool {
	return v.Compare(Version{Major: major, Minor: minor}) >= 0
}
