// Package examples applies the manifests in charts/karpenter/examples to a real API server as
// they are, and holds them to what docs/cni.md says of them: how many pods a node takes, and
// which taint it starts with. It has tests only.
package examples
