// Package clusterinfo reads from the cluster itself what its nodes must know.
//
// It answers "which cluster is this, how is it reached, what does it run?" with one
// cluster.Cluster. It talks to the API server only, and reads objects by name: the
// ConfigMaps kube-public/cluster-info, kube-system/kubeadm-config and kube-system/kubelet-config,
// the Service kube-system/kube-dns and the namespace kube-system; it lists DaemonSets and
// Deployments of kube-system to see a cloud controller manager. What flags say wins.
//
// It remembers what it read for cache.ClusterInfo and refreshes it in the background before
// that ends, and for ten minutes the versions that API servers reported. When a refresh fails
// it keeps serving the last good answer, for a day at most, and counts the failure in a
// metric. Before there has been a good answer it fails as reading fails.
package clusterinfo
