// Package cloudprovider is Karpenter's CloudProvider on EC2.
//
// It answers what core asks: launch a node for this claim, end it, which types are there,
// has this node drifted. It reads EC2NodeClasses, NodePools and NodeClaims from the API
// server, and asks the providers for all else through the small interfaces below; what it
// decides (choose, group, convert, drift) are functions without I/O. It remembers nothing.
//
// It fails in core's words, in one place (translate): an error of which core would delete
// a claim or drop a finalizer is returned only where that is meant, and everything that is
// not recognised stays retryable.
//
// Read create.go first.
package cloudprovider
