// Package judge has Kubernetes' own code judge what pkg/join renders: kubeadm's loader of a
// JoinConfiguration and its way of patching a KubeletConfiguration, and kubelet's flags,
// strict decoder and validation.
//
// It answers "would kubeadm and kubelet take these files?" for every golden in
// pkg/join/testdata/golden, of every family and minor. It is tests and nothing else, talks to
// nobody, and lives in this module because only it may require k8s.io/kubernetes. The release
// that judges is the one in go.mod; it reads kubeadm's v1beta3, which the oldest minors are
// written for, and v1beta4. The goldens are outside the module, where go test sees no change:
// it wants -count=1.
package judge
