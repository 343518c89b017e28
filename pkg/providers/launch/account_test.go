package launch_test

import (
	"context"
	"maps"
	"slices"
	"strings"
	"sync"
	"testing"
	"time"

	awssdk "github.com/aws/aws-sdk-go-v2/aws"
	"github.com/aws/aws-sdk-go-v2/service/ec2"
	ec2types "github.com/aws/aws-sdk-go-v2/service/ec2/types"
	. "github.com/onsi/gomega"
	"k8s.io/apimachinery/pkg/types"
	clocktesting "k8s.io/utils/clock/testing"

	v1 "github.com/karpenter-kubeadm/karpenter-provider-aws/pkg/apis/v1"
	"github.com/karpenter-kubeadm/karpenter-provider-aws/pkg/cluster"
	"github.com/karpenter-kubeadm/karpenter-provider-aws/pkg/instance"
	"github.com/karpenter-kubeadm/karpenter-provider-aws/pkg/join"
	"github.com/karpenter-kubeadm/karpenter-provider-aws/pkg/pool"
	"github.com/karpenter-kubeadm/karpenter-provider-aws/pkg/providers/inventory"
	"github.com/karpenter-kubeadm/karpenter-provider-aws/pkg/providers/launch"
	"github.com/karpenter-kubeadm/karpenter-provider-aws/test/awsfake"
	awsfakeec2 "github.com/karpenter-kubeadm/karpenter-provider-aws/test/awsfake/ec2"
)

const (
	region     = awsfake.DefaultRegion
	zoneA      = region + "a"
	zoneC      = region + "c"
	clusterUID = "11111111-2222-3333-4444-555555555555"
)

// account is a pretended AWS account and a launcher as the controller wires it. process
// makes another launcher on the same account, as a restart does.
type account struct {
	*awsfake.Server
	t        testing.TB
	clock    *clocktesting.FakeClock
	api      *ec2.Client
	subnets  []v1.Subnet
	groups   []string
	image    string
	claims   *ownedClaims
	taken    *addresses
	refused  *refusals
	launcher *launch.Provider
}

func newAccount(tb testing.TB, claimsBefore ...types.UID) *account {
	tb.Helper()
	clk := clocktesting.NewFakeClock(time.Now())
	a := &account{
		Server: awsfake.Start(tb, func(o *awsfake.Options) { o.Clock = clk }), t: tb, clock: clk,
		claims: &ownedClaims{owned: map[instance.ID]bool{}}, taken: &addresses{taken: map[string]int{}}, refused: &refusals{},
	}
	a.api = ec2.NewFromConfig(a.Config())
	a.look()
	a.launcher = a.process(claimsBefore...)
	return a
}

// process is a launcher that has just become the leader and found these claims without an
// instance.
func (a *account) process(found ...types.UID) *launch.Provider {
	p := a.unbegun()
	p.Begin(found)
	return p
}

// unbegun is a launcher that does not lead yet.
func (a *account) unbegun() *launch.Provider {
	clk := realTimers{a.clock}
	finder := inventory.New(inventory.Deps{API: a.api, Clusters: clusters{}, Clock: clk})
	return launch.New(launch.Deps{API: a.api, Finder: finder, Claims: a.claims, Addresses: a.taken, Refuser: a.refused, Clock: clk})
}

// look learns the ids of what the account was seeded with.
func (a *account) look() {
	a.t.Helper()
	g, ctx := NewWithT(a.t), a.t.Context()
	subnets, err := a.api.DescribeSubnets(ctx, &ec2.DescribeSubnetsInput{})
	g.Expect(err).NotTo(HaveOccurred())
	for _, s := range subnets.Subnets {
		a.subnets = append(a.subnets, v1.Subnet{ID: *s.SubnetId, Zone: *s.AvailabilityZone, ZoneID: *s.AvailabilityZoneId})
	}
	groups, err := a.api.DescribeSecurityGroups(ctx, &ec2.DescribeSecurityGroupsInput{
		Filters: []ec2types.Filter{{Name: awssdk.String("tag-key"), Values: []string{awsfakeec2.DiscoveryTag}}},
	})
	g.Expect(err).NotTo(HaveOccurred())
	for _, group := range groups.SecurityGroups {
		a.groups = append(a.groups, *group.GroupId)
	}
	images, err := a.api.DescribeImages(ctx, &ec2.DescribeImagesInput{
		Filters: []ec2types.Filter{{Name: awssdk.String("architecture"), Values: []string{"x86_64"}}},
	})
	g.Expect(err).NotTo(HaveOccurred())
	a.image = *images.Images[0].ImageId
}

