package parameter

import (
	"context"
	"fmt"
	"strings"
	"time"

	"github.com/aws/aws-sdk-go-v2/aws"
	"github.com/aws/aws-sdk-go-v2/aws/arn"
	"github.com/aws/aws-sdk-go-v2/service/ssm"
	"github.com/aws/aws-sdk-go-v2/service/ssm/types"
	"github.com/aws/aws-sdk-go-v2/service/sts"
	"k8s.io/utils/clock"
	"sigs.k8s.io/controller-runtime/pkg/log"

	"github.com/karpenter-kubeadm/karpenter-provider-aws/pkg/apis"
	awserrors "github.com/karpenter-kubeadm/karpenter-provider-aws/pkg/aws"
	"github.com/karpenter-kubeadm/karpenter-provider-aws/pkg/cache"
	"github.com/karpenter-kubeadm/karpenter-provider-aws/pkg/instance"
	"github.com/karpenter-kubeadm/karpenter-provider-aws/pkg/join"
)

// InstanceTagKey is on an instance's parameter the instance's ARN. The policy of the nodes'
// role compares it with ec2:SourceInstanceARN, which is in the credentials that an instance
// gets: so each reads its own and no other.
const InstanceTagKey = apis.Group + "/instance-arn"

// page is the most that Systems Manager returns of parameters at once.
const page = 10

// InstancesAPI is what Instances need of Systems Manager; *ssm.Client is one.
type InstancesAPI interface {
	API
	ssm.GetParametersByPathAPIClient
	DeleteParameter(ctx context.Context, in *ssm.DeleteParameterInput, opts ...func(*ssm.Options)) (*ssm.DeleteParameterOutput, error)
}

// Account says whose account this is; *sts.Client does.
type Account interface {
	GetCallerIdentity(ctx context.Context, in *sts.GetCallerIdentityInput, opts ...func(*sts.Options)) (*sts.GetCallerIdentityOutput, error)
}

// Instances keeps a parameter for each instance that is to join. It is safe for concurrent use.
type Instances struct {
	api     InstancesAPI
	account Account
	region  string
	folder  string
	prefix  *cache.Cache[string] // of instances' ARNs
	written *cache.Cache[string] // token id, by instance
}

// NewInstances returns the parameters of the cluster of this name.
func NewInstances(api InstancesAPI, account Account, region, clusterName string, c clock.PassiveClock) *Instances {
	return &Instances{
		api: api, account: account, region: region, folder: folder(clusterName),
		prefix:  cache.New[string](24*time.Hour, cache.WithClock(c)), // an account's number does not change
		written: cache.New[string](believe, cache.WithClock(c)),
	}
}

func folder(clusterName string) string { return "/karpenter/" + clusterName + "/bootstrap-tokens" }

// InstanceName is that of an instance's parameter; with join.InstanceID for an id, it is
// what all user data of a cluster says.
func InstanceName(clusterName string, id instance.ID) string {
	return folder(clusterName) + "/" + string(id)
}

// Put sees to it that the instance's parameter holds token, and that the instance may read it.
// Errors: *Error.
func (p *Instances) Put(ctx context.Context, id instance.ID, token join.Token) error {
	if written, ok := p.written.Get(string(id)); ok && written == token.ID {
		return nil
	}
	owner, err := p.arn(ctx, id)
	if err != nil {
		return newError("finding out the ARN of instance "+string(id), err)
	}
	name := p.folder + "/" + string(id)
	err = p.create(ctx, name, owner, token)
	if awserrors.KindOf(err) == awserrors.AlreadyExists {
		// Made by a process that ended before it knew, or by somebody else. Tags come with a
		// creation only, and without the right one the instance could not read it.
		if err = p.remove(ctx, name); err == nil {
			err = p.create(ctx, name, owner, token)
		}
	}
	if err != nil {
		return newError("putting parameter "+name, err)
	}
	p.written.Set(string(id), token.ID)
	log.FromContext(ctx).V(1).Info("put the bootstrap token where its instance fetches it", "parameter", name, "token-id", token.ID)
	return nil
}

func (p *Instances) create(ctx context.Context, name, owner string, token join.Token) error {
	_, err := p.api.PutParameter(ctx, &ssm.PutParameterInput{
		Name: aws.String(name), Value: aws.String(token.Value()), Type: types.ParameterTypeSecureString,
		Description: aws.String("The instance of this name joins with this bootstrap token. It goes when its node is there."),
		Tags:        []types.Tag{{Key: aws.String(InstanceTagKey), Value: aws.String(owner)}},
	})
	return err
}

// Remove deletes the instance's parameter, if there is one. Errors: *Error.
func (p *Instances) Remove(ctx context.Context, id instance.ID) error {
	p.written.Delete(string(id))
	name := p.folder + "/" + string(id)
	if err := p.remove(ctx, name); err != nil {
		return newError("deleting parameter "+name, err)
	}
	return nil
}

func (p *Instances) remove(ctx context.Context, name string) error {
	_, err := p.api.DeleteParameter(ctx, &ssm.DeleteParameterInput{Name: aws.String(name)})
	if awserrors.IsNotFound(err) {
		return nil
	}
	return err
}

// List returns the instances that have a parameter. Errors: *Error.
func (p *Instances) List(ctx context.Context) ([]instance.ID, error) {
	var ids []instance.ID
	input := &ssm.GetParametersByPathInput{Path: aws.String(p.folder), MaxResults: aws.Int32(page)} // values stay encrypted
	for pages := ssm.NewGetParametersByPathPaginator(p.api, input); pages.HasMorePages(); {
		found, err := pages.NextPage(ctx)
		if err != nil {
			return nil, newError("listing parameters below "+p.folder, err)
		}
		for _, parameter := range found.Parameters {
			name, _ := strings.CutPrefix(aws.ToString(parameter.Name), p.folder+"/")
			ids = append(ids, instance.ID(name))
		}
	}
	return ids, nil
}

// arn is the instance's.
func (p *Instances) arn(ctx context.Context, id instance.ID) (string, error) {
	prefix, err := p.prefix.GetOrLoad(ctx, p.region, func(ctx context.Context) (string, error) {
		who, err := p.account.GetCallerIdentity(ctx, &sts.GetCallerIdentityInput{})
		if err != nil {
			return "", err
		}
		parsed, err := arn.Parse(aws.ToString(who.Arn))
		if err != nil {
			return "", fmt.Errorf("reading who the controller is to AWS: %w", err)
		}
		own := arn.ARN{Partition: parsed.Partition, Service: "ec2", Region: p.region, AccountID: aws.ToString(who.Account), Resource: "instance/"}
		return own.String(), nil
	})
	return prefix + string(id), err
}
