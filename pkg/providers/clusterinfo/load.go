package clusterinfo

import (
	"context"
	"fmt"
	"net/netip"

	apierrors "k8s.io/apimachinery/pkg/api/errors"
	metav1 "k8s.io/apimachinery/pkg/apis/meta/v1"

	"github.com/karpenter-kubeadm/karpenter-provider-aws/pkg/cluster"
)

// facts are what one reading of the cluster found.
type facts struct {
	cluster cluster.Cluster // without Version
	version cluster.Version // kubeadm-config's, zero when it does not say
}

const (
	configMapKubeadm     = "kubeadm-config"
	configMapKubelet     = "kubelet-config"
	configMapClusterInfo = "cluster-info"
	serviceDNS           = "kube-dns"
)

// load reads everything. What a cluster may lack is left empty; what it must have is an error.
func (p *Provider) load(ctx context.Context) (facts, error) {
	kubeadm, err := p.kubeadmConfig(ctx)
	if err != nil {
		return facts{}, err
	}
	mode := p.decide(kubeadm)
	found := facts{cluster: cluster.Cluster{Mode: mode, Name: p.options.name}}
	steps := []func(context.Context, *facts) error{p.readUID, p.readDNS}
	if mode == cluster.Kubeadm {
		found.fromKubeadm(kubeadm)
		steps = append(steps, p.readKubelet, p.readPodNetwork, p.readAnonymous)
	}
	for _, step := range steps {
		if err := step(ctx, &found); err != nil {
			return facts{}, err
		}
	}
	if err := p.readReach(ctx, &found, kubeadm); err != nil {
		return facts{}, err
	}
	if err := p.readCloudProvider(ctx, &found, kubeadm); err != nil {
		return facts{}, err
	}
	if err := p.poll(ctx); err != nil {
		return facts{}, err
	}
	return found, nil
}

// decide settles what kind of cluster this is the first time it is asked.
func (p *Provider) decide(kubeadm *kubeadmConfig) cluster.Mode {
	if p.options.mode != "" {
		return p.options.mode
	}
	if decided := p.mode.Load(); decided != nil {
		return *decided
	}
	mode := cluster.EKS
	if kubeadm.present {
		mode = cluster.Kubeadm
	}
	p.mode.CompareAndSwap(nil, &mode)
	return *p.mode.Load()
}

// kubeadmConfig reads kubeadm's ClusterConfiguration. It is not present where the cluster has none, or does not show it, and the mode is not known to be kubeadm: the image
// may run in an EKS cluster, with the AWS provider's own RBAC.
func (p *Provider) kubeadmConfig(ctx context.Context) (*kubeadmConfig, error) {
	if p.options.mode == cluster.EKS {
		return &kubeadmConfig{}, nil
	}
	text, err := p.configMap(ctx, metav1.NamespaceSystem, configMapKubeadm, "ClusterConfiguration")
	if apierrors.IsNotFound(err) || apierrors.IsForbidden(err) {
		if decided := p.mode.Load(); p.options.mode == cluster.Kubeadm || decided != nil && *decided == cluster.Kubeadm {
			return nil, err
		}
		return &kubeadmConfig{}, nil
	}
	if err != nil {
		return nil, err
	}
	return parseKubeadmConfig(text)
}

func (p *Provider) configMap(ctx context.Context, namespace, name, key string) (string, error) {
	object, err := p.kube.CoreV1().ConfigMaps(namespace).Get(ctx, name, metav1.GetOptions{})
	if err != nil {
		return "", fmt.Errorf("getting ConfigMap %s/%s: %w", namespace, name, err)
	}
	text, ok := object.Data[key]
	if !ok {
		return "", fmt.Errorf("ConfigMap %s/%s has no %s", namespace, name, key)
	}
	return text, nil
}

func (p *Provider) readUID(ctx context.Context, found *facts) error {
	namespace, err := p.kube.CoreV1().Namespaces().Get(ctx, metav1.NamespaceSystem, metav1.GetOptions{})
	if err != nil {
		return fmt.Errorf("getting namespace %s: %w", metav1.NamespaceSystem, err)
	}
	found.cluster.UID = string(namespace.UID)
	return nil
}

func (p *Provider) readDNS(ctx context.Context, found *facts) error {
	service, err := p.kube.CoreV1().Services(metav1.NamespaceSystem).Get(ctx, serviceDNS, metav1.GetOptions{})
	if apierrors.IsNotFound(err) {
		return nil
	}
	if err != nil {
		return fmt.Errorf("getting Service %s/%s: %w", metav1.NamespaceSystem, serviceDNS, err)
	}
	if addr, err := netip.ParseAddr(service.Spec.ClusterIP); err == nil { // "None" for a headless one
		found.cluster.DNS = addr
	}
	return nil
}

func (p *Provider) readKubelet(ctx context.Context, found *facts) error {
	text, err := p.configMap(ctx, metav1.NamespaceSystem, configMapKubelet, "kubelet")
	if apierrors.IsNotFound(err) {
		return nil
	}
	found.cluster.Kubelet = []byte(text)
	return err
}

// readAnonymous asks for cluster-info as a machine does that has nothing but a token.
func (p *Provider) readAnonymous(ctx context.Context, found *facts) error {
	_, err := p.anonymous.CoreV1().ConfigMaps(metav1.NamespacePublic).Get(ctx, configMapClusterInfo, metav1.GetOptions{})
	switch {
	case err == nil:
		found.cluster.AnonymousDiscovery = true
		return nil
	case apierrors.IsUnauthorized(err), apierrors.IsForbidden(err), apierrors.IsNotFound(err):
		return nil
	default:
		return fmt.Errorf("getting ConfigMap %s/%s without credentials: %w", metav1.NamespacePublic, configMapClusterInfo, err)
	}
}
