package inventory

import (
	"context"
	"fmt"

	"github.com/aws/aws-sdk-go-v2/aws"
	"github.com/aws/aws-sdk-go-v2/service/ec2"
	ec2types "github.com/aws/aws-sdk-go-v2/service/ec2/types"

	"github.com/karpenter-kubeadm/karpenter-provider-aws/pkg/batch"
	"github.com/karpenter-kubeadm/karpenter-provider-aws/pkg/instance"
)

// Get returns what EC2 says of one instance now. Its error is instance.ErrNotFound when EC2
// does not know it, or knows it as terminated. A new instance may be unknown for seconds.
func (p *Provider) Get(ctx context.Context, id instance.ID) (instance.Instance, error) {
	return p.gets.Do(ctx, struct{}{}, id)
}

// get asks by filter and not by id, since EC2 refuses a whole call for one id that it does
// not know.
func (p *Provider) get(ctx context.Context, _ struct{}, ids []instance.ID) []batch.Result[instance.Instance] {
	results := make([]batch.Result[instance.Instance], len(ids))
	found, err := p.describe(ctx, filter("instance-id", unique(ids)...))
	for n, id := range ids {
		i, ok := found[id]
		switch {
		case err != nil:
			results[n].Err = err
		case !ok || i.State == instance.StateTerminated:
			results[n].Err = fmt.Errorf("%s: %w", id, instance.ErrNotFound)
		default:
			results[n].Value = i
		}
	}
	return results
}

// describe returns all instances that match filters, from all pages.
func (p *Provider) describe(ctx context.Context, filters ...ec2types.Filter) (map[instance.ID]instance.Instance, error) {
	found := map[instance.ID]instance.Instance{}
	// 1000 is the most that EC2 returns at once.
	input := &ec2.DescribeInstancesInput{Filters: filters, MaxResults: aws.Int32(1000)}
	for pages := ec2.NewDescribeInstancesPaginator(p.API, input); pages.HasMorePages(); {
		page, err := pages.NextPage(ctx)
		if err != nil {
			return nil, fmt.Errorf("describing instances: %w", err)
		}
		for _, reservation := range page.Reservations {
			for _, i := range reservation.Instances {
				found[instance.ID(aws.ToString(i.InstanceId))] = read(i)
			}
		}
	}
	return found, nil
}

func filter(name string, values ...string) ec2types.Filter {
	return ec2types.Filter{Name: aws.String(name), Values: values}
}

// unique returns each id once, as EC2 takes them.
func unique(ids []instance.ID) []string {
	seen := make(map[instance.ID]bool, len(ids))
	var out []string
	for _, id := range ids {
		if !seen[id] {
			seen[id] = true
			out = append(out, string(id))
		}
	}
	return out
}
