package instancetype

import (
	"context"
	"fmt"
	"slices"

	"github.com/aws/aws-sdk-go-v2/aws"
	"github.com/aws/aws-sdk-go-v2/service/ec2"
	ec2types "github.com/aws/aws-sdk-go-v2/service/ec2/types"
)

type info = ec2types.InstanceTypeInfo

// The largest pages that EC2 gives.
const (
	typesPerPage = 100
	zonesPerPage = 1000
)

// describeTypes returns the types that images of nodes can boot on.
func (p *Provider) describeTypes(ctx context.Context) ([]info, error) {
	pages := ec2.NewDescribeInstanceTypesPaginator(p.api, &ec2.DescribeInstanceTypesInput{
		Filters: []ec2types.Filter{
			{Name: aws.String("supported-virtualization-type"), Values: []string{"hvm"}},
			{Name: aws.String("processor-info.supported-architecture"), Values: []string{"x86_64", "arm64"}},
		},
		MaxResults: aws.Int32(typesPerPage),
	})
	var all []info
	for pages.HasMorePages() {
		page, err := pages.NextPage(ctx)
		if err != nil {
			return nil, fmt.Errorf("describing instance types: %w", err)
		}
		all = append(all, page.InstanceTypes...)
	}
	return all, nil
}

// describeZones returns the zones that have each type, sorted.
func (p *Provider) describeZones(ctx context.Context) (map[string][]string, error) {
	pages := ec2.NewDescribeInstanceTypeOfferingsPaginator(p.api, &ec2.DescribeInstanceTypeOfferingsInput{
		LocationType: ec2types.LocationTypeAvailabilityZone,
		MaxResults:   aws.Int32(zonesPerPage),
	})
	all := map[string][]string{}
	for pages.HasMorePages() {
		page, err := pages.NextPage(ctx)
		if err != nil {
			return nil, fmt.Errorf("describing the zones of instance types: %w", err)
		}
		for _, offering := range page.InstanceTypeOfferings {
			name := string(offering.InstanceType)
			all[name] = append(all[name], aws.ToString(offering.Location))
		}
	}
	for _, zones := range all {
		slices.Sort(zones)
	}
	return all, nil
}
