package join

import (
	corev1 "k8s.io/api/core/v1"

	"github.com/karpenter-kubeadm/karpenter-provider-aws/pkg/cluster"
	"github.com/karpenter-kubeadm/karpenter-provider-aws/pkg/kubelet"
)

// Family is an operating system family, as spec.amiFamily names it.
type Family string

// The families that kubeadm mode renders for.
const (
	Ubuntu Family = "Ubuntu"
	Custom Family = "Custom"
)

// Spec is everything that the user data of one launch template is made from.
type Spec struct {
	Family  Family
	Cluster cluster.Cluster
	Token   Token
	Region  string
	Sizes   kubelet.Sizes
	// Labels and Taints are the NodeClaim's; Render drops labels that a kubelet may not
	// set on itself and adds the karpenter.sh/unregistered taint.
	Labels map[string]string
	// Taints and startup taints, as the node shall register with.
	Taints []corev1.Taint
	// ResourceNaming: node names are instance ids, not addresses.
	ResourceNaming bool
	// InstanceStoreRAID0: instance store disks become one array under kubelet and containerd.
	InstanceStoreRAID0 bool
	// UserData is the user's own, verbatim; may be empty.
	UserData string
}
