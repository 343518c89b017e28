// Package kubeconf makes API clients from kubeconfig files on a hollow machine's disk.
//
// It answers who a file lets one be and where. It talks to the API server that the file
// names, by a transport of its own for each client, so that thousands of nodes with a
// certificate each do not stay in client-go's transport cache. It remembers nothing.
// It fails as clientcmd does, with the path in the message.
package kubeconf

import (
	"errors"
	"fmt"
	"net"
	"net/http"
	"path"
	"strings"
	"time"

	"k8s.io/client-go/kubernetes"
	"k8s.io/client-go/rest"
	"k8s.io/client-go/tools/clientcmd"
	clientcmdapi "k8s.io/client-go/tools/clientcmd/api"

	"github.com/karpenter-kubeadm/karpenter-provider-aws/test/hollow/vfs"
)

const (
	// idleTime is longer than the interval of a kubelet's heartbeats, so that a node keeps one connection.
	idleTime = 90 * time.Second
)

// Load reads a kubeconfig from a machine's disk, with the files that it names put in.
func Load(disk *vfs.FS, file string) (*clientcmdapi.Config, error) {
	data, err := disk.ReadFile(file)
	if err != nil {
		return nil, err
	}
	config, err := clientcmd.Load(data)
	if err != nil {
		return nil, fmt.Errorf("loading config file %q: %w", file, err)
	}
	if err := inline(disk, file, config); err != nil {
		return nil, fmt.Errorf("reading what %q names: %w", file, err)
	}
	return config, nil
}

// inline puts the files that a kubeconfig names into it.
func inline(disk *vfs.FS, file string, config *clientcmdapi.Config) error {
	var errs []error
	put := func(name *string, set func([]byte)) {
		if *name == "" {
			return
		}
		at := *name
		if !path.IsAbs(at) {
			at = path.Join(path.Dir(file), at)
		}
		content, err := disk.ReadFile(at)
		errs = append(errs, err)
		*name = ""
		set(content)
	}
	for _, cluster := range config.Clusters {
		put(&cluster.CertificateAuthority, func(data []byte) { cluster.CertificateAuthorityData = data })
	}
	for _, user := range config.AuthInfos {
		put(&user.TokenFile, func(data []byte) { user.Token = strings.TrimSpace(string(data)) })
		put(&user.ClientCertificate, func(data []byte) { user.ClientCertificateData = data })
		put(&user.ClientKey, func(data []byte) { user.ClientKeyData = data })
	}
	return errors.Join(errs...)
}

// Client is a clientset whose connections can be closed.
type Client struct {
	kubernetes.Interface
	transport *http.Transport
}

// Close ends the client's connections once they are idle.
func (c *Client) Close() { c.transport.CloseIdleConnections() }

// New returns a client for the current context of config, which checks certificates by the
// clock of the machine that it is on.
func New(config *clientcmdapi.Config, now func() time.Time) (*Client, error) {
	restConfig, err := clientcmd.NewDefaultClientConfig(*config, &clientcmd.ConfigOverrides{}).ClientConfig()
	if err != nil {
		return nil, err
	}
	return forConfig(restConfig, now)
}

// forConfig returns a client that authenticates as config says.
func forConfig(config *rest.Config, now func() time.Time) (*Client, error) {
	tlsConfig, err := rest.TLSConfigFor(config)
	if err != nil {
		return nil, fmt.Errorf("preparing TLS: %w", err)
	}
	if tlsConfig != nil {
		tlsConfig = tlsConfig.Clone()
		tlsConfig.Time = now
	}
	transport := &http.Transport{
		TLSClientConfig: tlsConfig, ForceAttemptHTTP2: true, MaxIdleConnsPerHost: 1, IdleConnTimeout: idleTime, TLSHandshakeTimeout: 10 * time.Second,
		DialContext: (&net.Dialer{Timeout: 10 * time.Second, KeepAlive: 30 * time.Second}).DialContext,
	}
	wrapped, err := rest.HTTPWrappersForConfig(config, transport)
	if err != nil {
		return nil, fmt.Errorf("preparing authentication: %w", err)
	}
	limited := rest.CopyConfig(config)
	limited.QPS, limited.ContentType, limited.AcceptContentTypes = -1, "application/vnd.kubernetes.protobuf", "application/vnd.kubernetes.protobuf,application/json"
	clientset, err := kubernetes.NewForConfigAndClient(limited, &http.Client{Transport: wrapped})
	if err != nil {
		return nil, err
	}
	return &Client{Interface: clientset, transport: transport}, nil
}
