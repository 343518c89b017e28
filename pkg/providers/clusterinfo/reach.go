package clusterinfo

import (
	"cmp"
	"context"
	"errors"
	"fmt"

	apierrors "k8s.io/apimachinery/pkg/api/errors"
	metav1 "k8s.io/apimachinery/pkg/apis/meta/v1"
	"k8s.io/client-go/rest"
	"k8s.io/client-go/tools/clientcmd"

	"github.com/karpenter-kubeadm/karpenter-provider-aws/pkg/cluster"
)

// reach is where the API server is and which CA proves it.
type reach struct {
	endpoint string // host:port
	ca       []byte // PEM
}

// readReach finds out how nodes reach the API server: flags say it, else cluster-info, else
// kubeadm-config and the CA that this controller itself trusts.
func (p *Provider) readReach(ctx context.Context, found *facts, kubeadm *kubeadmConfig) error {
	wanted := reach{endpoint: p.options.endpoint, ca: p.options.ca}
	for _, source := range []func(context.Context, *kubeadmConfig) (reach, error){p.clusterInfo, p.ownReach} {
		if wanted.endpoint != "" && len(wanted.ca) > 0 {
			break
		}
		got, err := source(ctx, kubeadm)
		if err != nil {
			return err
		}
		wanted.endpoint = cmp.Or(wanted.endpoint, got.endpoint)
		if len(wanted.ca) == 0 {
			wanted.ca = got.ca
		}
	}
	if found.cluster.Mode == cluster.Kubeadm {
		if err := wanted.check(); err != nil {
			return err
		}
	}
	found.cluster.Endpoint, found.cluster.CA = wanted.endpoint, wanted.ca
	return nil
}

func (r reach) check() error {
	if r.endpoint == "" {
		return errors.New("where nodes reach the API server is in neither cluster-info nor kubeadm-config; set CLUSTER_ENDPOINT")
	}
	if _, err := cluster.Pins(r.ca); err != nil {
		return fmt.Errorf("the CA that nodes have to trust: %w; set CLUSTER_CA_BUNDLE", err)
	}
	return nil
}

// clusterInfo reads the kubeconfig in kube-public/cluster-info. A cluster may not have one, or
// may not show it.
func (p *Provider) clusterInfo(ctx context.Context, _ *kubeadmConfig) (reach, error) {
	text, err := p.configMap(ctx, metav1.NamespacePublic, configMapClusterInfo, "kubeconfig")
	if apierrors.IsNotFound(err) || apierrors.IsForbidden(err) {
		return reach{}, nil
	}
	if err != nil {
		return reach{}, err
	}
	return parseClusterInfo(text)
}

func parseClusterInfo(text string) (reach, error) {
	config, err := clientcmd.Load([]byte(text))
	if err != nil {
		return reach{}, fmt.Errorf("parsing kubeconfig in cluster-info: %w", err)
	}
	for _, entry := range config.Clusters { // kubeadm writes one, without a name
		endpoint, err := cluster.ParseServerURL(entry.Server)
		if err != nil {
			return reach{}, fmt.Errorf("server in cluster-info: %w", err)
		}
		return reach{endpoint: endpoint, ca: entry.CertificateAuthorityData}, nil
	}
	return reach{}, errors.New("kubeconfig in cluster-info names no cluster")
}

// ownReach is what is left: kubeadm's endpoint, and the CA of this controller's own client.
func (p *Provider) ownReach(_ context.Context, kubeadm *kubeadmConfig) (reach, error) {
	var own reach
	if kubeadm.ControlPlaneEndpoint != "" {
		endpoint, err := cluster.ParseControlPlaneEndpoint(kubeadm.ControlPlaneEndpoint)
		if err != nil {
			return reach{}, fmt.Errorf("kubeadm-config: %w", err)
		}
		own.endpoint = endpoint
	}
	config := rest.CopyConfig(p.config)
	if err := rest.LoadTLSFiles(config); err != nil {
		return reach{}, fmt.Errorf("reading the CA of this controller's own client: %w", err)
	}
	own.ca = config.CAData
	return own, nil
}
