module github.com/karpenter-kubeadm/karpenter-provider-aws/tools/gen

go 1.26.9

// The source is served under the account of its present owner and declares the name of the former one.
replace github.com/LeanerCloud/ec2-instances-info => github.com/cristim/ec2-instances-info v0.0.0-20250528091325-32acf84f42eb

// Both are read as data and never linked, so no package imports them: go mod tidy would drop them.
require (
	github.com/LeanerCloud/ec2-instances-info v0.0.0-20250528091325-32acf84f42eb
	github.com/aws/karpenter-provider-aws v1.15.0
)
