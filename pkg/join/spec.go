package join

import (
	"fmt"

	corev1 "k8s.io/api/core/v1"

	"github.com/karpenter-kubeadm/karpenter-provider-aws/pkg/cluster"
	"github.com/karpenter-kubeadm/karpenter-provider-aws/pkg/kubelet"
)

// Family is an operating system family, as spec.amiFamily names it.
type Family string

// The families that kubeadm mode renders for.
const (
	Ubuntu Family = "Ubuntu"
	Debian Family = "Debian"
	AL2023 Family = "AL2023"
	// Bottlerocket is AWS's container OS, in its variants aws-k8s-*.
	Bottlerocket Family = "Bottlerocket"
	// Flatcar is Flatcar Container Linux, 3185.0.0 and newer.
	Flatcar Family = "Flatcar"
	Custom  Family = "Custom"
)

// Spec is everything that the user data of one launch template is made from.
type Spec struct {
	Family  Family
	Cluster cluster.Cluster
	Token   Token
	// Parameter names a SecureString of Systems Manager that holds the token's value, which the
	// machine fetches with its instance role. When it is set user data holds no secret and
	// Token is not used.
	Parameter string
	Region    string // as in node names, which the controller computes too
	Sizes     kubelet.Sizes
	// Kubelet is spec.kubelet as a JSON object, empty when there is none. What Sizes says
	// of max pods, reserved resources and hard evictions wins over it.
	Kubelet []byte
	// Labels and Taints are the NodeClaim's; Render drops labels that a kubelet may not
	// set on itself and adds the karpenter.sh/unregistered taint.
	Labels map[string]string
	// Taints and startup taints, as the node shall register with.
	Taints []corev1.Taint
	// ResourceNaming: node names are instance ids, not addresses.
	ResourceNaming bool
	// InstanceStoreRAID0: instance store disks become one array under kubelet and containerd.
	InstanceStoreRAID0 bool
	// Sources are where the machine gets packages and images from.
	Sources Sources
	// UserData is the user's own, verbatim; may be empty.
	UserData string
}

// SpecError is input of the user's that cannot be rendered. Trying again does not help
// until it is changed.
type SpecError struct {
	Field   string // of the EC2NodeClass, for example "spec.userData"
	Problem string // what is wrong with it, and what to do
}

func (e *SpecError) Error() string { return e.Field + ": " + e.Problem }

// SizeError is user data that EC2 would refuse.
type SizeError struct {
	Size, Limit int // bytes before base64
}

func (e *SizeError) Error() string {
	return fmt.Sprintf("spec.userData: user data would be %d bytes and EC2 takes %d; make it shorter, "+
		"or have it fetch what it runs", e.Size, e.Limit)
}
