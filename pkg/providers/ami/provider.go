package ami

import (
	"cmp"
	"context"
	"encoding/json"
	"errors"
	"fmt"
	"time"

	"github.com/aws/aws-sdk-go-v2/service/ec2"
	ec2types "github.com/aws/aws-sdk-go-v2/service/ec2/types"
	"github.com/samber/lo"
	"k8s.io/utils/clock"

	v1 "github.com/karpenter-kubeadm/karpenter-provider-aws/pkg/apis/v1"
	"github.com/karpenter-kubeadm/karpenter-provider-aws/pkg/aws"
	"github.com/karpenter-kubeadm/karpenter-provider-aws/pkg/cache"
	"github.com/karpenter-kubeadm/karpenter-provider-aws/pkg/cluster"
)

// pageSize is the most that EC2 allows: a name with wildcards can match hundreds.
const pageSize = 1000

// Clusters tells the mode and the Kubernetes version that published images depend on.
type Clusters interface {
	Get(ctx context.Context) (cluster.Cluster, error)
}

// Sources are where images are looked for. All are needed.
type Sources struct {
	Images     ec2.DescribeImagesAPIClient
	Parameters ParameterAPI
	Clusters   Clusters
}

// Provider finds images. It is safe for concurrent use.
type Provider struct {
	images     ec2.DescribeImagesAPIClient
	clusters   Clusters
	clock      clock.PassiveClock
	parameters *parameterStore
	cache      *cache.Cache[[]v1.AMI]
}

// New returns a Provider. refresh says how old answers may be; zero means cache.Images.
func New(from Sources, clk clock.PassiveClock, refresh time.Duration) *Provider {
	return &Provider{
		images:     from.Images,
		clusters:   from.Clusters,
		clock:      clk,
		parameters: newParameters(from.Parameters, clk),
		cache:      cache.New[[]v1.AMI](cmp.Or(refresh, cache.Images), cache.WithClock(clk)),
	}
}

// List returns the images that nodes of class boot from, newest first: for each set of
// requirements one, the newest that is not deprecated where there is such. There is at
// least one, or an error. The answer is shared and read-only.
func (p *Provider) List(ctx context.Context, class *v1.EC2NodeClass) ([]v1.AMI, error) {
	alias, aliased := aliasOf(class)
	if !aliased {
		return p.list(ctx, class.Spec.AMISelectorTerms, func(ctx context.Context) (plan, error) {
			return p.planTerms(ctx, class.Spec.AMISelectorTerms)
		})
	}
	c, err := p.clusters.Get(ctx)
	if err != nil {
		return nil, fmt.Errorf("reading the cluster's version: %w", err)
	}
	from, err := resolve(alias, c)
	if err != nil {
		return nil, err
	}
	return p.list(ctx, []string{alias.String(), string(c.Mode), c.Version.MinorString()}, func(ctx context.Context) (plan, error) {
		return p.planPublished(ctx, from)
	})
}

// aliasOf returns the alias that class names, else its family's default where it selects nothing.
func aliasOf(class *v1.EC2NodeClass) (v1.Alias, bool) {
	if alias := class.Alias(); alias != nil {
		return *alias, true
	}
	if len(class.Spec.AMISelectorTerms) > 0 {
		return v1.Alias{}, false
	}
	return defaultAlias(class.AMIFamily())
}

// list returns what is known for selector, else follows the plan that planner makes.
func (p *Provider) list(ctx context.Context, selector any, planner func(context.Context) (plan, error)) ([]v1.AMI, error) {
	key := string(lo.Must(json.Marshal(selector))) // strings only, so it cannot fail
	return p.cache.GetOrLoad(ctx, key, func(ctx context.Context) ([]v1.AMI, error) {
		todo, err := planner(ctx)
		if err != nil {
			return nil, err
		}
		return p.follow(ctx, todo)
	})
}

func (p *Provider) follow(ctx context.Context, todo plan) ([]v1.AMI, error) {
	chosen := selection{}
	sought := todo.missing
	for _, q := range todo.queries {
		images, err := p.describe(ctx, q)
		if err != nil {
			return nil, err
		}
		p.forgetOutdated(q, images)
		for _, found := range images {
			chosen.add(found, q.needs(found.id))
		}
		sought = append(sought, q.sought)
	}
	if len(chosen) == 0 {
		if len(sought) == 0 {
			return nil, errors.New("neither amiSelectorTerms nor a default image")
		}
		return nil, &NotFoundError{Sought: sought}
	}
	return chosen.list(), nil
}

// describe returns the images of q that Kubernetes has an architecture for.
func (p *Provider) describe(ctx context.Context, q query) ([]image, error) {
	pages := ec2.NewDescribeImagesPaginator(p.images, &ec2.DescribeImagesInput{
		Filters:           append([]ec2types.Filter{{Name: lo.ToPtr("state"), Values: []string{string(ec2types.ImageStateAvailable)}}}, q.filters...),
		Owners:            q.owners,
		IncludeDeprecated: lo.ToPtr(true), // a pinned image goes on working
		MaxResults:        lo.ToPtr[int32](pageSize),
	})
	var images []image
	for pages.HasMorePages() {
		page, err := pages.NextPage(ctx)
		if err != nil {
			return nil, fmt.Errorf("describing images: %w", aws.Explain(err))
		}
		for _, raw := range page.Images {
			if found, ok := read(raw, p.clock.Now()); ok {
				images = append(images, found)
			}
		}
	}
	return images, nil
}

// forgetOutdated lets a vendor's parameter be read again that names an image which is
// deprecated or no longer there: the vendor has published another by then.
func (p *Provider) forgetOutdated(q query, images []image) {
	good := map[string]bool{}
	for _, found := range images {
		good[found.id] = !found.deprecated
	}
	for id, path := range q.parameters {
		if !good[id] {
			p.parameters.forget(path)
		}
	}
}
