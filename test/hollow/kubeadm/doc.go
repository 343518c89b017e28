// Package kubeadm is the program kubeadm on a hollow machine, as far as workers join with it.
//
// It answers, from the very arguments and files that the real program would get, whether a machine
// joins: flags and JoinConfiguration (v1beta3, v1beta4), preflight checks against the
// machine, discovery by token, pin and signature or by file, the cluster's kubeadm and
// kubelet configuration, the check for a Node of that name, patches, the files for the
// kubelet. It talks to the API server for real, with the credentials that discovery
// yields, and starts the machine's kubelet, which then bootstraps itself. It remembers
// nothing but what it writes to the machine's disk. It fails as kubeadm does: a message,
// status 1, the files of the phases before left in place.
package kubeadm
