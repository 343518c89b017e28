// Package ccm shows that nodes come up the same whoever initialises them: nobody but the
// kubelet and Karpenter, or a cloud controller manager, which may start after the nodes.
//
// The cloud controller manager is AWS's own, k8s.io/cloud-provider-aws, unmodified, as a
// process against the pretended EC2 and an embedded control plane. Folder program is a
// module of its own that pins it, so that nothing of it gets into the product's go.mod.
// `make ccm` builds everything and runs the specs; a program that is missing fails them.
package ccm
