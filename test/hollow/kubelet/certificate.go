package kubelet

import (
	"context"
	"crypto/tls"
	"crypto/x509"
	"crypto/x509/pkix"
	"errors"
	"fmt"
	"net"
	"slices"
	"time"

	certificatesv1 "k8s.io/api/certificates/v1"
	corev1 "k8s.io/api/core/v1"
	"k8s.io/client-go/kubernetes"
	"k8s.io/client-go/tools/clientcmd"
	clientcmdapi "k8s.io/client-go/tools/clientcmd/api"
	"k8s.io/client-go/util/certificate"

	"github.com/karpenter-kubeadm/karpenter-provider-aws/test/hollow/kubeconf"
	"github.com/karpenter-kubeadm/karpenter-provider-aws/test/hollow/machine"
	"github.com/karpenter-kubeadm/karpenter-provider-aws/test/hollow/vfs"
)

// certificateTime is how long a kubelet waits for its first certificate before it exits,
// to be started anew.
const certificateTime = 5 * time.Minute

// store keeps a certificate with its key on a machine's disk, as the kubelet's FileStore does.
type store struct {
	disk *vfs.FS
	file string
}

// Current returns the certificate on disk.
func (s store) Current() (*tls.Certificate, error) {
	data, err := s.disk.ReadFile(s.file)
	if err != nil {
		missing := certificate.NoCertKeyError("no certificate in " + s.file)
		return nil, &missing
	}
	return parse(data, data)
}

// Update replaces the certificate on disk.
func (s store) Update(cert, key []byte) (*tls.Certificate, error) {
	parsed, err := parse(cert, key)
	if err != nil {
		return nil, err
	}
	return parsed, s.disk.Put(s.file, slices.Concat(cert, key), 0o600)
}

func parse(cert, key []byte) (*tls.Certificate, error) {
	pair, err := tls.X509KeyPair(cert, key)
	if err != nil {
		return nil, err
	}
	if pair.Leaf, err = x509.ParseCertificate(pair.Certificate[0]); err != nil {
		return nil, err
	}
	return &pair, nil
}

// identity is a kubelet's way to a client certificate.
type identity struct {
	s    settings
	m    *machine.Machine
	disk *vfs.FS
}

func (i identity) pem() string { return i.s.flags.certDir + "/kubelet-client-current.pem" }

// client returns a client with the node's own certificate. When there is none on disk it
// gets one with the bootstrap credentials, by a new request with a new key after each
// denial, as the kubelet's certificate manager does, until ctx ends or certificateTime is over.
func (i identity) client(ctx context.Context) (*kubeconf.Client, error) {
	if config, err := kubeconf.Load(i.disk, i.s.flags.kubeconfig); err == nil {
		return kubeconf.New(config, i.m.Now)
	}
	bootstrap, err := kubeconf.Load(i.disk, i.s.flags.bootstrap)
	if err != nil {
		return nil, fmt.Errorf("failed to run Kubelet: unable to load bootstrap kubeconfig: %w", err)
	}
	if err := i.writeKubeconfig(bootstrap); err != nil {
		return nil, err
	}
	client, err := kubeconf.New(bootstrap, i.m.Now)
	if err != nil {
		return nil, err
	}
	defer client.Close()
	if err := i.bootstrap(ctx, client); err != nil {
		return nil, err
	}
	config, err := kubeconf.Load(i.disk, i.s.flags.kubeconfig)
	if err != nil {
		return nil, err
	}
	return kubeconf.New(config, i.m.Now)
}

// writeKubeconfig writes the kubeconfig that names the certificate to come.
func (i identity) writeKubeconfig(bootstrap *clientcmdapi.Config) error {
	current := bootstrap.Contexts[bootstrap.CurrentContext]
	if current == nil || bootstrap.Clusters[current.Cluster] == nil {
		return errors.New("bootstrap kubeconfig has no current context")
	}
	data, err := clientcmd.Write(clientcmdapi.Config{
		Clusters:       map[string]*clientcmdapi.Cluster{"default-cluster": bootstrap.Clusters[current.Cluster]},
		AuthInfos:      map[string]*clientcmdapi.AuthInfo{"default-auth": {ClientCertificate: i.pem(), ClientKey: i.pem()}},
		Contexts:       map[string]*clientcmdapi.Context{"default-context": {Cluster: "default-cluster", AuthInfo: "default-auth", Namespace: "default"}},
		CurrentContext: "default-context",
	})
	if err != nil {
		return err
	}
	return i.disk.Put(i.s.flags.kubeconfig, data, 0o600)
}

func (i identity) bootstrap(ctx context.Context, client kubernetes.Interface) error {
	name := "system:node:" + i.s.hostname
	manager, err := newManager(ctx, client, store{i.disk, i.pem()}, certificatesv1.KubeAPIServerClientKubeletSignerName, certificatesv1.UsageClientAuth,
		func() *x509.CertificateRequest {
			return &x509.CertificateRequest{Subject: pkix.Name{CommonName: name, Organization: []string{"system:nodes"}}}
		})
	if err != nil {
		return err
	}
	manager.Start()
	defer manager.Stop()
	tick := time.NewTicker(50 * time.Millisecond)
	defer tick.Stop()
	for end := i.m.Waited() + certificateTime; manager.Current() == nil; {
		if ctx.Err() != nil || i.m.Waited() > end {
			return errors.New("failed to run Kubelet: no client certificate within 5m0s")
		}
		select {
		case <-ctx.Done():
		case <-tick.C:
		}
	}
	return nil
}

func newManager(ctx context.Context, client kubernetes.Interface, keep certificate.Store, signer string, usage certificatesv1.KeyUsage, template func() *x509.CertificateRequest) (certificate.Manager, error) {
	manager, err := certificate.NewManager(&certificate.Config{
		ClientsetFn: func(*tls.Certificate) (kubernetes.Interface, error) { return client, nil },
		GetTemplate: template,
		SignerName:  signer,
		GetUsages: func(any) []certificatesv1.KeyUsage {
			return []certificatesv1.KeyUsage{certificatesv1.UsageDigitalSignature, usage}
		},
		CertificateStore: keep,
		Ctx:              &ctx,
	})
	if err != nil {
		return nil, fmt.Errorf("preparing certificate manager: %w", err)
	}
	return manager, nil
}

// serving asks for a serving certificate with the node's own credentials; the manager
// keeps asking until it has one and renews it. It returns what stops it.
func (i identity) serving(ctx context.Context, client kubernetes.Interface, addresses []corev1.NodeAddress) (func(), error) {
	template := &x509.CertificateRequest{Subject: pkix.Name{CommonName: "system:node:" + i.s.hostname, Organization: []string{"system:nodes"}}}
	for _, address := range addresses {
		if ip := net.ParseIP(address.Address); ip != nil {
			template.IPAddresses = append(template.IPAddresses, ip)
		} else {
			template.DNSNames = append(template.DNSNames, address.Address)
		}
	}
	if len(addresses) == 0 {
		return func() {}, nil // the kubelet waits for addresses, which are not its own to set
	}
	manager, err := newManager(ctx, client, store{i.disk, i.s.flags.certDir + "/kubelet-server-current.pem"}, certificatesv1.KubeletServingSignerName, certificatesv1.UsageServerAuth,
		func() *x509.CertificateRequest { return template })
	if err != nil {
		return nil, err
	}
	manager.Start()
	return manager.Stop, nil
}
