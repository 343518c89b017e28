package clusterinfo

import (
	"context"
	"errors"
	"fmt"
	"net/http"
	"sync"
	"sync/atomic"
	"time"

	"k8s.io/client-go/kubernetes"
	"k8s.io/client-go/rest"
	"k8s.io/utils/clock"
	"sigs.k8s.io/controller-runtime/pkg/log"

	"github.com/karpenter-kubeadm/karpenter-provider-aws/pkg/cache"
	"github.com/karpenter-kubeadm/karpenter-provider-aws/pkg/cluster"
)

const (
	// pollEvery is how often a version is asked for: about twenty times in the window of
	// cluster.Floor, so that with two servers behind an endpoint neither is likely to be missed.
	pollEvery = 30 * time.Second

	// refreshBefore keeps callers from ever waiting for a refresh.
	refreshBefore = time.Minute

	// keepFor is how long an answer is served that cannot be refreshed. A cluster whose API
	// server is away for a day has other worries; within it nodes that are launched can still
	// join once it is back.
	keepFor = 24 * time.Hour

	// only is the one key of the cache.
	only = "cluster"
)

// Options are what flags say. What is empty is read from the cluster.
type Options struct {
	// Mode is empty for auto: kubeadm exactly where kube-system/kubeadm-config can be read.
	Mode cluster.Mode
	// Name of the cluster, as in tags.
	Name string
	// Endpoint is an absolute URL, for example https://api.example.com:6443.
	Endpoint string
	// CABundle is PEM, base64 around it or not.
	CABundle string
	// CloudProvider is empty for auto: external where a cloud controller manager is seen.
	CloudProvider cluster.CloudProvider
	// PodNetwork is empty for auto: VPC where the VPC CNI is seen.
	PodNetwork PodNetwork
}

// Provider reads and keeps one cluster.Cluster. It is safe for concurrent use.
type Provider struct {
	options   overrides
	config    *rest.Config
	kube      kubernetes.Interface
	anonymous kubernetes.Interface
	fresh     *http.Client // a connection for each request, so that a load balancer chooses anew
	clock     clock.WithTicker
	facts     *cache.Cache[facts]

	// mode is decided once: a ConfigMap that is lost does not turn the cluster into another kind.
	mode atomic.Pointer[cluster.Mode]

	mu       sync.Mutex // guards what follows; never held while I/O runs
	floor    cluster.Floor
	settling cluster.Settling
}

// New returns a Provider that reads through config, which has to reach the API server as
// the controller does. It fails on options that are malformed, all of them in one error.
func New(config *rest.Config, options Options, c clock.WithTicker) (*Provider, error) {
	parsed, err := options.parse()
	if err != nil {
		return nil, err
	}
	kube, err := kubernetes.NewForConfig(config)
	if err != nil {
		return nil, fmt.Errorf("making a client: %w", err)
	}
	anonymous, err := kubernetes.NewForConfig(rest.AnonymousClientConfig(config))
	if err != nil {
		return nil, fmt.Errorf("making a client without credentials: %w", err)
	}
	fresh, err := freshClient(config)
	if err != nil {
		return nil, fmt.Errorf("making a client for versions: %w", err)
	}
	return &Provider{
		options: parsed, config: config, kube: kube, anonymous: anonymous, fresh: fresh, clock: c,
		facts: cache.New[facts](cache.ClusterInfo, cache.WithClock(c), cache.KeepStale(keepFor, countFailure)),
	}, nil
}

// Get returns what nodes must know of the cluster. The answer is shared: its slices must not
// be changed.
func (p *Provider) Get(ctx context.Context) (cluster.Cluster, error) {
	found, err := p.facts.GetOrLoad(ctx, only, p.load)
	if err != nil {
		return cluster.Cluster{}, fmt.Errorf("reading what nodes must know of the cluster: %w", err)
	}
	return p.resolve(found)
}

// Start refreshes in the background until ctx ends. All replicas do, so that one that
// becomes the leader knows the versions of the last ten minutes.
func (p *Provider) Start(ctx context.Context) error {
	ticker := p.clock.NewTicker(pollEvery)
	defer ticker.Stop()
	refreshed := p.clock.Now()
	for {
		select {
		case <-ctx.Done():
			return nil
		case <-ticker.C():
		}
		if err := p.poll(ctx); err != nil {
			log.FromContext(ctx).V(1).Info("asking for the API server's version", "error", err.Error())
		}
		if p.clock.Since(refreshed) < cache.ClusterInfo-refreshBefore {
			continue
		}
		refreshed = p.clock.Now()
		if err := p.refresh(ctx); err != nil {
			log.FromContext(ctx).Error(err, "refreshing what nodes must know of the cluster, the last answer stands")
		}
	}
}

// NeedLeaderElection is false: see Start.
func (p *Provider) NeedLeaderElection() bool { return false }

func (p *Provider) refresh(ctx context.Context) error {
	found, err := p.load(ctx)
	if err != nil {
		refreshFailures.Inc(nil)
		return err
	}
	p.facts.Set(only, found)
	return nil
}

func countFailure(string, time.Duration, error) { refreshFailures.Inc(nil) }

// resolve joins what was read with what the API servers reported.
func (p *Provider) resolve(found facts) (cluster.Cluster, error) {
	p.mu.Lock()
	defer p.mu.Unlock()
	now := p.clock.Now()
	version, known := p.floor.Lowest(now, found.version)
	if !known {
		return cluster.Cluster{}, errors.New("no API server has reported its version in the last 10 minutes")
	}
	p.settling = p.settling.Observe(version, now)
	resolved := found.cluster
	resolved.Version, resolved.Settled = version, p.settling.Since()
	return resolved, nil
}
