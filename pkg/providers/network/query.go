package network

import (
	"encoding/json"
	"maps"
	"slices"

	ec2types "github.com/aws/aws-sdk-go-v2/service/ec2/types"
	"github.com/samber/lo"

	v1 "github.com/karpenter-kubeadm/karpenter-provider-aws/pkg/apis/v1"
)

// subnetQueries turns terms into the fewest sets of filters: one for all ids, and one for
// each term with tags, since EC2 ANDs filters and ORs the values of one.
func subnetQueries(terms []v1.SubnetSelectorTerm) [][]ec2types.Filter {
	var ids []string
	var queries [][]ec2types.Filter
	for _, term := range terms {
		if term.ID != "" {
			ids = append(ids, term.ID)
		} else {
			queries = append(queries, tagFilters(term.Tags))
		}
	}
	return withValues(queries, "subnet-id", ids)
}

// groupQueries is subnetQueries for security groups, which can be named too.
func groupQueries(terms []v1.SecurityGroupSelectorTerm) [][]ec2types.Filter {
	var ids, names []string
	var queries [][]ec2types.Filter
	for _, term := range terms {
		switch {
		case term.ID != "":
			ids = append(ids, term.ID)
		case term.Name != "":
			names = append(names, term.Name)
		default:
			queries = append(queries, tagFilters(term.Tags))
		}
	}
	return withValues(withValues(queries, "group-id", ids), "group-name", names)
}

func withValues(queries [][]ec2types.Filter, filter string, values []string) [][]ec2types.Filter {
	if len(values) == 0 {
		return queries
	}
	return append(queries, []ec2types.Filter{{Name: &filter, Values: values}})
}

// tagFilters match what bears all of tags. The value "*" asks for the key only.
func tagFilters(tags map[string]string) []ec2types.Filter {
	return lo.Map(slices.Sorted(maps.Keys(tags)), func(name string, _ int) ec2types.Filter {
		if tags[name] == "*" {
			return ec2types.Filter{Name: lo.ToPtr("tag-key"), Values: []string{name}}
		}
		return ec2types.Filter{Name: lo.ToPtr("tag:" + name), Values: []string{tags[name]}}
	})
}

// key is the same for the same queries. Filters are strings, so marshalling cannot fail.
func key(queries [][]ec2types.Filter) string {
	return string(lo.Must(json.Marshal(queries)))
}
