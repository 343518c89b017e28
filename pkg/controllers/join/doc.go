// Package join says why a node has not joined yet, and ends claims whose instance is dead.
//
// It answers "which step is missing?" for NodeClaims that are launched and not registered.
// It talks to the API server (the claim, its node, certificate requests), to EC2 through
// Inventory, and tries the address that nodes are given. A minute after the launch it puts the first missing step into the condition
// Joined of the NodeClaim and into an event, and keeps it true until the node registers;
// Karpenter itself knows nothing of that condition. An instance that has ended before its
// node registered takes its claim with it at once: core would wait fifteen minutes for it.
//
// It remembers nothing. What fails is tried again by the queue. The steps are in step.go, a
// pure function of what is known. What the machine wrote to its console is added where it
// can be had; without it the step is named all the same.
package join
