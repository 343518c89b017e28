// Package mirror serves package repositories from a folder under the names that machines
// know them by, so that `apt-get install` and the key of pkgs.k8s.io are as real as without a
// network they can be: HTTPS by a certificate authority that the machines trust, and HTTP for
// the distribution's archive, which is signed.
//
// It answers only files of the folder, on one address, and remembers the paths that were
// asked for. The authority's key is made anew each time and never leaves memory.
package mirror

import (
	"context"
	"crypto/ecdsa"
	"crypto/elliptic"
	"crypto/rand"
	"crypto/tls"
	"crypto/x509"
	"crypto/x509/pkix"
	"encoding/pem"
	"errors"
	"fmt"
	"math/big"
	"net"
	"net/http"
	"os"
	"path"
	"path/filepath"
	"slices"
	"sync"
	"time"
)

// life of the certificates; a run of specs takes minutes.
const life = 24 * time.Hour

// Mirror is a running one.
type Mirror struct {
	// CA is the authority's certificate as PEM.
	CA []byte
	// Hosts are the names that it serves.
	Hosts []string

	servers []*http.Server

	mu   sync.Mutex
	seen []string
}

// Start serves dir, which has one folder for each host, on the ports 80 and 443 of address.
func Start(ctx context.Context, address, dir string) (*Mirror, error) {
	hosts, err := hostsOf(dir)
	if err != nil {
		return nil, err
	}
	m := &Mirror{Hosts: hosts}
	certificate, err := m.certify()
	if err != nil {
		return nil, fmt.Errorf("certifying the mirror: %w", err)
	}
	for port, config := range map[string]*tls.Config{"80": nil, "443": {Certificates: []tls.Certificate{certificate}, MinVersion: tls.VersionTLS12}} {
		listener, err := new(net.ListenConfig).Listen(ctx, "tcp4", net.JoinHostPort(address, port))
		if err != nil {
			return nil, errors.Join(fmt.Errorf("serving the mirror: %w", err), m.Close())
		}
		if config != nil {
			listener = tls.NewListener(listener, config)
		}
		server := &http.Server{Handler: m.handler(dir), ReadHeaderTimeout: 10 * time.Second}
		m.servers = append(m.servers, server)
		go func() { _ = server.Serve(listener) }() // until Close
	}
	return m, nil
}

// hostsOf lists the hosts that dir has a folder for.
func hostsOf(dir string) ([]string, error) {
	entries, err := os.ReadDir(dir)
	if err != nil {
		return nil, fmt.Errorf("reading the repositories: %w", err)
	}
	var hosts []string
	for _, entry := range entries {
		if entry.IsDir() {
			hosts = append(hosts, entry.Name())
		}
	}
	return hosts, nil
}

func (m *Mirror) handler(dir string) http.Handler {
	return http.HandlerFunc(func(w http.ResponseWriter, r *http.Request) {
		host := r.Host
		if name, _, err := net.SplitHostPort(r.Host); err == nil {
			host = name
		}
		if !slices.Contains(m.Hosts, host) {
			http.Error(w, "no such host", http.StatusMisdirectedRequest)
			return
		}
		m.mu.Lock()
		m.seen = append(m.seen, host+path.Clean(r.URL.Path))
		m.mu.Unlock()
		http.FileServer(http.Dir(filepath.Join(dir, host))).ServeHTTP(w, r)
	})
}

// Seen lists what was asked for, as host and path.
func (m *Mirror) Seen() []string {
	m.mu.Lock()
	defer m.mu.Unlock()
	return slices.Clone(m.seen)
}

// Close ends serving.
func (m *Mirror) Close() error {
	errs := make([]error, 0, len(m.servers))
	for _, server := range m.servers {
		errs = append(errs, server.Close())
	}
	return errors.Join(errs...)
}

// certify makes an authority and a certificate of it for all hosts.
func (m *Mirror) certify() (tls.Certificate, error) {
	authorityKey, err := ecdsa.GenerateKey(elliptic.P256(), rand.Reader)
	if err != nil {
		return tls.Certificate{}, err
	}
	now := time.Now()
	authority := &x509.Certificate{
		SerialNumber: big.NewInt(1), Subject: pkix.Name{CommonName: "Mirror for tests"}, NotBefore: now.Add(-time.Hour), NotAfter: now.Add(life),
		IsCA: true, BasicConstraintsValid: true, KeyUsage: x509.KeyUsageCertSign,
	}
	root, err := x509.CreateCertificate(rand.Reader, authority, authority, authorityKey.Public(), authorityKey)
	if err != nil {
		return tls.Certificate{}, err
	}
	m.CA = pem.EncodeToMemory(&pem.Block{Type: "CERTIFICATE", Bytes: root})
	key, err := ecdsa.GenerateKey(elliptic.P256(), rand.Reader)
	if err != nil {
		return tls.Certificate{}, err
	}
	leaf := &x509.Certificate{
		SerialNumber: big.NewInt(2), Subject: pkix.Name{CommonName: "mirror"}, NotBefore: now.Add(-time.Hour), NotAfter: now.Add(life),
		DNSNames: m.Hosts, KeyUsage: x509.KeyUsageDigitalSignature, ExtKeyUsage: []x509.ExtKeyUsage{x509.ExtKeyUsageServerAuth},
	}
	der, err := x509.CreateCertificate(rand.Reader, leaf, authority, key.Public(), authorityKey)
	return tls.Certificate{Certificate: [][]byte{der}, PrivateKey: key}, err
}
