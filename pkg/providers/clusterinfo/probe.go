package clusterinfo

import (
	"context"
	"crypto/tls"
	"crypto/x509"
	"errors"
	"fmt"
	"time"

	"github.com/karpenter-kubeadm/karpenter-provider-aws/pkg/cluster"
)

// probeTimeout is for a connection and a handshake, which take milliseconds where they work.
const probeTimeout = 5 * time.Second

// UnreachableError says that the API server does not answer at the address that nodes are given.
type UnreachableError struct {
	Endpoint string
	Err      error
}

// Error names the address.
func (e *UnreachableError) Error() string {
	return fmt.Sprintf("connecting to https://%s: %v", e.Endpoint, e.Err)
}

// Unwrap returns the cause.
func (e *UnreachableError) Unwrap() error { return e.Err }

// UntrustedError says that who answers at the address that nodes are given is not the
// API server by the CA that they are given.
type UntrustedError struct {
	Endpoint string
	Err      error
}

// Error names the address.
func (e *UntrustedError) Error() string {
	return fmt.Sprintf("verifying https://%s: %v", e.Endpoint, e.Err)
}

// Unwrap returns the cause.
func (e *UntrustedError) Unwrap() error { return e.Err }

// Probe connects to the API server as a node is told to, with the endpoint and the CA that
// join scripts contain. Its error is *UnreachableError or *UntrustedError when that does not
// work from here, which says much and not all about there.
func (p *Provider) Probe(ctx context.Context) error {
	known, err := p.Get(ctx)
	if err != nil {
		return err
	}
	return probe(ctx, known)
}

func probe(ctx context.Context, known cluster.Cluster) error {
	pool := x509.NewCertPool()
	if !pool.AppendCertsFromPEM(known.CA) {
		return &UntrustedError{Endpoint: known.Endpoint, Err: errors.New("the CA bundle holds no certificate")}
	}
	ctx, cancel := context.WithTimeout(ctx, probeTimeout)
	defer cancel()
	dialer := tls.Dialer{Config: &tls.Config{RootCAs: pool, MinVersion: tls.VersionTLS12}}
	connection, err := dialer.DialContext(ctx, "tcp", known.Endpoint)
	if err == nil {
		return connection.Close()
	}
	var untrusted *tls.CertificateVerificationError
	if errors.As(err, &untrusted) {
		return &UntrustedError{Endpoint: known.Endpoint, Err: untrusted.Err}
	}
	return &UnreachableError{Endpoint: known.Endpoint, Err: err}
}
