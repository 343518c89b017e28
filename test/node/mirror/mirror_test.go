package mirror

import (
	"crypto/tls"
	"crypto/x509"
	"io"
	"net/http"
	"net/http/httptest"
	"os"
	"path/filepath"
	"testing"

	. "github.com/onsi/gomega"
)

func TestMirrorServesItsHostsOnly(t *testing.T) {
	g := NewWithT(t)
	dir := t.TempDir()
	g.Expect(os.MkdirAll(filepath.Join(dir, "packages.test", "deb"), 0o700)).To(Succeed())
	g.Expect(os.WriteFile(filepath.Join(dir, "packages.test", "deb", "Release.key"), []byte("key"), 0o600)).To(Succeed())
	g.Expect(os.WriteFile(filepath.Join(dir, "distribution.asc"), nil, 0o600)).To(Succeed())
	hosts, err := hostsOf(dir)
	g.Expect(err).NotTo(HaveOccurred())
	g.Expect(hosts).To(Equal([]string{"packages.test"}))
	m := &Mirror{Hosts: hosts}

	certificate, err := m.certify()
	g.Expect(err).NotTo(HaveOccurred())
	server := httptest.NewUnstartedServer(m.handler(dir))
	server.TLS = &tls.Config{Certificates: []tls.Certificate{certificate}, MinVersion: tls.VersionTLS12}
	server.StartTLS()
	t.Cleanup(server.Close)
	trusted := x509.NewCertPool()
	g.Expect(trusted.AppendCertsFromPEM(m.CA)).To(BeTrue())

	ask := func(host, path string, pool *x509.CertPool) (int, string, error) {
		client := &http.Client{Transport: &http.Transport{TLSClientConfig: &tls.Config{RootCAs: pool, ServerName: "packages.test", MinVersion: tls.VersionTLS12}}}
		request, err := http.NewRequestWithContext(t.Context(), http.MethodGet, server.URL+path, nil)
		g.Expect(err).NotTo(HaveOccurred())
		request.Host = host
		response, err := client.Do(request)
		if err != nil {
			return 0, "", err
		}
		defer func() { _ = response.Body.Close() }()
		body, err := io.ReadAll(response.Body)
		return response.StatusCode, string(body), err
	}
	status, body, err := ask("packages.test", "/deb/./Release.key", trusted)
	g.Expect(err).NotTo(HaveOccurred())
	g.Expect(status).To(Equal(http.StatusOK))
	g.Expect(body).To(Equal("key"))
	g.Expect(m.Seen()).To(Equal([]string{"packages.test/deb/Release.key"}))

	status, _, err = ask("elsewhere.test", "/deb/Release.key", trusted)
	g.Expect(err).NotTo(HaveOccurred())
	g.Expect(status).To(Equal(http.StatusMisdirectedRequest))
	_, _, err = ask("packages.test", "/deb/Release.key", x509.NewCertPool())
	g.Expect(err).To(MatchError(ContainSubstring("unknown authority")))
}
