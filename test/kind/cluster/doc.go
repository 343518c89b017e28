// Package cluster makes a kind cluster and installs the product on it, as its users would:
// with kind's and Helm's own programs.
//
// It answers with a kubeconfig. It talks to docker, kind and helm as programs. It remembers
// what it made, so that Delete leaves Docker as it was. It fails with what these programs said.
package cluster
