package proxy_test

import (
	"context"
	"crypto/tls"
	"crypto/x509"
	"encoding/pem"
	"io"
	"net/http"
	"net/http/httptest"
	"testing"

	. "github.com/onsi/gomega"
	"k8s.io/client-go/rest"

	"github.com/karpenter-kubeadm/karpenter-provider-aws/test/env/proxy"
)

// start returns a proxy before a TLS server that counts its requests.
func start(t *testing.T, answer http.HandlerFunc) *proxy.Proxy {
	t.Helper()
	server := httptest.NewTLSServer(answer)
	t.Cleanup(server.Close)
	ca := pem.EncodeToMemory(&pem.Block{Type: "CERTIFICATE", Bytes: server.Certificate().Raw})
	p, err := proxy.Start(&rest.Config{Host: server.URL, TLSClientConfig: rest.TLSClientConfig{CAData: ca}})
	NewWithT(t).Expect(err).NotTo(HaveOccurred())
	t.Cleanup(p.Close)
	return p
}

// get asks the proxy as a controller would, which trusts its certificate alone.
func get(ctx context.Context, p *proxy.Proxy, path string) (int, string, error) {
	request, err := http.NewRequestWithContext(ctx, http.MethodGet, p.URL()+path, nil)
	if err != nil {
		return 0, "", err
	}
	roots := x509.NewCertPool()
	roots.AppendCertsFromPEM(p.CA())
	client := &http.Client{Transport: &http.Transport{TLSClientConfig: &tls.Config{RootCAs: roots}, ForceAttemptHTTP2: true}}
	response, err := client.Do(request)
	if err != nil {
		return 0, "", err
	}
	defer func() { _ = response.Body.Close() }()
	body, err := io.ReadAll(response.Body)
	return response.StatusCode, string(body), err
}

func TestRequestsAreForwardedAndRemembered(t *testing.T) {
	g := NewWithT(t)
	p := start(t, func(w http.ResponseWriter, r *http.Request) {
		w.WriteHeader(http.StatusForbidden)
		_, _ = io.WriteString(w, r.URL.Path)
	})
	status, body, err := get(t.Context(), p, "/apis/karpenter.sh/v1/nodeclaims/one/status")
	g.Expect(err).NotTo(HaveOccurred())
	g.Expect(status).To(Equal(http.StatusForbidden))
	g.Expect(body).To(Equal("/apis/karpenter.sh/v1/nodeclaims/one/status"))
	g.Expect(p.Seen()).To(Equal(map[proxy.Request]int{
		{Verb: "get", Group: "karpenter.sh", Resource: "nodeclaims", Subresource: "status", Name: "one", Status: http.StatusForbidden}: 1,
	}))
}

func TestHold(t *testing.T) {
	for name, tc := range map[string]struct {
		when    proxy.Moment
		effects int // that the server has seen while the request is held
	}{
		"before the effect": {when: proxy.Before, effects: 0},
		"after the effect":  {when: proxy.After, effects: 1},
	} {
		t.Run(name, func(t *testing.T) {
			g := NewWithT(t)
			effects := make(chan struct{}, 2)
			p := start(t, func(w http.ResponseWriter, _ *http.Request) {
				effects <- struct{}{}
				w.WriteHeader(http.StatusOK)
			})
			hold := p.Hold(tc.when, func(r proxy.Request) bool { return r.Is("list", "pods") })
			answered := make(chan error, 1)
			go func() {
				_, _, err := get(t.Context(), p, "/api/v1/pods")
				answered <- err
			}()
			_, err := hold.Reached(t.Context())
			g.Expect(err).NotTo(HaveOccurred())
			g.Expect(effects).To(HaveLen(tc.effects))
			g.Expect(answered).NotTo(Receive())

			// Others pass meanwhile, the same request too: a hold stops one.
			_, _, err = get(t.Context(), p, "/api/v1/pods")
			g.Expect(err).NotTo(HaveOccurred())
			hold.Release()
			g.Eventually(answered).Should(Receive(BeNil()))
			g.Expect(effects).To(HaveLen(2))
		})
	}
}
