// Package cluster says what a machine must know of a Kubernetes cluster to join it.
//
// It answers "how is this cluster reached, trusted and versioned?". It holds values and
// pure functions only: pkg/providers/clusterinfo reads them from the cluster. It remembers
// nothing but what the Floor of versions is given. It fails on input that is malformed,
// naming what it got.
package cluster
