// Package apis names the API groups that this provider serves.
package apis

const (
	// Group is the API group of EC2NodeClass and the domain of the provider's labels, annotations and tags.
	Group = "karpenter.k8s.aws"
	// CompatibilityGroup is the domain of annotations kept for nodes that older versions of the AWS provider launched.
	CompatibilityGroup = "compatibility." + Group
)
