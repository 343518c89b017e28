//go:build never

// Package peer pins the AWS provider's own controller, which `make bench-peer` measures beside
// ours. Nothing is built from this file: it keeps that program's modules in a go.mod of its own,
// away from the product's.
package peer

import _ "github.com/aws/karpenter-provider-aws/cmd/controller"
