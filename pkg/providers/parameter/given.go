package parameter

import (
	"context"

	"github.com/aws/aws-sdk-go-v2/aws"
	"github.com/aws/aws-sdk-go-v2/service/ssm"

	"github.com/karpenter-kubeadm/karpenter-provider-aws/pkg/join"
)

// GetAPI is what Given needs of Systems Manager; *ssm.Client is one.
type GetAPI interface {
	GetParameter(ctx context.Context, in *ssm.GetParameterInput, opts ...func(*ssm.Options)) (*ssm.GetParameterOutput, error)
}

// Given is a parameter of the user's that holds a bootstrap token which they rotate.
type Given struct {
	api  GetAPI
	name string
}

// NewGiven returns the parameter of this name, which may also be an ARN.
func NewGiven(api GetAPI, name string) *Given { return &Given{api: api, name: name} }

// Read returns what the parameter holds now. Errors: *Error.
func (g *Given) Read(ctx context.Context) (string, error) {
	out, err := g.api.GetParameter(ctx, &ssm.GetParameterInput{Name: aws.String(g.name), WithDecryption: aws.Bool(true)})
	if err != nil {
		return "", newError("getting parameter "+g.name+" (BOOTSTRAP_TOKEN_PARAMETER)", err)
	}
	return aws.ToString(out.Parameter.Value), nil
}

// String says which parameter.
func (g *Given) String() string { return "parameter " + g.name }

// Deliver returns the parameter's name: nodes fetch the token from where the user put it.
func (g *Given) Deliver(context.Context, join.Token) (string, error) { return g.name, nil }
