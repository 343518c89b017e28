package offering

import (
	"context"
	"fmt"
	"slices"
	"sync"
	"sync/atomic"
	"time"

	"github.com/aws/aws-sdk-go-v2/service/ec2"
	"github.com/aws/aws-sdk-go-v2/service/pricing"
	"k8s.io/apimachinery/pkg/types"
	"k8s.io/utils/clock"
	karpenter "sigs.k8s.io/karpenter/pkg/cloudprovider"

	v1 "github.com/karpenter-kubeadm/karpenter-provider-aws/pkg/apis/v1"
	"github.com/karpenter-kubeadm/karpenter-provider-aws/pkg/cluster"
	"github.com/karpenter-kubeadm/karpenter-provider-aws/pkg/kubelet"
	"github.com/karpenter-kubeadm/karpenter-provider-aws/pkg/pool"
)

// Types is what this package needs of EC2's instance types.
type Types interface {
	// Version changes whenever Resolve would answer differently to the same arguments.
	Version() uint64
	// Resolve returns every type as a node of class, ordered by name, and at the same place
	// what the kubelet of such a node is started with. Offerings list where EC2 has it;
	// Available says that the class can be launched there, prices are absent. The answer is
	// the caller's.
	Resolve(class *v1.EC2NodeClass, c cluster.Cluster) ([]*karpenter.InstanceType, []kubelet.Sizes, error)
}

// Clusters is what this package needs to know of the cluster. Get must be cheap: it is asked
// at every call.
type Clusters interface {
	Get(ctx context.Context) (cluster.Cluster, error)
}

// Sources are where the parts of an offering come from.
type Sources struct {
	Types    Types
	Clusters Clusters
	Spot     ec2.DescribeSpotPriceHistoryAPIClient
	OnDemand pricing.GetProductsAPIClient // of the region that PricingRegion names
	Clock    clock.PassiveClock
}

// Config holds the settings that prices depend on.
type Config struct {
	// Region that nodes run in.
	Region string
	// IsolatedVPC: the Pricing API cannot be reached, so the embedded table stands.
	IsolatedVPC bool
}

// Provider knows what can be launched and for how much. It is safe for concurrent use.
type Provider struct {
	config  Config
	sources Sources
	refused *memory
	builtIn string // which prices the program came with

	pricing sync.Mutex // orders replacements of prices; not held while AWS is asked
	prices  atomic.Pointer[prices]

	mu      sync.RWMutex
	classes map[types.UID]*class
}

// class is what is remembered for one node class.
type class struct {
	building sync.Mutex
	current  atomic.Pointer[snapshot]
	used     atomic.Int64 // Unix nanoseconds
}

// idle is how long the snapshot of a class that nobody asks for is kept. Karpenter asks for
// each class it uses every few seconds, so an hour means that the class is gone.
const idle = time.Hour

// New returns a provider with the embedded prices and nothing refused. It fails when the
// embedded table cannot be read.
func New(config Config, sources Sources) (*Provider, error) {
	first, builtIn, err := embedded(config.Region)
	if err != nil {
		return nil, err
	}
	p := &Provider{
		config: config, sources: sources, builtIn: builtIn,
		refused: newMemory(sources.Clock),
		classes: map[types.UID]*class{},
	}
	p.prices.Store(first)
	return p, nil
}

// InstanceTypes returns all instance types of the region as nodes of class, those without an
// available offering included. While no input changes, calls for a class return the same
// objects. The slice is the caller's; what it points to is shared and must not be changed.
func (p *Provider) InstanceTypes(ctx context.Context, class *v1.EC2NodeClass) ([]*karpenter.InstanceType, error) {
	s, err := p.snapshot(ctx, class)
	if err != nil {
		return nil, err
	}
	return slices.Clone(s.types), nil
}

// Sizes returns what the kubelet of a node of class on the named type is started with: the
// same that InstanceTypes told the scheduler. It is shared and read-only.
func (p *Provider) Sizes(ctx context.Context, class *v1.EC2NodeClass, name string) (kubelet.Sizes, error) {
	s, err := p.snapshot(ctx, class)
	if err != nil {
		return kubelet.Sizes{}, err
	}
	return s.base.sizesOf(name)
}

// Price returns what an hour in the pool costs, in USD (in China, CNY); false when not known.
func (p *Provider) Price(of pool.Pool) (float64, bool) { return p.prices.Load().of(of) }

// snapshot returns the current snapshot of class, making it when an input changed.
func (p *Provider) snapshot(ctx context.Context, of *v1.EC2NodeClass) (*snapshot, error) {
	c, err := p.sources.Clusters.Get(ctx)
	if err != nil {
		return nil, fmt.Errorf("reading the cluster's kubelet settings: %w", err)
	}
	now := p.sources.Clock.Now()
	in := inputs{class: of, cluster: c, types: p.sources.Types.Version(), prices: p.prices.Load(), refused: p.refused.view(now)}
	entry := p.entry(of)
	entry.used.Store(now.UnixNano())
	if s := entry.current.Load(); s.serves(in) {
		return s, nil
	}
	entry.building.Lock()
	defer entry.building.Unlock()
	s, err := p.rebuild(entry.current.Load(), in)
	if err != nil {
		return nil, err
	}
	entry.current.Store(s)
	p.forget(now)
	return s, nil
}

// rebuild renews what of before the inputs no longer agree with.
func (p *Provider) rebuild(before *snapshot, in inputs) (*snapshot, error) {
	if before.serves(in) {
		return before, nil
	}
	if before != nil && before.base.holds(in) {
		return build(before.base, in, before), nil
	}
	resolved, sizes, err := p.sources.Types.Resolve(in.class, in.cluster)
	if err != nil {
		return nil, fmt.Errorf("resolving instance types of EC2NodeClass %q: %w", in.class.Name, err)
	}
	return build(newBase(resolved, sizes, in), in, nil), nil
}

// entry finds what is remembered for a class. One that has no UID goes by its name.
func (p *Provider) entry(of *v1.EC2NodeClass) *class {
	key := of.UID
	if key == "" {
		key = types.UID(of.Name)
	}
	p.mu.RLock()
	entry, ok := p.classes[key]
	p.mu.RUnlock()
	if ok {
		return entry
	}
	p.mu.Lock()
	defer p.mu.Unlock()
	if entry, ok = p.classes[key]; !ok {
		entry = &class{}
		p.classes[key] = entry
	}
	return entry
}

// forget drops the snapshots of classes that nobody asks for any more.
func (p *Provider) forget(now time.Time) {
	p.mu.Lock()
	defer p.mu.Unlock()
	for key, entry := range p.classes {
		if now.UnixNano()-entry.used.Load() > int64(idle) {
			delete(p.classes, key)
		}
	}
}
