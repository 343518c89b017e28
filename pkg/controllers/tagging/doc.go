// Package tagging names instances after the nodes that they have become.
//
// It answers "which instance is this node?" for people who look at EC2: once a NodeClaim
// has a node, the instance gets the tags Name (unless the user set one), karpenter.sh/nodeclaim
// and eks:eks-cluster-name. It reads NodeClaims, asks the inventory for the instance and
// has it put on what is missing. It remembers nothing but an annotation on the NodeClaim,
// which says that it is done. It fails as EC2 and the API server do, and is retried.
package tagging
