package env

import (
	"context"
	"fmt"
	"time"

	"github.com/aws/aws-sdk-go-v2/aws"
	awsconfig "github.com/aws/aws-sdk-go-v2/config"
	"github.com/aws/aws-sdk-go-v2/credentials"
	awsec2 "github.com/aws/aws-sdk-go-v2/service/ec2"
	ec2types "github.com/aws/aws-sdk-go-v2/service/ec2/types"

	"github.com/karpenter-kubeadm/karpenter-provider-aws/pkg/instance"
	"github.com/karpenter-kubeadm/karpenter-provider-aws/test/awsfake"
	"github.com/karpenter-kubeadm/karpenter-provider-aws/test/awsfake/ec2"
	"github.com/karpenter-kubeadm/karpenter-provider-aws/test/awsfake/wire"
	"github.com/karpenter-kubeadm/karpenter-provider-aws/test/env/account"
)

// controllerKey is the access key of the controller under test, which the IAM policy holds.
const controllerKey = "AKIACONTROLLER000000"

// controllerSecret goes with it; no endpoint here checks signatures.
const controllerSecret = "secret"

// Instance is what EC2 says of one instance.
type Instance struct {
	ID, Type, Zone, State, ProviderID, PrivateIP string
	Launched                                     time.Time
	Tags                                         map[string]string
}

// Alive reports whether the instance costs money.
func (i Instance) Alive() bool { return i.State != "terminated" && i.State != "shutting-down" }

// Instances returns what EC2 lists, of every state, that carries all the tags.
func (e *Env) Instances(ctx context.Context, tags map[string]string) ([]Instance, error) {
	input := &awsec2.DescribeInstancesInput{}
	for key, value := range tags {
		input.Filters = append(input.Filters, ec2types.Filter{Name: aws.String("tag:" + key), Values: []string{value}})
	}
	var all []Instance
	pages := awsec2.NewDescribeInstancesPaginator(e.ec2, input)
	for pages.HasMorePages() {
		page, err := pages.NextPage(ctx)
		if err != nil {
			return nil, fmt.Errorf("describing instances: %w", err)
		}
		for _, reservation := range page.Reservations {
			for _, i := range reservation.Instances {
				all = append(all, toInstance(i))
			}
		}
	}
	return all, nil
}

func toInstance(i ec2types.Instance) Instance {
	out := Instance{
		ID: aws.ToString(i.InstanceId), Type: string(i.InstanceType), State: string(i.State.Name),
		PrivateIP: aws.ToString(i.PrivateIpAddress), Launched: aws.ToTime(i.LaunchTime), Tags: map[string]string{},
	}
	if i.Placement != nil {
		out.Zone = aws.ToString(i.Placement.AvailabilityZone)
	}
	out.ProviderID = instance.ProviderID(out.Zone, instance.ID(out.ID))
	for _, tag := range i.Tags {
		out.Tags[aws.ToString(tag.Key)] = aws.ToString(tag.Value)
	}
	return out
}

// Terminate ends an instance the way somebody at the console would.
func (e *Env) Terminate(ctx context.Context, id string) error {
	_, err := e.ec2.TerminateInstances(ctx, &awsec2.TerminateInstancesInput{InstanceIds: []string{id}})
	return err
}

// RunStranger starts an instance that looks like ours, of a NodePool and NodeClass named
// alike, but was launched for another cluster that goes by the same name.
func (e *Env) RunStranger(ctx context.Context, pool, class string) (string, error) {
	images, err := e.ec2.DescribeImages(ctx, &awsec2.DescribeImagesInput{
		Filters: []ec2types.Filter{{Name: aws.String("architecture"), Values: []string{"x86_64"}}},
	})
	if err != nil || len(images.Images) == 0 {
		return "", fmt.Errorf("finding an image for the stranger: %w", err)
	}
	subnets, err := e.ec2.DescribeSubnets(ctx, &awsec2.DescribeSubnetsInput{})
	if err != nil || len(subnets.Subnets) == 0 {
		return "", fmt.Errorf("finding a subnet for the stranger: %w", err)
	}
	tags := map[string]string{
		"karpenter.sh/nodepool": pool, "karpenter.k8s.aws/ec2nodeclass": class, "eks:eks-cluster-name": e.options.ClusterName,
		"kubernetes.io/cluster/" + e.options.ClusterName: "owned",
		"karpenter.k8s.aws/cluster-uid":                  "11111111-2222-3333-4444-555555555555",
	}
	specification := ec2types.TagSpecification{ResourceType: ec2types.ResourceTypeInstance}
	for key, value := range tags {
		specification.Tags = append(specification.Tags, ec2types.Tag{Key: aws.String(key), Value: aws.String(value)})
	}
	out, err := e.ec2.RunInstances(ctx, &awsec2.RunInstancesInput{
		ImageId: images.Images[0].ImageId, SubnetId: subnets.Subnets[0].SubnetId, InstanceType: ec2types.InstanceTypeT3Medium,
		MinCount: aws.Int32(1), MaxCount: aws.Int32(1), TagSpecifications: []ec2types.TagSpecification{specification},
	})
	if err != nil {
		return "", fmt.Errorf("running the stranger: %w", err)
	}
	return aws.ToString(out.Instances[0].InstanceId), nil
}

