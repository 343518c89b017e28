package kubeadm

import (
	"bytes"
	"context"
	"crypto/sha256"
	"crypto/x509"
	"encoding/hex"
	"encoding/pem"
	"errors"
	"fmt"
	"slices"
	"strings"
	"time"

	apierrors "k8s.io/apimachinery/pkg/api/errors"
	metav1 "k8s.io/apimachinery/pkg/apis/meta/v1"
	"k8s.io/apimachinery/pkg/util/wait"
	"k8s.io/client-go/tools/clientcmd"
	clientcmdapi "k8s.io/client-go/tools/clientcmd/api"
	bootstrapapi "k8s.io/cluster-bootstrap/token/api"
	"k8s.io/cluster-bootstrap/token/jws"

	"github.com/karpenter-kubeadm/karpenter-provider-aws/test/hollow/kubeconf"
)

// discoveryInterval is how often kubeadm asks again.
const discoveryInterval = 5 * time.Second

// retry calls try until it succeeds, then returns nil, or until limit has passed as the
// machine feels it, then returns its last error. The first wait is short, since machines here
// start quickly.
func (j joiner) retry(ctx context.Context, interval, limit time.Duration, try func(context.Context) error) error {
	var last error
	steps := wait.Backoff{Duration: interval / 20, Factor: 2, Steps: 1 << 30, Cap: interval}
	ctx, cancel := context.WithTimeout(ctx, limit)
	defer cancel()
	for end := j.m.Waited() + limit; ; {
		if last = try(ctx); last == nil || j.m.Waited() > end {
			return last
		}
		select {
		case <-ctx.Done():
			return last
		case <-time.After(steps.Step()):
		}
	}
}

// discover returns a kubeconfig with the API server, a CA that is to be trusted and
// credentials for the bootstrap.
func (j joiner) discover(ctx context.Context) (*clientcmdapi.Config, error) {
	c := j.c
	var found *clientcmdapi.Config
	var err error
	if c.Discovery.File != nil {
		found, err = j.byFile(ctx, c.Discovery.File.KubeConfigPath)
	} else {
		found, err = j.byToken(ctx, c.Discovery.BootstrapToken)
	}
	if err != nil {
		return nil, fmt.Errorf("couldn't validate the identity of the API Server: %w", err)
	}
	if token := c.Discovery.TLSBootstrapToken; token != "" {
		cluster, err := clusterOf(found)
		if err != nil {
			return nil, err
		}
		return kubeconfig(cluster.Server, cluster.CertificateAuthorityData, "tls-bootstrap-token-user", &clientcmdapi.AuthInfo{Token: token}), nil
	}
	if user := found.AuthInfos[userOf(found)]; user == nil || (user.Token == "" && user.ClientCertificateData == nil && user.Username == "") {
		return nil, errors.New("could not find authentication credentials for the TLS bootstrap process. Please use Token discovery, a discovery file with embedded authentication credentials or a discovery file without authentication credentials but with the TLSBootstrapToken flag")
	}
	return found, nil
}

func kubeconfig(server string, ca []byte, user string, auth *clientcmdapi.AuthInfo) *clientcmdapi.Config {
	name := user + "@kubernetes"
	return &clientcmdapi.Config{
		Clusters:       map[string]*clientcmdapi.Cluster{"kubernetes": {Server: server, CertificateAuthorityData: ca}},
		Contexts:       map[string]*clientcmdapi.Context{name: {Cluster: "kubernetes", AuthInfo: user}},
		AuthInfos:      map[string]*clientcmdapi.AuthInfo{user: auth},
		CurrentContext: name,
	}
}

// clusterOf returns the cluster of a kubeconfig's current context, or its only one.
func clusterOf(config *clientcmdapi.Config) (*clientcmdapi.Cluster, error) {
	if current := config.Contexts[config.CurrentContext]; current != nil && config.Clusters[current.Cluster] != nil {
		return config.Clusters[current.Cluster], nil
	}
	if cluster := config.Clusters[""]; cluster != nil {
		return cluster, nil
	}
	return nil, errors.New("the provided kubeconfig file is malformed: failed to get the current Cluster")
}

func userOf(config *clientcmdapi.Config) string {
	if current := config.Contexts[config.CurrentContext]; current != nil {
		return current.AuthInfo
	}
	return ""
}

// byFile trusts the CA of a kubeconfig on disk and checks it against the API server. When
// cluster-info cannot be read anonymously, that the server's certificate is right is enough.
func (j joiner) byFile(ctx context.Context, name string) (*clientcmdapi.Config, error) {
	config, err := kubeconf.Load(j.p.FS, j.p.Path(name))
	if err != nil {
		return nil, err
	}
	if _, err := clusterOf(config); err != nil {
		return nil, err
	}
	client, err := kubeconf.New(config, j.m.Now)
	if err != nil {
		return nil, err
	}
	defer client.Close()
	limit := j.c.Timeouts.Discovery.Duration
	err = j.retry(ctx, discoveryInterval, limit, func(ctx context.Context) error {
		_, err := client.CoreV1().ConfigMaps(metav1.NamespacePublic).Get(ctx, bootstrapapi.ConfigMapClusterInfo, metav1.GetOptions{})
		if apierrors.IsForbidden(err) {
			return nil
		}
		return err
	})
	if err != nil {
		return nil, fmt.Errorf("abort reading the cluster-info ConfigMap after timeout of %s: %w", limit, err)
	}
	return config, nil
}

