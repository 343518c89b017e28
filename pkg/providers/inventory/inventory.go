package inventory

import (
	"context"
	"time"

	"github.com/aws/aws-sdk-go-v2/service/ec2"
	"k8s.io/utils/clock"

	"github.com/karpenter-kubeadm/karpenter-provider-aws/pkg/batch"
	"github.com/karpenter-kubeadm/karpenter-provider-aws/pkg/cache"
	"github.com/karpenter-kubeadm/karpenter-provider-aws/pkg/cluster"
	"github.com/karpenter-kubeadm/karpenter-provider-aws/pkg/instance"
)

const (
	// sweepAge is how old the list of all instances may be. The loops that read it run every
	// ten seconds at most and allow instances half a minute, so half would only cost calls.
	sweepAge = 2 * time.Second
	// launchesAge is the same for those who wait for an instance to show up: they are asked
	// for a claim's fate and should not wait longer than a person would notice.
	launchesAge = time.Second

	// mergeIdle and mergeMax are how long questions gather that arrive while another is being
	// answered. Nobody waits for these as for a launch, and each call saved counts against
	// EC2's rate limit.
	mergeIdle = 50 * time.Millisecond
	mergeMax  = 250 * time.Millisecond
	// getEvery keeps questions after single instances apart: each node that joins is asked
	// after several times, and a thousand that join together dribble in.
	getEvery = 250 * time.Millisecond
	// mergeItems is how many values EC2 takes in one filter.
	mergeItems = 200
	// callTimeout bounds one call with its pages and retries.
	callTimeout = 2 * time.Minute
)

// API is what the inventory needs of EC2; *ec2.Client is one.
type API interface {
	ec2.DescribeInstancesAPIClient
	TerminateInstances(context.Context, *ec2.TerminateInstancesInput, ...func(*ec2.Options)) (*ec2.TerminateInstancesOutput, error)
	CreateTags(context.Context, *ec2.CreateTagsInput, ...func(*ec2.Options)) (*ec2.CreateTagsOutput, error)
	RebootInstances(context.Context, *ec2.RebootInstancesInput, ...func(*ec2.Options)) (*ec2.RebootInstancesOutput, error)
}

// Clusters says which cluster this is.
type Clusters interface {
	Get(ctx context.Context) (cluster.Cluster, error)
}

// Clock is the clock of a Provider.
type Clock interface {
	clock.PassiveClock
	clock.WithDelayedExecution
}

// Deps are what a Provider works with; all are needed but Consoles and Observe.
type Deps struct {
	API      API
	Consoles Consoles
	Clusters Clusters
	Clock    Clock
	// Observe is told of each merged call: which, for how many instances, how long it took.
	Observe func(call string, items int, took time.Duration)
}

// Provider is the inventory of one cluster.
type Provider struct {
	Deps
	gets       *batch.Batcher[struct{}, instance.ID, instance.Instance]
	terminates *batch.Batcher[struct{}, instance.ID, struct{}]
	sweeps     *cache.Cache[sweep]
	launches   *cache.Cache[[]instance.Instance]
	consoles   *cache.Cache[string]
	budget     budget
}

// New returns an inventory that knows nothing yet.
func New(deps Deps) *Provider {
	p := &Provider{
		Deps:     deps,
		sweeps:   cache.New[sweep](sweepAge, cache.WithClock(deps.Clock)),
		launches: cache.New[[]instance.Instance](launchesAge, cache.WithClock(deps.Clock)),
		consoles: cache.New[string](consoleAge, cache.WithClock(deps.Clock)),
		budget:   budget{clock: deps.Clock},
	}
	gets := p.options("describe_instances")
	gets.Every = getEvery
	p.gets = batch.New(deps.Clock, gets, p.get)
	p.terminates = batch.New(deps.Clock, p.options("terminate_instances"), p.terminate)
	return p
}

func (p *Provider) options(call string) batch.Options {
	o := batch.Options{Idle: mergeIdle, Max: mergeMax, Items: mergeItems, Timeout: callTimeout}
	if p.Observe != nil {
		o.Observe = func(items int, took time.Duration) { p.Observe(call, items, took) }
	}
	return o
}
