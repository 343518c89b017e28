//go:build never

// Package programs pins what the cluster and its tests run beside Kubernetes' own programs.
// Nothing is built from this file: it keeps their modules in go.mod, apart from the product's.
package programs

import (
	_ "helm.sh/helm/v4/cmd/helm"
	_ "sigs.k8s.io/kind"
)
