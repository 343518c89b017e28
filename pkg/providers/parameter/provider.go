package parameter

import (
	"context"
	"time"

	"github.com/aws/aws-sdk-go-v2/aws"
	"github.com/aws/aws-sdk-go-v2/service/ssm"
	"github.com/aws/aws-sdk-go-v2/service/ssm/types"
	"k8s.io/utils/clock"
	"sigs.k8s.io/controller-runtime/pkg/log"

	"github.com/karpenter-kubeadm/karpenter-provider-aws/pkg/cache"
	"github.com/karpenter-kubeadm/karpenter-provider-aws/pkg/join"
)

// believe is how long the parameter is taken to hold what was written. Writing is free, but
// an account may write only three parameters in a second.
const believe = 5 * time.Minute

// API is what this package needs of Systems Manager; *ssm.Client is one.
type API interface {
	PutParameter(ctx context.Context, in *ssm.PutParameterInput, opts ...func(*ssm.Options)) (*ssm.PutParameterOutput, error)
}

// Provider keeps the parameter. It is safe for concurrent use.
type Provider struct {
	api     API
	name    string
	written *cache.Cache[string] // the parameter's name, by token id
}

// New returns a Provider for the cluster of this name.
func New(api API, clusterName string, c clock.PassiveClock) *Provider {
	return &Provider{api: api, name: Name(clusterName), written: cache.New[string](believe, cache.WithClock(c))}
}

// Name is that of a cluster's parameter. It does not depend on the token, so that a rotation
// changes neither user data nor launch templates.
func Name(clusterName string) string { return "/karpenter/" + clusterName + "/bootstrap-token" }

// Deliver sees to it that the parameter holds token, and returns the parameter's name.
// Errors: *Error.
func (p *Provider) Deliver(ctx context.Context, token join.Token) (string, error) {
	return p.written.GetOrLoad(ctx, token.ID, func(ctx context.Context) (string, error) {
		_, err := p.api.PutParameter(ctx, &ssm.PutParameterInput{
			Name: aws.String(p.name), Value: aws.String(token.Value()), Type: types.ParameterTypeSecureString, Overwrite: aws.Bool(true),
			Description: aws.String("Nodes that Karpenter launches join with this bootstrap token. It is rotated."),
		})
		if err != nil {
			return "", newError("putting parameter "+p.name, err)
		}
		log.FromContext(ctx).V(1).Info("put the bootstrap token where nodes fetch it", "parameter", p.name, "token-id", token.ID)
		return p.name, nil
	})
}
