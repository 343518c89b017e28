// Package image builds what the kind cluster is made of without a container registry: a node
// image, the root file system that Docker's daemon runs in, and the programs kind and Helm.
//
// It answers which folders these are. A node's file system is that of test/node's real
// nodes, with everything installed, under a layer of kind's own files, taken from kind's Go
// module, and archives of the images that kubeadm asks for. It talks to the Go command and to debootstrap.
//
// It remembers every step in the cache folder under a hash of its inputs; building twice at
// once waits for the other. What a step made of other inputs before is removed. It fails with
// the end of what the step's program printed.
package image
