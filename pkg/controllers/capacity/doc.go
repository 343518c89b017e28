// Package capacity compares what nodes have with what the scheduler was promised, and learns
// from it.
//
// It answers "does a node hold what was planned with?". When a node has been initialized,
// what it has of each resource, divided by what its NodeClaim promised, becomes a metric; and
// its memory, which no API of EC2's tells exactly, is from then on what nodes of that type
// and image are planned with.
//
// It talks to the API server: NodeClaims and Nodes, and one ConfigMap of the controller's own
// namespace in which measurements outlive a restart. It remembers nothing itself; package
// instancetype does. When the ConfigMap cannot be read or written the measurement counts all
// the same, and storing it is tried again with growing delays. A content that is not ours is replaced.
package capacity
