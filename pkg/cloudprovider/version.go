package cloudprovider

import (
	"context"
	"fmt"
	"time"

	corev1 "k8s.io/api/core/v1"
	apierrors "k8s.io/apimachinery/pkg/api/errors"
	"k8s.io/apimachinery/pkg/types"
	karpv1 "sigs.k8s.io/karpenter/pkg/apis/v1"
	karpenter "sigs.k8s.io/karpenter/pkg/cloudprovider"

	v1 "github.com/karpenter-kubeadm/karpenter-provider-aws/pkg/apis/v1"
	"github.com/karpenter-kubeadm/karpenter-provider-aws/pkg/cluster"
)

// KubernetesVersionDrift says that the control plane has moved on and the node has not.
const KubernetesVersionDrift karpenter.DriftReason = "KubernetesVersionDrift"

// stableFor is how long the control plane has to be of one minor before nodes follow it. An
// upgrade that fails is rolled back within minutes; half would replace nodes in the middle of
// one whose servers are upgraded by hand, double keeps whoever waits for the nodes.
const stableFor = 30 * time.Minute

// versionDrift compares the kubelet of claim's node with the control plane.
func (c *CloudProvider) versionDrift(ctx context.Context, claim *karpv1.NodeClaim) (karpenter.DriftReason, error) {
	where, err := c.Clusters.Get(ctx)
	if err != nil {
		return notDrifted, err
	}
	if where.Mode != cluster.Kubeadm || claim.Status.NodeName == "" || c.Clock.Since(where.Settled) < stableFor {
		return notDrifted, nil
	}
	var node corev1.Node
	err = c.Kube.Get(ctx, types.NamespacedName{Name: claim.Status.NodeName}, &node)
	if apierrors.IsNotFound(err) {
		return notDrifted, nil
	}
	if err != nil {
		return notDrifted, fmt.Errorf("reading node %s: %w", claim.Status.NodeName, err)
	}
	if behind(node.Status.NodeInfo.KubeletVersion, where.Version, c.config.KubeletSkew) &&
		launchedBefore(claim.Annotations[v1.AnnotationKubernetesVersion], where.Version) {
		return KubernetesVersionDrift, nil
	}
	return notDrifted, nil
}

// behind reports whether a kubelet is more minors older than the control plane than allowed. A
// version that cannot be read is none to act on.
func behind(kubelet string, control cluster.Version, allowed int) bool {
	is, err := cluster.ParseVersion(kubelet)
	return err == nil && is.Major == control.Major && control.Minor-is.Minor > allowed
}

// launchedBefore reports whether a node was launched for an older minor than the control
// plane's. One that was launched for this minor and runs an older kubelet has it from its
// image, as its successor would.
func launchedBefore(version string, control cluster.Version) bool {
	was, err := cluster.ParseVersion(version)
	return err != nil || was.Major == control.Major && was.Minor < control.Minor
}
