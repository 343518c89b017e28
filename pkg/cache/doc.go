// Package cache keeps answers that are expensive to ask for.
//
// It answers "do we know this already?" for one kind of value, V, by a string key.
// It talks to nobody: the loader that a caller passes does. It remembers each value for
// the time to live it was made with (the table in ttl.go says which and why), and with
// KeepStale for longer while refreshing fails. Concurrent misses on one key cost one
// load; no lock is held while it runs. It fails only as the loader fails: errors are
// handed to everybody who waited for that load and are not kept.
//
// Values are shared between all callers and are read-only.
package cache