// byToken reads cluster-info without credentials and believes it because the token
// signed it and the pins, when there are any, match its CA; then reads it again over that CA.
func (j joiner) byToken(ctx context.Context, t *tokenDiscovery) (*clientcmdapi.Config, error) {
	pins, err := parsePins(t.CACertHashes)
	if err != nil {
		return nil, fmt.Errorf("invalid discovery token CA certificate hash: %w", err)
	}
	server := "https://" + t.APIServerEndpoint
	open := kubeconfig(server, nil, "token-bootstrap-client", &clientcmdapi.AuthInfo{})
	open.Clusters["kubernetes"].InsecureSkipTLSVerify = true
	first, err := j.clusterInfo(ctx, open, t.Token)
	if err != nil {
		return nil, err
	}
	config, err := clientcmd.Load(first)
	if err != nil {
		return nil, fmt.Errorf("couldn't parse the kubeconfig file in the cluster-info ConfigMap: %w", err)
	}
	cluster, err := clusterOf(config)
	if err != nil || len(pins) == 0 {
		return config, err
	}
	if err := matchPin(cluster.CertificateAuthorityData, pins); err != nil {
		return nil, fmt.Errorf("cluster CA found in cluster-info ConfigMap is invalid: %w", err)
	}
	second, err := j.clusterInfo(ctx, kubeconfig(server, cluster.CertificateAuthorityData, "token-bootstrap-client", &clientcmdapi.AuthInfo{}), t.Token)
	if err != nil {
		return nil, err
	}
	if !bytes.Equal(first, second) {
		return nil, errors.New("the second kubeconfig from the cluster-info ConfigMap (using validated TLS) was different from the first")
	}
	return config, nil
}

// clusterInfo reads the kubeconfig of cluster-info, once it bears the token's signature, and verifies that.
func (j joiner) clusterInfo(ctx context.Context, config *clientcmdapi.Config, token string) ([]byte, error) {
	client, err := kubeconf.New(config, j.m.Now)
	if err != nil {
		return nil, err
	}
	defer client.Close()
	id, secret, _ := strings.Cut(token, ".")
	var data map[string]string
	err = j.retry(ctx, discoveryInterval, j.c.Timeouts.Discovery.Duration, func(ctx context.Context) error {
		info, err := client.CoreV1().ConfigMaps(metav1.NamespacePublic).Get(ctx, bootstrapapi.ConfigMapClusterInfo, metav1.GetOptions{})
		if err != nil {
			return fmt.Errorf("failed to request the cluster-info ConfigMap: %w", err)
		}
		data = info.Data
		if data[bootstrapapi.JWSSignatureKeyPrefix+id] == "" {
			return fmt.Errorf("could not find a JWS signature in the cluster-info ConfigMap for token ID %q", id)
		}
		return nil
	})
	if err != nil {
		return nil, err
	}
	content := data[bootstrapapi.KubeConfigKey]
	if content == "" {
		return nil, errors.New("there is no kubeconfig key in the cluster-info ConfigMap. This API Server isn't set up for token bootstrapping, can't connect")
	}
	if !jws.DetachedTokenIsValid(data[bootstrapapi.JWSSignatureKeyPrefix+id], content, id, secret) {
		return nil, errors.New("failed to verify JWS signature of received cluster info object, can't trust this API Server")
	}
	return []byte(content), nil
}

// parsePins reads "sha256:<hex>" hashes.
func parsePins(hashes []string) ([]string, error) {
	var pins []string
	for _, hash := range hashes {
		kind, value, ok := strings.Cut(hash, ":")
		sum, err := hex.DecodeString(value)
		switch {
		case !ok:
			return nil, fmt.Errorf("invalid hash, expected \"format:hex-value\": %q", hash)
		case !strings.EqualFold(kind, "sha256"):
			return nil, fmt.Errorf("unknown hash format %q", kind)
		case err != nil || len(sum) != sha256.Size:
			return nil, fmt.Errorf("expected hash of length %d: %q", sha256.Size, hash)
		}
		pins = append(pins, hex.EncodeToString(sum))
	}
	return pins, nil
}

// matchPin fails unless the public key of one certificate of a bundle has one of the pins.
func matchPin(bundle []byte, pins []string) error {
	var seen []string
	for block, rest := pem.Decode(bundle); block != nil; block, rest = pem.Decode(rest) {
		cert, err := x509.ParseCertificate(block.Bytes)
		if err != nil {
			return fmt.Errorf("parsing cluster CA: %w", err)
		}
		sum := sha256.Sum256(cert.RawSubjectPublicKeyInfo)
		if slices.Contains(pins, hex.EncodeToString(sum[:])) {
			return nil
		}
		seen = append(seen, "sha256:"+hex.EncodeToString(sum[:]))
	}
	return fmt.Errorf("none of the public keys %q are pinned", strings.Join(seen, ":"))
}