// HoldAWS stops the next call of an action by a controller, before it has an effect or after,
// for as long as that controller lives. Where several is set, it is the next launch for
// more than one claim. The channel is closed when the call has stopped.
func (e *Env) HoldAWS(action string, after, several bool) <-chan struct{} {
	reached := make(chan struct{})
	stage := wire.Before
	if after {
		stage = wire.After
	}
	ended := e.controller.Done()
	e.AWS.Inject(wire.Fault{
		Action: action, Stage: stage, Drop: true,
		Match: func(c *wire.Call) bool {
			merged := c.Form.Get("TargetCapacitySpecification.TotalTargetCapacity")
			return ofController(c) && (!several || merged > "1")
		},
		Do: func(*wire.Call) {
			close(reached)
			<-ended
		},
	})
	return reached
}

// DelayAWS makes the next call of an action by a controller take that long, so that others gather behind it.
func (e *Env) DelayAWS(action string, d time.Duration) {
	e.AWS.Inject(wire.Fault{Action: action, Stage: wire.Before, Match: ofController, Delay: d})
}

// ofController reports whether a call is one of the controller's that has an effect.
func ofController(c *wire.Call) bool {
	return c.AccessKey == controllerKey && c.Form.Get("DryRun") != "true"
}

// SetVisibleAfter makes instances launched from now on invisible to Describe for a while.
func (e *Env) SetVisibleAfter(d time.Duration) {
	e.AWS.EC2.SetDelays(ec2.Delays{Pending: e.options.Pending, ShuttingDown: e.options.ShuttingDown, Visible: d})
}

// SetCapacity sets how many more instances of a type can start in each pool; below zero is no bound.
func (e *Env) SetCapacity(instanceType string, n int) {
	var err error
	if n < 0 {
		err = e.AWS.EC2.ClearCapacity(e.options.Region)
	} else {
		err = e.AWS.EC2.SetCapacity(e.options.Region, ec2.Pool{Type: instanceType}, n)
	}
	if err != nil {
		panic(err) // a type or region that the catalogue does not know: the caller's mistake
	}
}

// EverLaunched counts the instances that were ever launched for a NodePool.
func (e *Env) EverLaunched(ctx context.Context, pool string) (int, error) {
	all, err := e.Instances(ctx, map[string]string{"karpenter.sh/nodepool": pool})
	return len(all), err
}

// cloud is where AWS is, whoever plays it.
type cloud struct {
	url    string
	config func(accessKey string) aws.Config
}

// useCloud makes somebody else's AWS ready. Who asks does not matter there: emulators take
// any key.
func (e *Env) useCloud(ctx context.Context) error {
	config, err := awsconfig.LoadDefaultConfig(ctx, awsconfig.WithRegion(e.options.Region), awsconfig.WithBaseEndpoint(e.options.Endpoint),
		awsconfig.WithCredentialsProvider(credentials.NewStaticCredentialsProvider(controllerKey, controllerSecret, "")))
	if err != nil {
		return fmt.Errorf("configuring the AWS SDK: %w", err)
	}
	e.cloud = cloud{url: e.options.Endpoint, config: func(string) aws.Config { return config }}
	e.ec2 = awsec2.NewFromConfig(config)
	prepared, err := account.Prepare(ctx, config, account.Names{Profile: awsfake.NodeProfile, Role: "KarpenterNodeRole-" + e.options.ClusterName})
	if err != nil {
		return fmt.Errorf("preparing the AWS account at %s: %w", e.options.Endpoint, err)
	}
	e.Image = prepared.Image
	e.ends = append(e.ends, func() {
		if err := prepared.Remove(context.WithoutCancel(ctx)); err != nil {
			e.options.Progress("taking away what was made in the AWS account: " + err.Error())
		}
	})
	e.options.Progress("somebody else's AWS at " + e.options.Endpoint)
	return nil
}

// startAWS starts the pretended account on a loopback port.
func startAWS(ctx context.Context, o Options) (*awsfake.Server, error) {
	server, err := awsfake.New(awsfake.Options{
		Region: o.Region,
		Delays: ec2.Delays{Pending: o.Pending, ShuttingDown: o.ShuttingDown, Visible: o.Visible},
	})
	if err != nil {
		return nil, fmt.Errorf("making the pretended AWS: %w", err)
	}
	ready, ended := make(chan struct{}), make(chan error, 1)
	go func() { ended <- server.Serve(ctx, "127.0.0.1:0", func() { close(ready) }) }()
	select {
	case <-ready:
		return server, nil
	case err := <-ended:
		return nil, fmt.Errorf("starting the pretended AWS: %w", err)
	}
}
