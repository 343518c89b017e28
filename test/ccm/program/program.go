//go:build never

// Package program pins the cloud controller manager that AWS publishes. Nothing is built from
// this file: it keeps the modules of that program in go.mod, apart from the product's.
package program

import _ "k8s.io/cloud-provider-aws/cmd/aws-cloud-controller-manager"
