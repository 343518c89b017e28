package instancetype

import (
	"context"
	"errors"
	"fmt"
	"reflect"
	"slices"
	"strings"
	"sync"
	"sync/atomic"

	"github.com/aws/aws-sdk-go-v2/service/ec2"
	"golang.org/x/sync/errgroup"
	"sigs.k8s.io/controller-runtime/pkg/log"
	"sigs.k8s.io/karpenter/pkg/scheduling"
)

// ErrUnknown says that EC2 has not been asked yet.
var ErrUnknown = errors.New("instance types are not known yet: EC2 has not answered since the start")

// API is what this package needs of EC2; *ec2.Client is one.
type API interface {
	ec2.DescribeInstanceTypesAPIClient
	ec2.DescribeInstanceTypeOfferingsAPIClient
}

// Config holds the settings that sizes depend on.
type Config struct {
	// Region that the API reaches.
	Region string
	// MemoryOverheadPercent is the share of a machine's memory that is assumed to be kept by
	// hypervisor and kernel: 0.075 is 7.5 %.
	MemoryOverheadPercent float64
	// ReservedENIs are network interfaces that pods get no addresses of, where they get the VPC's.
	ReservedENIs int64
}

// Provider knows the instance types of one region. It is safe for concurrent use.
type Provider struct {
	api    API
	config Config

	updating sync.Mutex // orders versions; not held while EC2 is asked
	current  atomic.Pointer[known]

	learning sync.Mutex // orders what is learned
	measured atomic.Pointer[measurements]
}

// known is one answer of EC2. It is immutable.
type known struct {
	version uint64
	types   []Type // by name
	// labels of types, in the same order.
	labels []scheduling.Requirements
}

// New returns a provider that knows nothing until Update.
func New(api API, config Config) *Provider { return &Provider{api: api, config: config} }

// Version changes when, and only when, EC2's answer did or a measurement counts. It is 0
// before the first Update.
func (p *Provider) Version() uint64 {
	if known := p.current.Load(); known != nil {
		return known.version + p.learned().version // both only grow, so the sum says of each
	}
	return 0
}

// Facts returns all types, by name. The slice is shared and read-only.
func (p *Provider) Facts() []Type {
	if known := p.current.Load(); known != nil {
		return known.types
	}
	return nil
}

// Update asks EC2 for its types and their zones. When it fails, or when EC2 lists nothing,
// what was known before stands.
func (p *Provider) Update(ctx context.Context) error {
	types, err := p.describe(ctx)
	if err != nil {
		return err
	}
	if len(types) == 0 {
		return fmt.Errorf("EC2 lists no instance type of a usable architecture in region %s", p.config.Region)
	}
	next := &known{version: 1, types: types}
	for _, t := range types {
		next.labels = append(next.labels, labels(t, p.config.Region))
	}
	p.updating.Lock()
	defer p.updating.Unlock()
	if before := p.current.Load(); before != nil {
		if reflect.DeepEqual(before.types, types) {
			return nil
		}
		next.version = before.version + 1
	}
	p.current.Store(next)
	log.FromContext(ctx).Info("instance types changed", "count", len(types), "zones", zones(types))
	return nil
}

// describe asks both questions at once, since each takes many pages.
func (p *Provider) describe(ctx context.Context) ([]Type, error) {
	group, groupCtx := errgroup.WithContext(ctx)
	var infos []info
	var offered map[string][]string
	group.Go(func() (err error) {
		infos, err = p.describeTypes(groupCtx)
		return err
	})
	group.Go(func() (err error) {
		offered, err = p.describeZones(groupCtx)
		return err
	})
	if err := group.Wait(); err != nil {
		return nil, err
	}
	var types []Type
	for _, info := range infos {
		if t, ok := read(info, offered[string(info.InstanceType)]); ok {
			types = append(types, t)
		}
	}
	slices.SortFunc(types, func(a, b Type) int { return strings.Compare(a.Name, b.Name) })
	return types, nil
}

func zones(types []Type) []string {
	var all []string
	for _, t := range types {
		all = append(all, t.Zones...)
	}
	slices.Sort(all)
	return slices.Compact(all)
}
