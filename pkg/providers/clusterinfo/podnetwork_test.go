package clusterinfo

import (
	"testing"

	. "github.com/onsi/gomega"
	appsv1 "k8s.io/api/apps/v1"
	corev1 "k8s.io/api/core/v1"
	metav1 "k8s.io/apimachinery/pkg/apis/meta/v1"
	"k8s.io/client-go/rest"

	"github.com/karpenter-kubeadm/karpenter-provider-aws/pkg/cluster"
	"github.com/karpenter-kubeadm/karpenter-provider-aws/test/env/apiserver"
)

// awsNode is the VPC CNI's DaemonSet, shortened.
func awsNode() *appsv1.DaemonSet {
	labels := map[string]string{"k8s-app": "aws-node"}
	set := &appsv1.DaemonSet{ObjectMeta: metav1.ObjectMeta{Name: "aws-node"}}
	set.Spec.Selector = &metav1.LabelSelector{MatchLabels: labels}
	set.Spec.Template.Labels = labels
	set.Spec.Template.Spec.Containers = []corev1.Container{
		{Name: "aws-node", Image: "amazon-k8s-cni:v1.20.4", Env: []corev1.EnvVar{{Name: "WARM_ENI_TARGET", Value: "1"}}},
		{Name: "aws-eks-nodeagent", Image: "aws-network-policy-agent:v1.2.7", Env: []corev1.EnvVar{{Name: "ENABLE_PREFIX_DELEGATION", Value: "true"}}},
	}
	return set
}

func TestPodNetwork(t *testing.T) {
	config := apiserver.Start(t)
	kube := kubeadm(t, config)
	sets := kube.AppsV1().DaemonSets("kube-system")

	t.Run("without the VPC CNI pods are in an overlay, unless it is said that they are not", func(t *testing.T) {
		g := NewWithT(t)
		g.Expect(pods(t, config, Options{})).To(Equal(cluster.PodNetwork{}))
		g.Expect(pods(t, config, Options{PodNetwork: VPC})).To(Equal(cluster.PodNetwork{VPC: true}))
	})

	t.Run("where it is, they have the VPC's addresses, unless it is said that they have not", func(t *testing.T) {
		g := NewWithT(t)
		set, err := sets.Create(t.Context(), awsNode(), metav1.CreateOptions{})
		g.Expect(err).NotTo(HaveOccurred())
		g.Expect(pods(t, config, Options{})).To(Equal(cluster.PodNetwork{VPC: true}), "another container's settings are its own")
		g.Expect(pods(t, config, Options{PodNetwork: Overlay})).To(Equal(cluster.PodNetwork{}))
		g.Expect(pods(t, config, Options{Mode: cluster.EKS, Endpoint: config.Host})).To(Equal(cluster.PodNetwork{}), "EKS's sizes count addresses anyway")

		set.Spec.Template.Spec.Containers[0].Env = []corev1.EnvVar{
			{Name: "ENABLE_PREFIX_DELEGATION", Value: "true"}, {Name: "AWS_VPC_K8S_CNI_CUSTOM_NETWORK_CFG", Value: "true"},
		}
		_, err = sets.Update(t.Context(), set, metav1.UpdateOptions{})
		g.Expect(err).NotTo(HaveOccurred())
		g.Expect(pods(t, config, Options{})).To(Equal(cluster.PodNetwork{VPC: true, Prefixes: true, Custom: true}))
		g.Expect(pods(t, config, Options{PodNetwork: VPC})).To(Equal(cluster.PodNetwork{VPC: true, Prefixes: true, Custom: true}))
	})
}

// pods is what a provider that was just made finds.
func pods(t *testing.T, config *rest.Config, options Options) cluster.PodNetwork {
	t.Helper()
	p, _ := provider(t, config, options)
	got, err := p.Get(t.Context())
	NewWithT(t).Expect(err).NotTo(HaveOccurred())
	return got.Pods
}
