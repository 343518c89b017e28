package ami

import (
	"context"
	"fmt"
	"strings"
	"time"

	"github.com/aws/aws-sdk-go-v2/service/ssm"
	"github.com/samber/lo"
	"k8s.io/utils/clock"

	"github.com/karpenter-kubeadm/karpenter-provider-aws/pkg/aws"
	"github.com/karpenter-kubeadm/karpenter-provider-aws/pkg/cache"
)

// ParameterAPI is what this package needs of SSM; *ssm.Client is one.
type ParameterAPI interface {
	GetParameter(context.Context, *ssm.GetParameterInput, ...func(*ssm.Options)) (*ssm.GetParameterOutput, error)
}

// How long a parameter's value is kept depends on whose it is.
const (
	public = cache.PublicParameter
	custom = cache.CustomParameter
)

// parameters reads image ids from SSM.
type parameterStore struct {
	api   ParameterAPI
	cache *cache.Cache[string]
}

// notAnImageError says that a parameter holds something else than an image id.
type notAnImageError struct{ name, value string }

func (e *notAnImageError) Error() string {
	return fmt.Sprintf("SSM parameter %s holds %q and no image id", e.name, e.value)
}

func newParameters(api ParameterAPI, clk clock.PassiveClock) *parameterStore {
	return &parameterStore{api: api, cache: cache.New[string](public, cache.WithClock(clk))}
}

// get returns the image id in the parameter name, at most ttl old.
func (p *parameterStore) get(ctx context.Context, name string, ttl time.Duration) (string, error) {
	if id, ok := p.cache.Get(name); ok {
		return id, nil
	}
	out, err := p.api.GetParameter(ctx, &ssm.GetParameterInput{Name: &name})
	if err != nil {
		return "", fmt.Errorf("reading SSM parameter %s: %w", name, aws.Explain(err))
	}
	value := ""
	if out.Parameter != nil {
		value = lo.FromPtr(out.Parameter.Value)
	}
	if !strings.HasPrefix(value, "ami-") {
		return "", &notAnImageError{name: name, value: value}
	}
	p.cache.SetFor(name, value, ttl)
	return value, nil
}

func (p *parameterStore) forget(name string) { p.cache.Delete(name) }
