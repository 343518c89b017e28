package launch

import (
	"context"
	"crypto/sha256"
	"encoding/json"
	"errors"
	"fmt"
	"time"

	"github.com/aws/aws-sdk-go-v2/service/ec2"
	"k8s.io/apimachinery/pkg/types"
	"k8s.io/utils/clock"

	v1 "github.com/karpenter-kubeadm/karpenter-provider-aws/pkg/apis/v1"
	"github.com/karpenter-kubeadm/karpenter-provider-aws/pkg/batch"
	"github.com/karpenter-kubeadm/karpenter-provider-aws/pkg/instance"
	"github.com/karpenter-kubeadm/karpenter-provider-aws/pkg/pool"
)

const (
	// mergeIdle is how long requests gather behind one under way. Core reconciles the claims
	// of one decision within a few milliseconds; at half of this a slow scheduler splits them,
	// at double the wait shows in a launch.
	mergeIdle = 10 * time.Millisecond
	// mergeMax is the longest that a request waits to be merged.
	mergeMax = 50 * time.Millisecond
	// callTimeout bounds one merged launch: templates, fleet, and one repetition, each with
	// retries. It is shorter than core's five minutes, so that an outcome is known to be
	// unknown before the claim is dropped.
	callTimeout = 4 * time.Minute
)

// API is what launching needs of EC2; *ec2.Client is one.
type API interface {
	templateAPI
	CreateFleet(context.Context, *ec2.CreateFleetInput, ...func(*ec2.Options)) (*ec2.CreateFleetOutput, error)
	// RunInstances is called as a dry run only.
	RunInstances(context.Context, *ec2.RunInstancesInput, ...func(*ec2.Options)) (*ec2.RunInstancesOutput, error)
}

// Finder shows what was launched.
type Finder interface {
	// Launches returns all instances that bear the cluster's UID, those that are gone
	// included for as long as EC2 shows them. Many callers at once must cost few calls.
	Launches(ctx context.Context) ([]instance.Instance, error)
}

// Claims shows which instances NodeClaims name.
type Claims interface {
	Owned(ctx context.Context) (map[instance.ID]bool, error)
}

// Addresses shares out the free addresses of subnets.
type Addresses interface {
	// Reserve picks for each zone the subnet with the most addresses left and takes count off it.
	Reserve(subnets []v1.Subnet, count int) map[string]string
	// Release puts count addresses of subnet back.
	Release(subnet string, count int)
}

// Refuser remembers what EC2 refused, so that it is not offered again at once.
type Refuser interface {
	Refuse(pools []pool.Pool, why string)
	RefuseSubnet(subnet, why string)
	RefuseCapacityType(capacityType, why string)
}

// Deps are what a Provider works with; all are needed but Observe.
type Deps struct {
	API       API
	Finder    Finder
	Claims    Claims
	Addresses Addresses
	Refuser   Refuser
	Clock     Clock
	// Observe is told how many claims each call to EC2 was for, and how long it took.
	Observe func(claims int, took time.Duration)
}

// Clock is the clock of a Provider.
type Clock interface {
	clock.PassiveClock
	clock.WithDelayedExecution
}

// Provider launches instances.
type Provider struct {
	Deps
	templates *templates
	ledger    *ledger
	batcher   *batch.Batcher[key, job, instance.Instance]
}

// key is equal for requests that differ in nothing but their claim.
type key [sha256.Size]byte

type job struct {
	request  Request
	contents []content // one for each group
}

// New returns a provider that launches nothing until Begin has been called.
func New(deps Deps) *Provider {
	p := &Provider{
		Deps:      deps,
		templates: newTemplates(deps.API, deps.Clock),
		ledger:    newLedger(deps.Clock, ConsistencyWindow),
	}
	p.batcher = batch.New(deps.Clock, batch.Options{
		Idle: mergeIdle, Max: mergeMax, Items: MaxClaims, Timeout: callTimeout, Observe: deps.Observe,
	}, p.run)
	return p
}

// Begin tells the provider which claims have no instance yet at the moment from which this
// process alone launches. What an earlier process did for them is not known. It must be
// called once.
func (p *Provider) Begin(claims []types.UID) { p.ledger.begin(claims) }

// Launch returns the instance of req's claim: the one it has got already, one that is found
// to be its own, or a new one. When ctx ends first, the launch may go on; the next call for
// the claim has its result.
//
// Errors: see the package's documentation.
func (p *Provider) Launch(ctx context.Context, req Request) (instance.Instance, error) {
	if err := p.ledger.wait(ctx); err != nil {
		return instance.Instance{}, err
	}
	switch f := p.ledger.fate(req.Claim); {
	case f.launched != nil:
		return *f.launched, nil
	case f.underWay:
		return instance.Instance{}, errUnderWay
	case f.uncertain:
		if i, found, err := p.recover(ctx, req, f); found || err != nil {
			return i, err
		}
	}
	j, k, err := newJob(req)
	if err != nil {
		return instance.Instance{}, err
	}
	return p.batcher.Do(ctx, k, j)
}

func newJob(req Request) (job, key, error) {
	j := job{request: req}
	var names []string
	offers := make([][]Offer, len(req.Groups))
	for i, group := range req.Groups {
		c, err := newContent(req, group.Template)
		if err != nil {
			return job{}, key{}, err
		}
		j.contents = append(j.contents, c)
		names = append(names, c.name)
		offers[i] = group.Offers
	}
	// The templates' names stand for what is in them, user data and tags included.
	body, err := json.Marshal([]any{names, offers, req.CapacityType, req.Context, req.Prioritized, req.Subnets, req.Addresses})
	if err != nil {
		return job{}, key{}, fmt.Errorf("hashing launch request: %w", err)
	}
	return j, sha256.Sum256(body), nil
}

// errNoSubnet says that none of a request's pools lies in a zone with a subnet.
var errNoSubnet = errors.New("no subnet of the EC2NodeClass lies in a zone of any instance type offered")
