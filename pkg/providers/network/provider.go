package network

import (
	"cmp"
	"context"
	"fmt"
	"slices"
	"strings"
	"time"

	"github.com/aws/aws-sdk-go-v2/service/ec2"
	ec2types "github.com/aws/aws-sdk-go-v2/service/ec2/types"
	"github.com/samber/lo"
	"k8s.io/utils/clock"

	v1 "github.com/karpenter-kubeadm/karpenter-provider-aws/pkg/apis/v1"
	"github.com/karpenter-kubeadm/karpenter-provider-aws/pkg/aws"
	"github.com/karpenter-kubeadm/karpenter-provider-aws/pkg/cache"
)

// pageSize is how many results a page holds; more pages cost more calls, and EC2 allows up to 1000.
const pageSize = 500

// API is what this package needs of EC2; *ec2.Client is one.
type API interface {
	ec2.DescribeSubnetsAPIClient
	ec2.DescribeSecurityGroupsAPIClient
}

// Refresh says how old answers may be. Zero means cache.Network.
type Refresh struct{ Subnets, SecurityGroups time.Duration }

// Provider finds subnets and security groups. It is safe for concurrent use.
type Provider struct {
	api       API
	clock     clock.PassiveClock
	subnets   *cache.Cache[[]v1.Subnet]
	groups    *cache.Cache[[]v1.SecurityGroup]
	addresses *addresses
}

// New returns a Provider that asks api.
func New(api API, clk clock.PassiveClock, refresh Refresh) *Provider {
	return &Provider{
		api:       api,
		clock:     clk,
		subnets:   cache.New[[]v1.Subnet](cmp.Or(refresh.Subnets, cache.Network), cache.WithClock(clk)),
		groups:    cache.New[[]v1.SecurityGroup](cmp.Or(refresh.SecurityGroups, cache.Network), cache.WithClock(clk)),
		addresses: newAddresses(clk),
	}
}

// Subnets returns the subnets that class selects, those with the most free addresses first
// and then by id. The answer is shared and read-only.
func (p *Provider) Subnets(ctx context.Context, class *v1.EC2NodeClass) ([]v1.Subnet, error) {
	queries := subnetQueries(class.Spec.SubnetSelectorTerms)
	return p.subnets.GetOrLoad(ctx, key(queries), func(ctx context.Context) ([]v1.Subnet, error) {
		return p.loadSubnets(ctx, queries)
	})
}

func (p *Provider) loadSubnets(ctx context.Context, queries [][]ec2types.Filter) ([]v1.Subnet, error) {
	asked := p.clock.Now()
	found := map[string]ec2types.Subnet{}
	for _, filters := range queries {
		pages := ec2.NewDescribeSubnetsPaginator(p.api, &ec2.DescribeSubnetsInput{Filters: filters, MaxResults: lo.ToPtr[int32](pageSize)})
		for pages.HasMorePages() {
			page, err := pages.NextPage(ctx)
			if err != nil {
				return nil, fmt.Errorf("describing subnets: %w", aws.Explain(err))
			}
			for _, subnet := range page.Subnets {
				found[lo.FromPtr(subnet.SubnetId)] = subnet
			}
		}
	}
	subnets := lo.Values(found)
	slices.SortFunc(subnets, func(a, b ec2types.Subnet) int {
		return cmp.Or(
			-cmp.Compare(lo.FromPtr(a.AvailableIpAddressCount), lo.FromPtr(b.AvailableIpAddressCount)),
			strings.Compare(lo.FromPtr(a.SubnetId), lo.FromPtr(b.SubnetId)))
	})
	return lo.Map(subnets, func(subnet ec2types.Subnet, _ int) v1.Subnet {
		p.addresses.counted(lo.FromPtr(subnet.SubnetId), int(lo.FromPtr(subnet.AvailableIpAddressCount)), asked)
		return v1.Subnet{
			ID:     lo.FromPtr(subnet.SubnetId),
			Zone:   lo.FromPtr(subnet.AvailabilityZone),
			ZoneID: lo.FromPtr(subnet.AvailabilityZoneId),
		}
	}), nil
}

// SecurityGroups returns the security groups that class selects, by id. The answer is
// shared and read-only.
func (p *Provider) SecurityGroups(ctx context.Context, class *v1.EC2NodeClass) ([]v1.SecurityGroup, error) {
	queries := groupQueries(class.Spec.SecurityGroupSelectorTerms)
	return p.groups.GetOrLoad(ctx, key(queries), func(ctx context.Context) ([]v1.SecurityGroup, error) {
		return p.loadGroups(ctx, queries)
	})
}

func (p *Provider) loadGroups(ctx context.Context, queries [][]ec2types.Filter) ([]v1.SecurityGroup, error) {
	found := map[string]v1.SecurityGroup{}
	for _, filters := range queries {
		pages := ec2.NewDescribeSecurityGroupsPaginator(p.api, &ec2.DescribeSecurityGroupsInput{Filters: filters, MaxResults: lo.ToPtr[int32](pageSize)})
		for pages.HasMorePages() {
			page, err := pages.NextPage(ctx)
			if err != nil {
				return nil, fmt.Errorf("describing security groups: %w", aws.Explain(err))
			}
			for _, group := range page.SecurityGroups {
				found[lo.FromPtr(group.GroupId)] = v1.SecurityGroup{ID: lo.FromPtr(group.GroupId), Name: lo.FromPtr(group.GroupName)}
			}
		}
	}
	groups := lo.Values(found)
	slices.SortFunc(groups, func(a, b v1.SecurityGroup) int { return strings.Compare(a.ID, b.ID) })
	return groups, nil
}

// Reserve picks for each zone of subnets the one with the most addresses left, and takes
// count off it. It returns subnet ids by zone. Subnets that EC2 has not counted yet come
// last; none is left out for being full, since counts lag and EC2 itself decides.
func (p *Provider) Reserve(subnets []v1.Subnet, count int) map[string]string {
	return p.addresses.reserve(subnets, count)
}

// Release puts count addresses of subnet back that a launch reserved and did not use.
func (p *Provider) Release(subnet string, count int) { p.addresses.release(subnet, count) }
