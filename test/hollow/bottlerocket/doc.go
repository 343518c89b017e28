// Package bottlerocket is a Bottlerocket of a variant aws-k8s, as far as it becomes a node.
//
// It answers what kubelet starts with when user data says this: settings are read as the API
// reads them, completed with what pluto asks EC2's metadata and EC2 for, and rendered into
// the files and the command line of the kubelet. A setting of Kubernetes' that the API
// does not know, or a value that it does not take, is refused, and then no kubelet starts. It
// talks to the machine only and remembers nothing.
//
// The facts are those of bottlerocket-core-kit (sources/api/pluto, packages/kubernetes-*) and
// bottlerocket-settings-sdk.
package bottlerocket
