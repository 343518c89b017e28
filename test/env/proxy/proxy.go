// Package proxy stands between a controller under test and the API server. It sees
// which requests the controller makes and how they are answered, and can stop time at
// any of them: before the API server has seen it, or after it has and before the
// controller knows. A test that kills the controller there has killed it exactly there.
//
// It listens on loopback with a certificate of its own (clients send no token without
// TLS), passes credentials through untouched, and remembers verbs and resources of
// requests until it is closed; never a header or a body.
package proxy

import (
	"context"
	"encoding/pem"
	"errors"
	"fmt"
	"net/http"
	"net/http/httptest"
	"net/http/httputil"
	"net/url"
	"sync"

	"k8s.io/apimachinery/pkg/util/sets"
	"k8s.io/apiserver/pkg/endpoints/request"
	"k8s.io/client-go/rest"
)

// Request is one request that the controller made.
type Request struct {
	Verb, Group, Resource, Subresource, Namespace, Name string
	// URL is set for what is no resource, for example "/version".
	URL string
	// Status is the answer's HTTP status; 0 before it is there.
	Status int
}

// Is reports whether the request is verb on resource ("nodeclaims" or "nodeclaims/status").
func (r Request) Is(verb, resource string) bool {
	full := r.Resource
	if r.Subresource != "" {
		full += "/" + r.Subresource
	}
	return r.Verb == verb && full == resource
}

// Proxy forwards to one API server.
type Proxy struct {
	server   *httptest.Server
	next     http.Handler
	resolver *request.RequestInfoFactory

	mu    sync.Mutex
	seen  map[Request]int
	holds map[*Hold]struct{}
}

// Start begins to listen on a loopback address of its own and forwards to the server
// that config names. Credentials of config are not used.
func Start(config *rest.Config) (*Proxy, error) {
	target, err := url.Parse(config.Host)
	if err != nil {
		return nil, fmt.Errorf("parsing the API server's URL: %w", err)
	}
	// The server is verified as config says; who asks is the controller's business.
	security, err := rest.TLSConfigFor(&rest.Config{Host: config.Host, TLSClientConfig: rest.TLSClientConfig{CAData: config.CAData, CAFile: config.CAFile}})
	if err != nil {
		return nil, fmt.Errorf("reading the API server's CA: %w", err)
	}
	forward := httputil.NewSingleHostReverseProxy(target)
	forward.Transport = &http.Transport{
		TLSClientConfig:     security,
		ForceAttemptHTTP2:   true,
		MaxIdleConnsPerHost: 100,
	}
	forward.FlushInterval = -1 // watches are streams
	forward.ErrorHandler = func(w http.ResponseWriter, _ *http.Request, err error) {
		http.Error(w, "forwarding to the API server: "+err.Error(), http.StatusBadGateway)
	}
	p := &Proxy{
		next: forward,
		resolver: &request.RequestInfoFactory{
			APIPrefixes:          sets.NewString("api", "apis"),
			GrouplessAPIPrefixes: sets.NewString("api"),
		},
		seen:  map[Request]int{},
		holds: map[*Hold]struct{}{},
	}
	p.server = httptest.NewUnstartedServer(p)
	p.server.EnableHTTP2 = true
	p.server.StartTLS()
	return p, nil
}

// URL is where the controller finds the API server.
func (p *Proxy) URL() string { return p.server.URL }

// CA is the certificate with which the controller verifies the proxy, as PEM.
func (p *Proxy) CA() []byte {
	return pem.EncodeToMemory(&pem.Block{Type: "CERTIFICATE", Bytes: p.server.Certificate().Raw})
}

// Close releases every hold and ends every connection.
func (p *Proxy) Close() {
	p.mu.Lock()
	for hold := range p.holds {
		hold.release()
	}
	p.mu.Unlock()
	p.server.CloseClientConnections()
	p.server.Close()
}

// Seen returns each request made so far with how often it was made.
func (p *Proxy) Seen() map[Request]int {
	p.mu.Lock()
	defer p.mu.Unlock()
	seen := make(map[Request]int, len(p.seen))
	for r, n := range p.seen {
		seen[r] = n
	}
	return seen
}

// ServeHTTP forwards one request, stopping where a hold says so.
func (p *Proxy) ServeHTTP(w http.ResponseWriter, r *http.Request) {
	info, err := p.resolver.NewRequestInfo(r)
	if err != nil {
		http.Error(w, err.Error(), http.StatusBadRequest)
		return
	}
	req := toRequest(info)
	ctx := r.Context()
	if !p.wait(ctx, req, Before) {
		return
	}
	answer := &recorder{ResponseWriter: w, before: func(status int) bool {
		req.Status = status
		p.mu.Lock()
		p.seen[req]++
		p.mu.Unlock()
		return p.wait(ctx, req, After)
	}}
	defer func() {
		// The reverse proxy ends a broken stream this way; the controller was killed, or a watch ended.
		if fault := recover(); fault != nil {
			if e, ok := fault.(error); !ok || !errors.Is(e, http.ErrAbortHandler) {
				panic(fault)
			}
		}
	}()
	p.next.ServeHTTP(answer, r)
}

func toRequest(info *request.RequestInfo) Request {
	if !info.IsResourceRequest {
		return Request{Verb: info.Verb, URL: info.Path}
	}
	return Request{
		Verb: info.Verb, Group: info.APIGroup, Resource: info.Resource, Subresource: info.Subresource,
		Namespace: info.Namespace, Name: info.Name,
	}
}

// recorder tells of the status before the controller learns of it.
type recorder struct {
	http.ResponseWriter
	before func(status int) bool
	wrote  bool
}

func (r *recorder) WriteHeader(status int) {
	if !r.wrote && status >= http.StatusOK {
		r.wrote = true
		r.before(status)
	}
	r.ResponseWriter.WriteHeader(status)
}

func (r *recorder) Write(data []byte) (int, error) {
	if !r.wrote {
		r.WriteHeader(http.StatusOK)
	}
	return r.ResponseWriter.Write(data)
}

// Unwrap lets the reverse proxy flush streams.
func (r *recorder) Unwrap() http.ResponseWriter { return r.ResponseWriter }

// wait stops at a matching hold until it is released; false means that the controller went away meanwhile.
func (p *Proxy) wait(ctx context.Context, req Request, when Moment) bool {
	hold := p.find(req, when)
	if hold == nil {
		return true
	}
	return hold.stop(ctx, req)
}
