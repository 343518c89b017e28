package clusterinfo

import (
	"context"
	"fmt"
	"slices"
	"strings"

	appsv1 "k8s.io/api/apps/v1"
	corev1 "k8s.io/api/core/v1"
	apierrors "k8s.io/apimachinery/pkg/api/errors"
	metav1 "k8s.io/apimachinery/pkg/apis/meta/v1"

	"github.com/karpenter-kubeadm/karpenter-provider-aws/pkg/cluster"
)

// readCloudProvider finds out who initialises nodes: the flag says it, else kubeadm's own
// configuration, else whether a cloud controller manager runs. A node that waits for one that
// is not there stays unusable, so without a sign of it there is none.
func (p *Provider) readCloudProvider(ctx context.Context, found *facts, kubeadm *kubeadmConfig) error {
	found.cluster.CloudProvider = cluster.None
	switch {
	case p.options.cloudProvider != "":
		found.cluster.CloudProvider = p.options.cloudProvider
		return nil
	case kubeadm.external(), found.cluster.Mode == cluster.EKS:
		found.cluster.CloudProvider = cluster.External
		return nil
	}
	runs, err := p.cloudControllerRuns(ctx)
	if runs {
		found.cluster.CloudProvider = cluster.External
	}
	return err
}

// cloudControllerRuns looks at the workloads of kube-system; of what it may not list it sees none.
func (p *Provider) cloudControllerRuns(ctx context.Context) (bool, error) {
	sets, err := p.kube.AppsV1().DaemonSets(metav1.NamespaceSystem).List(ctx, metav1.ListOptions{})
	if err != nil && !apierrors.IsForbidden(err) {
		return false, fmt.Errorf("listing DaemonSets of %s: %w", metav1.NamespaceSystem, err)
	}
	if err == nil && slices.ContainsFunc(sets.Items, func(set appsv1.DaemonSet) bool {
		return isCloudController(set.Name, set.Spec.Template.Spec)
	}) {
		return true, nil
	}
	deployments, err := p.kube.AppsV1().Deployments(metav1.NamespaceSystem).List(ctx, metav1.ListOptions{})
	if err != nil && !apierrors.IsForbidden(err) {
		return false, fmt.Errorf("listing Deployments of %s: %w", metav1.NamespaceSystem, err)
	}
	return err == nil && slices.ContainsFunc(deployments.Items, func(deployment appsv1.Deployment) bool {
		return isCloudController(deployment.Name, deployment.Spec.Template.Spec)
	}), nil
}

// isCloudController goes by the name that all of them have, of the workload or of its image.
func isCloudController(name string, pod corev1.PodSpec) bool {
	const sign = "cloud-controller-manager"
	if strings.Contains(name, sign) {
		return true
	}
	for _, container := range pod.Containers {
		if strings.Contains(container.Image, sign) {
			return true
		}
	}
	return false
}
