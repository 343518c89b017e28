package machine

import (
	"path"
	"slices"
	"strconv"
	"strings"
)

// pin is a preference of apt for versions of packages.
type pin struct {
	packages []string
	version  string // a pattern
	priority int
}

// pins returns the version patterns that apt prefers of a package, the strongest first.
func (m *Machine) pins(name string) []string {
	entries, err := m.FS.ReadDir("/etc/apt/preferences.d")
	if err != nil {
		return nil
	}
	var found []pin
	for _, entry := range entries {
		content, err := m.FS.ReadFile(path.Join("/etc/apt/preferences.d", entry.Name()))
		if err != nil {
			continue
		}
		for _, stanza := range strings.Split(string(content), "\n\n") {
			if one := readPin(stanza); one.version != "" && slices.Contains(one.packages, name) {
				found = append(found, one)
			}
		}
	}
	slices.SortStableFunc(found, func(a, b pin) int { return b.priority - a.priority })
	var patterns []string
	for _, one := range found {
		patterns = append(patterns, one.version)
	}
	return patterns
}

// readPin reads a stanza of Package, Pin and Pin-Priority; pins by origin or release are passed over.
func readPin(stanza string) pin {
	var one pin
	for _, line := range strings.Split(stanza, "\n") {
		key, value, _ := strings.Cut(line, ":")
		switch value = strings.TrimSpace(value); key {
		case "Package":
			one.packages = strings.Fields(value)
		case "Pin":
			if pattern, ok := strings.CutPrefix(value, "version "); ok {
				one.version = strings.TrimSpace(pattern)
			}
		case "Pin-Priority":
			one.priority, _ = strconv.Atoi(value)
		}
	}
	return one
}
