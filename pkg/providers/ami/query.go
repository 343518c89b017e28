package ami

import (
	"context"
	"errors"
	"fmt"
	"maps"
	"slices"
	"strings"

	ec2types "github.com/aws/aws-sdk-go-v2/service/ec2/types"
	"github.com/samber/lo"

	v1 "github.com/karpenter-kubeadm/karpenter-provider-aws/pkg/apis/v1"
	"github.com/karpenter-kubeadm/karpenter-provider-aws/pkg/aws"
)

// query is one call of DescribeImages, and what a person would say it looks for.
type query struct {
	filters []ec2types.Filter
	owners  []string
	sought  string
	// serves holds by image id what an image is known to be for, and all what every other one
	// is for: nothing is any type of its architecture.
	serves map[string][]requirements
	all    requirements
	// parameters holds by image id the vendor's parameter that named it.
	parameters map[string]string
}

// plan is what has to be asked of EC2 to find the images of a class. missing are parameters
// that SSM does not have.
type plan struct {
	queries []query
	missing []string
}

// planTerms makes a plan of terms without an alias: one query for all ids, whether named
// outright or through a parameter, and one for each other term.
func (p *Provider) planTerms(ctx context.Context, terms []v1.AMISelectorTerm) (plan, error) {
	var out plan
	var ids []string
	for _, term := range terms {
		switch {
		case term.ID != "":
			ids = append(ids, term.ID)
		case term.SSMParameter != "":
			id, err := p.parameters.get(ctx, term.SSMParameter, custom)
			if missing, err := unless(err, term.SSMParameter); err != nil {
				return plan{}, err
			} else if missing != "" {
				out.missing = append(out.missing, missing)
				continue
			}
			ids = append(ids, id)
		default:
			out.queries = append(out.queries, termQuery(term))
		}
	}
	if len(ids) > 0 {
		out.queries = append(out.queries, idQuery(ids))
	}
	return out, nil
}

// planPublished makes a plan of what an alias leads to.
func (p *Provider) planPublished(ctx context.Context, from published) (plan, error) {
	if from.search.name != "" {
		q := termQuery(v1.AMISelectorTerm{Name: from.search.name, Owner: from.search.owner})
		q.all = from.search.serves
		return plan{queries: []query{q}}, nil
	}
	var out plan
	serves, paths := map[string][]requirements{}, map[string]string{}
	for _, parameter := range from.parameters {
		id, err := p.parameters.get(ctx, parameter.path, public)
		missing, err := unless(err, parameter.path)
		if err != nil {
			return plan{}, err
		}
		if missing != "" {
			out.missing = append(out.missing, missing)
			continue
		}
		serves[id] = append(serves[id], parameter.serves...)
		paths[id] = parameter.path
	}
	if len(serves) > 0 {
		q := idQuery(slices.Sorted(maps.Keys(serves)))
		q.serves, q.parameters = serves, paths
		out.queries = []query{q}
	}
	return out, nil
}

// unless tells a parameter that is not there, or holds no image, from an error.
func unless(err error, path string) (missing string, other error) {
	var value *notAnImageError
	switch {
	case err == nil:
		return "", nil
	case aws.IsNotFound(err):
		return "SSM parameter " + path, nil
	case errors.As(err, &value):
		return fmt.Sprintf("image id in the SSM parameter %s, which holds %q", path, value.value), nil
	default:
		return "", err
	}
}

// needs are the sets of requirements under which an image may be chosen.
func (q query) needs(id string) []requirements {
	if known := q.serves[id]; len(known) > 0 {
		return known
	}
	return []requirements{q.all}
}

func idQuery(ids []string) query {
	return query{
		filters: []ec2types.Filter{{Name: lo.ToPtr("image-id"), Values: ids}},
		sought:  "image " + strings.Join(ids, " or "),
	}
}

// termQuery looks for images by name, owner and tags. A name alone is sought among the
// account's own images and Amazon's, so that nobody can put an image of that name in the way.
func termQuery(term v1.AMISelectorTerm) query {
	q := query{sought: "image"}
	if term.Owner != "" {
		q.owners = []string{term.Owner}
	}
	if term.Name != "" {
		q.filters = append(q.filters, ec2types.Filter{Name: lo.ToPtr("name"), Values: []string{term.Name}})
		q.sought += fmt.Sprintf(" with the name %q", term.Name)
		if term.Owner == "" {
			q.owners = []string{"self", ownerAmazon}
		}
	}
	for _, tag := range slices.Sorted(maps.Keys(term.Tags)) {
		if value := term.Tags[tag]; value == "*" {
			q.filters = append(q.filters, ec2types.Filter{Name: lo.ToPtr("tag-key"), Values: []string{tag}})
			q.sought += fmt.Sprintf(" with the tag %s", tag)
		} else {
			q.filters = append(q.filters, ec2types.Filter{Name: lo.ToPtr("tag:" + tag), Values: []string{value}})
			q.sought += fmt.Sprintf(" with the tag %s=%s", tag, value)
		}
	}
	if len(q.owners) > 0 {
		q.sought += " owned by " + strings.Join(q.owners, " or ")
	}
	return q
}