// request is one for a node of t3.medium or t3.large in two zones, on demand.
func (a *account) request(claim types.UID, change ...func(*launch.Request)) launch.Request {
	offer := func(kind, zone string, price float64) launch.Offer {
		return launch.Offer{Pool: pool.Pool{InstanceType: kind, Zone: zone, CapacityType: "on-demand"}, Price: price}
	}
	r := launch.Request{
		Claim: claim, Class: "default", ClusterUID: clusterUID, CapacityType: "on-demand", Subnets: a.subnets, Addresses: 1,
		Tags: map[string]string{
			"kubernetes.io/cluster/demo": "owned", "karpenter.sh/nodepool": "workers",
			"eks:eks-cluster-name": "demo", "karpenter.k8s.aws/ec2nodeclass": "default", "Environment": "dev",
		},
		Groups: []launch.Group{{
			Template: launch.Template{
				ImageID: a.image, InstanceProfile: awsfake.NodeProfile, SecurityGroupIDs: a.groups, Tenancy: "default",
				UserData: join.NewUserData([]byte("#!/bin/sh\n# token abcdef.0123456789abcdef\n")),
			},
			Offers: []launch.Offer{
				offer("t3.medium", zoneA, 0.052), offer("t3.medium", zoneC, 0.052),
				offer("t3.large", zoneA, 0.104), offer("t3.large", zoneC, 0.104),
			},
		}},
	}
	for _, edit := range change {
		edit(&r)
	}
	return r
}

// alive are the instances that EC2 really has, visible or not, that are not ending.
func (a *account) alive() []awsfakeec2.Instance {
	a.t.Helper()
	all, err := a.EC2.Instances(region)
	NewWithT(a.t).Expect(err).NotTo(HaveOccurred())
	return slices.DeleteFunc(all, func(i awsfakeec2.Instance) bool { return instance.State(i.State).Gone() })
}

func (a *account) aliveIDs() []instance.ID {
	var ids []instance.ID
	for _, i := range a.alive() {
		ids = append(ids, instance.ID(i.ID))
	}
	return ids
}

// launchAll launches claims side by side.
func (a *account) launchAll(p *launch.Provider, claims []types.UID, change ...func(*launch.Request)) ([]instance.Instance, []error) {
	got, errs := make([]instance.Instance, len(claims)), make([]error, len(claims))
	var all sync.WaitGroup
	for n, claim := range claims {
		all.Go(func() { got[n], errs[n] = p.Launch(a.t.Context(), a.request(claim, change...)) })
	}
	all.Wait()
	return got, errs
}

// realTimers has the test's time, and timers that run by themselves: what is under test
// waits for milliseconds while it merges, and for the test to move time otherwise.
type realTimers struct{ *clocktesting.FakeClock }

func (realTimers) AfterFunc(d time.Duration, f func()) timer { return newTimer(d, f) }

type clusters struct{}

func (clusters) Get(context.Context) (cluster.Cluster, error) {
	return cluster.Cluster{Name: "demo", UID: clusterUID}, nil
}

type ownedClaims struct{ owned map[instance.ID]bool }

func (c *ownedClaims) Owned(context.Context) (map[instance.ID]bool, error) {
	return maps.Clone(c.owned), nil
}

// addresses picks the first subnet of each zone and counts.
type addresses struct {
	mu    sync.Mutex
	taken map[string]int
}

func (a *addresses) Reserve(subnets []v1.Subnet, count int) map[string]string {
	a.mu.Lock()
	defer a.mu.Unlock()
	zones := map[string]string{}
	for _, s := range subnets {
		if _, ok := zones[s.Zone]; !ok {
			zones[s.Zone] = s.ID
			a.taken[s.ID] += count
		}
	}
	return zones
}

func (a *addresses) Release(subnet string, count int) {
	a.mu.Lock()
	defer a.mu.Unlock()
	a.taken[subnet] -= count
}

func (a *addresses) total() int {
	a.mu.Lock()
	defer a.mu.Unlock()
	sum := 0
	for _, n := range a.taken {
		sum += n
	}
	return sum
}

// refusals records what it is told.
type refusals struct {
	mu            sync.Mutex
	pools         []pool.Pool
	subnets       []string
	capacityTypes []string
}

func (r *refusals) Refuse(pools []pool.Pool, _ string) {
	r.mu.Lock()
	defer r.mu.Unlock()
	r.pools = append(r.pools, pools...)
}

func (r *refusals) RefuseSubnet(subnet, _ string) {
	r.mu.Lock()
	defer r.mu.Unlock()
	r.subnets = append(r.subnets, subnet)
}

func (r *refusals) RefuseCapacityType(capacityType, _ string) {
	r.mu.Lock()
	defer r.mu.Unlock()
	r.capacityTypes = append(r.capacityTypes, capacityType)
}

func uids(names ...string) []types.UID {
	var out []types.UID
	for _, name := range names {
		out = append(out, types.UID(name))
	}
	return out
}

func numbered(n int) []types.UID {
	var out []types.UID
	for i := range n {
		out = append(out, types.UID("claim-"+strings.Repeat("0", 3)+string(rune('A'+i/26))+string(rune('A'+i%26))))
	}
	return out
}
