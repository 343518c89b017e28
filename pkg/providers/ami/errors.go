package ami

import "strings"

// NotFoundError says that nothing of what was sought exists.
type NotFoundError struct {
	// Sought is what was looked for, for example "the SSM parameter /aws/service/...".
	Sought []string
}

// Error lists what was sought.
func (e *NotFoundError) Error() string { return "there is no " + strings.Join(e.Sought, ", and no ") }

// UnsupportedAliasError says that an alias cannot be had on this cluster.
type UnsupportedAliasError struct {
	Alias string // "al2@latest"
	Why   string // and what to do instead
}

// Error names the alias.
func (e *UnsupportedAliasError) Error() string { return "alias " + e.Alias + ": " + e.Why }
