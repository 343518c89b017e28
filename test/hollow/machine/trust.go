package machine

import (
	"context"
	"crypto/tls"
	"crypto/x509"
	"errors"
	"fmt"
	"net/http"
	"net/netip"

	"github.com/karpenter-kubeadm/karpenter-provider-aws/test/hollow/shell"
)

// rootsKey is the key of the certificates that one request trusts.
type rootsKey struct{}

// trusting returns ctx for a request that trusts what --cacert names.
func (r request) trusting(ctx context.Context, p *shell.Proc) (context.Context, error) {
	if r.cacert == "" {
		return ctx, nil
	}
	content, err := p.ReadFile(r.cacert)
	roots := x509.NewCertPool()
	if err != nil || !roots.AppendCertsFromPEM(content) {
		return nil, fmt.Errorf("error setting certificate verify locations: CAfile: %s", r.cacert)
	}
	return context.WithValue(ctx, rootsKey{}, roots), nil
}

// through lets a request out, and has who answers it prove himself by the machine's clock.
func (n *network) through(r *http.Request) (*http.Response, error) {
	roots, _ := r.Context().Value(rootsKey{}).(*x509.CertPool)
	transport := &http.Transport{
		TLSClientConfig: &tls.Config{RootCAs: roots, Time: n.now, MinVersion: tls.VersionTLS12}, DisableKeepAlives: true,
	}
	return transport.RoundTrip(r)
}

// unreachable is what becomes of a connection to a host that is not let through.
func unreachable(host string) error {
	if _, err := netip.ParseAddr(host); err == nil {
		return errNoRoute
	}
	return errUnresolved
}

// describe words an error of the network as curl does, with its status.
func (n *network) describe(err error, host string) (int, string) {
	var untrusted *tls.CertificateVerificationError
	switch {
	case errors.Is(err, errUnresolved):
		return 6, "Could not resolve host: " + host
	case errors.Is(err, errNoRoute), errors.Is(err, context.DeadlineExceeded):
		return 28, "Connection timed out after 5001 milliseconds"
	case errors.As(err, &untrusted):
		return 60, n.problem(untrusted)
	default:
		return 7, fmt.Sprintf("Failed to connect to %s: %v", host, err)
	}
}

// problem words what is wrong with a certificate as OpenSSL does.
func (n *network) problem(untrusted *tls.CertificateVerificationError) string {
	var invalid x509.CertificateInvalidError
	var name x509.HostnameError
	switch {
	case errors.As(untrusted, &name):
		return "SSL: no alternative certificate subject name matches target host name '" + name.Host + "'"
	case errors.As(untrusted, &invalid) && invalid.Reason == x509.Expired && n.now().Before(invalid.Cert.NotBefore):
		return "SSL certificate problem: certificate is not yet valid"
	case errors.As(untrusted, &invalid) && invalid.Reason == x509.Expired:
		return "SSL certificate problem: certificate has expired"
	default:
		return "SSL certificate problem: unable to get local issuer certificate"
	}
}
