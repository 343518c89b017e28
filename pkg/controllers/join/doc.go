// Package join says why a node is not there yet, and ends claims whose instance is dead.
//
// It answers "which step is missing?" for NodeClaims that are launched and whose node is of
// no use yet. It talks to the API server (the claim, its node, certificate requests), to EC2
// through Inventory, and tries the address that nodes are given. A minute after the launch it
// puts the first missing step, with what helps, into the condition Joined of the NodeClaim and
// into an event, and keeps it true until the node is initialized; Karpenter itself knows
// nothing of that condition. An instance that has ended before its node registered takes its
// claim with it at once: core would wait fifteen minutes for it.
//
// It remembers which nodes certificate requests ask for, which costs parsing and never changes,
// for minutes. What fails is tried again by the queue. The steps are in step.go,
// machine.go (what the machine's console tells) and settle.go (after the registration), pure
// functions of what is known. Without the console the step is named all the same.
package join
