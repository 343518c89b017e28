package clusterinfo

import (
	"context"
	"encoding/json"
	"fmt"
	"io"
	"net/http"
	"net/url"
	"time"

	"k8s.io/apimachinery/pkg/version"
	"k8s.io/client-go/rest"

	"github.com/karpenter-kubeadm/karpenter-provider-aws/pkg/cluster"
)

const (
	versionTimeout = 10 * time.Second
	versionLimit   = 64 << 10 // bytes of an answer; a version is under one KiB
)

// poll asks whichever API server answers for its version.
func (p *Provider) poll(ctx context.Context) error {
	reported, err := p.askVersion(ctx)
	if err != nil {
		return err
	}
	p.mu.Lock()
	defer p.mu.Unlock()
	p.floor = p.floor.Observe(reported, p.clock.Now())
	return nil
}

func (p *Provider) askVersion(ctx context.Context) (cluster.Version, error) {
	ctx, cancel := context.WithTimeout(ctx, versionTimeout)
	defer cancel()
	base, _, err := rest.DefaultServerUrlFor(p.config)
	if err != nil {
		return cluster.Version{}, fmt.Errorf("parsing the API server's address: %w", err)
	}
	request, err := http.NewRequestWithContext(ctx, http.MethodGet, base.ResolveReference(&url.URL{Path: "/version"}).String(), nil)
	if err != nil {
		return cluster.Version{}, fmt.Errorf("asking for the API server's version: %w", err)
	}
	response, err := p.fresh.Do(request)
	if err != nil {
		return cluster.Version{}, fmt.Errorf("asking for the API server's version: %w", err)
	}
	defer func() { _ = response.Body.Close() }() // it was only read
	if response.StatusCode != http.StatusOK {
		return cluster.Version{}, fmt.Errorf("asking for the API server's version: it answered %s", response.Status)
	}
	var info version.Info
	if err := json.NewDecoder(io.LimitReader(response.Body, versionLimit)).Decode(&info); err != nil {
		return cluster.Version{}, fmt.Errorf("reading the API server's version: %w", err)
	}
	reported, err := cluster.ParseVersion(info.GitVersion)
	if err == nil && reported.IsZero() {
		err = fmt.Errorf("the API server was built without a version, it reports %q", info.GitVersion)
	}
	return reported, err
}

// freshClient returns a client with the credentials of config that makes a connection for
// each request. A client that keeps one would ask the same server behind a load balancer forever.
func freshClient(config *rest.Config) (*http.Client, error) {
	tls, err := rest.TLSConfigFor(config)
	if err != nil {
		return nil, err
	}
	proxy := config.Proxy
	if proxy == nil {
		proxy = http.ProxyFromEnvironment
	}
	transport, err := rest.HTTPWrappersForConfig(config, &http.Transport{
		TLSClientConfig: tls, Proxy: proxy, DisableKeepAlives: true,
	})
	if err != nil {
		return nil, err
	}
	return &http.Client{Transport: transport}, nil
}
