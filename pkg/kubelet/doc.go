// Package kubelet is the one source of the numbers that the scheduler plans with and
// the node's kubelet is started with, so that the two cannot disagree.
//
// It answers: how many pods does a node of this machine take, and how much of it is held
// back? It talks to nobody and remembers nothing: Parse reads a KubeletConfiguration
// (the cluster's kubelet-config, or spec.kubelet of a node class), Kubeadm and EKS turn what
// was set into Sizes for one machine, and Sizes.Overhead gives what the kubelet will
// subtract from a capacity, by the kubelet's own arithmetic. It fails only on values
// that a kubelet would refuse, and names field, value and remedy.
package kubelet
