package awsfake

import (
	"context"
	"errors"
	"fmt"
	"net"
	"net/http"
	"net/http/httptest"
	"testing"
	"time"

	"github.com/aws/aws-sdk-go-v2/aws"
	awshttp "github.com/aws/aws-sdk-go-v2/aws/transport/http"
	"github.com/aws/aws-sdk-go-v2/credentials"
	"k8s.io/utils/clock"

	steadyaws "github.com/karpenter-kubeadm/karpenter-provider-aws/pkg/aws"
	"github.com/karpenter-kubeadm/karpenter-provider-aws/test/awsfake/ec2"
	"github.com/karpenter-kubeadm/karpenter-provider-aws/test/awsfake/eks"
	"github.com/karpenter-kubeadm/karpenter-provider-aws/test/awsfake/iam"
	"github.com/karpenter-kubeadm/karpenter-provider-aws/test/awsfake/policy"
	"github.com/karpenter-kubeadm/karpenter-provider-aws/test/awsfake/pricing"
	"github.com/karpenter-kubeadm/karpenter-provider-aws/test/awsfake/sqs"
	"github.com/karpenter-kubeadm/karpenter-provider-aws/test/awsfake/ssm"
	"github.com/karpenter-kubeadm/karpenter-provider-aws/test/awsfake/sts"
	"github.com/karpenter-kubeadm/karpenter-provider-aws/test/awsfake/wire"
	"github.com/karpenter-kubeadm/karpenter-provider-aws/test/awsfake/zonalshift"
)

const (
	// DefaultRegion is where the seed is put unless Options say otherwise.
	DefaultRegion = "ap-northeast-2"
	// DefaultAccount is the account's number unless Options say otherwise.
	DefaultAccount = "000000000000"
	// AccessKey is the access key id of Config. Any other is accepted as well, until an
	// authoriser refuses it.
	AccessKey = "AKIAAWSFAKE000000000"
	// NodeProfile is the seed's instance profile.
	NodeProfile = "karpenter-node-profile"
	// NodeRole is the role of NodeProfile.
	NodeRole = "karpenter-node-role"
)

// Options say what account is pretended. The zero value is a seeded account that answers at once.
type Options struct {
	Region    string      // DefaultRegion when empty
	Account   string      // DefaultAccount when empty
	Clock     clock.Clock // the real one when nil
	IDSeed    uint64      // the ids that the account hands out follow from it
	Empty     bool        // leave out the seed: no network, images or profile
	Discovery string      // value of the seed's tag karpenter.sh/discovery; "true" when empty

	// Delays are EC2's; none by default. See ec2.Delays.
	Delays ec2.Delays
}

func (o *Options) complete() {
	o.Region = orElse(o.Region, DefaultRegion)
	o.Account = orElse(o.Account, DefaultAccount)
	o.Discovery = orElse(o.Discovery, "true")
	if o.Clock == nil {
		o.Clock = clock.RealClock{}
	}
}

func orElse(s, other string) string {
	if s == "" {
		return other
	}
	return s
}

// Server is one pretended account. The embedded wire.Server has the faults, limits and
// records of calls; the fields are the services' state.
type Server struct {
	*wire.Server
	EC2        *ec2.World
	EKS        *eks.World
	IAM        *iam.World
	Policy     *policy.Engine // allows everything until a principal is set
	Pricing    *pricing.World
	SQS        *sqs.World
	SSM        *ssm.World
	ZonalShift *zonalshift.World

	// URL is where it listens, once Start or Serve has said so: "http://127.0.0.1:4579".
	URL string

	options Options
	env     *wire.Env
}

// New returns an account that does not listen yet.
func New(o Options) (*Server, error) {
	o.complete()
	env := wire.NewEnv(o.Clock, o.Account, o.IDSeed)
	s := &Server{
		options: o, env: env,
		EKS: eks.New(env), IAM: iam.New(env), Policy: policy.New(env), Pricing: pricing.New(env),
		SQS: sqs.New(env), SSM: ssm.New(env), ZonalShift: zonalshift.New(env),
	}
	s.EC2 = ec2.New(env, ec2.Around{Profiles: s.IAM, Parameters: s.SSM}, o.Delays)
	s.Server = wire.NewServer(env,
		s.EC2.Service(), s.EKS.Service(), s.IAM.Service(), s.Pricing.Service(), s.SQS.Service(), s.SSM.Service(),
		sts.New(env, s.Policy).Service(), s.ZonalShift.Service())
	s.SetAuthorizer(s.Policy)
	if o.Empty {
		return s, nil
	}
	s.IAM.AddProfile(NodeProfile, NodeRole)
	if err := s.EC2.Seed(o.Region, o.Discovery); err != nil {
		return nil, fmt.Errorf("seeding %s: %w", o.Region, err)
	}
	return s, nil
}

// Start returns an account that listens on a free loopback port until t ends. Each change
// edits the options before.
func Start(tb testing.TB, change ...func(*Options)) *Server {
	tb.Helper()
	var o Options
	for _, edit := range change {
		edit(&o)
	}
	s, err := New(o)
	if err != nil {
		tb.Fatalf("starting awsfake: %v", err)
	}
	listener := httptest.NewServer(s.Handler())
	tb.Cleanup(listener.Close)
	s.URL = listener.URL
	return s
}

// Serve listens on address, host and port, until ctx ends. ready is told once requests are
// taken, when s.URL is known.
func (s *Server) Serve(ctx context.Context, address string, ready func()) error {
	listener, err := (&net.ListenConfig{}).Listen(ctx, "tcp", address)
	if err != nil {
		return fmt.Errorf("listening: %w", err)
	}
	s.URL = "http://" + listener.Addr().String()
	server := &http.Server{Handler: s.Handler(), ReadHeaderTimeout: 10 * time.Second}
	stop := context.AfterFunc(ctx, func() { _ = server.Close() })
	defer stop()
	ready()
	if err := server.Serve(listener); !errors.Is(err, http.ErrServerClosed) {
		return fmt.Errorf("serving: %w", err)
	}
	return nil
}

// Region is where the account was seeded.
func (s *Server) Region() string { return s.options.Region }

// Config reaches the account as AccessKey in its region. SDK retries are left on; a test
// of an error that the SDK retries may set RetryMaxAttempts to 1.
func (s *Server) Config() aws.Config { return s.ConfigFor(AccessKey, s.options.Region) }

// ConfigFor reaches the account as another principal, or in another region.
func (s *Server) ConfigFor(accessKey, region string) aws.Config {
	return aws.Config{
		Region:       region,
		BaseEndpoint: aws.String(s.URL),
		Credentials:  credentials.NewStaticCredentialsProvider(accessKey, "secret", ""),
		HTTPClient:   steadyaws.Steady(awshttp.NewBuildableClient()),
	}
}
