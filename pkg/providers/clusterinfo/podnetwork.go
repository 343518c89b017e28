package clusterinfo

import (
	"context"
	"fmt"

	corev1 "k8s.io/api/core/v1"
	apierrors "k8s.io/apimachinery/pkg/api/errors"
	metav1 "k8s.io/apimachinery/pkg/apis/meta/v1"

	"github.com/karpenter-kubeadm/karpenter-provider-aws/pkg/cluster"
)

// PodNetwork is whose addresses pods have.
type PodNetwork string

// The networks that can be asked for.
const (
	// Overlay stands for every network whose addresses are not the VPC's.
	Overlay PodNetwork = "overlay"
	// VPC is Amazon's VPC CNI.
	VPC PodNetwork = "vpc"
)

// daemonSetVPC is the VPC CNI's name in all its manifests and charts.
const daemonSetVPC = "aws-node"

// readPodNetwork finds out whether pods take addresses of the VPC: the flag says it, else
// whether the VPC CNI is there. How it uses interfaces stands in its own settings either way.
func (p *Provider) readPodNetwork(ctx context.Context, found *facts) error {
	if p.options.podNetwork == Overlay {
		return nil
	}
	set, err := p.kube.AppsV1().DaemonSets(metav1.NamespaceSystem).Get(ctx, daemonSetVPC, metav1.GetOptions{})
	switch {
	case apierrors.IsNotFound(err), apierrors.IsForbidden(err):
		found.cluster.Pods.VPC = p.options.podNetwork == VPC
		return nil
	case err != nil:
		return fmt.Errorf("getting DaemonSet %s/%s: %w", metav1.NamespaceSystem, daemonSetVPC, err)
	default:
		found.cluster.Pods = vpcNetwork(set.Spec.Template.Spec)
		return nil
	}
}

// vpcNetwork reads the settings of the VPC CNI's main container, which is named as its DaemonSet.
func vpcNetwork(pod corev1.PodSpec) cluster.PodNetwork {
	network := cluster.PodNetwork{VPC: true}
	for _, container := range pod.Containers {
		if container.Name != daemonSetVPC {
			continue
		}
		for _, variable := range container.Env {
			switch variable.Name {
			case "ENABLE_PREFIX_DELEGATION":
				network.Prefixes = variable.Value == "true"
			case "AWS_VPC_K8S_CNI_CUSTOM_NETWORK_CFG":
				network.Custom = variable.Value == "true"
			}
		}
	}
	return network
}
