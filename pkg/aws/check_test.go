package aws_test

import (
	"context"
	"errors"
	"net"
	"net/http"
	"testing"

	sdk "github.com/aws/aws-sdk-go-v2/aws"
	"github.com/aws/aws-sdk-go-v2/credentials"
	. "github.com/onsi/gomega"
	"github.com/prometheus/client_golang/prometheus"

	"github.com/karpenter-kubeadm/karpenter-provider-aws/pkg/aws"
)

func noCredentials(context.Context) (sdk.Credentials, error) {
	return sdk.Credentials{}, errors.New("the role was not found")
}

func TestCheckSaysWhatToDo(t *testing.T) {
	someone := credentials.NewStaticCredentialsProvider("AKIDEXAMPLE", "secret", "")
	for name, tc := range map[string]struct {
		cfg  sdk.Config
		want string
	}{
		"the region is a typing error": {cfg: sdk.Config{Region: "eu_central", Credentials: someone}, want: `AWS region "eu_central" is not a region name: set AWS_REGION`},
		"nothing gives credentials":    {cfg: sdk.Config{Region: "eu-central-1"}, want: "no AWS credentials: give the machine an instance profile"},
		"credentials cannot be had": {
			cfg:  sdk.Config{Region: "eu-central-1", Credentials: sdk.CredentialsProviderFunc(noCredentials)},
			want: "(the role was not found)",
		},
		"nobody listens at the endpoint": {
			cfg:  sdk.Config{Region: "eu-central-1", Credentials: someone, BaseEndpoint: sdk.String(deadEndpoint(t)), RetryMaxAttempts: 1},
			want: "cannot be reached: check routes",
		},
		"the endpoint has no address": {
			cfg:  sdk.Config{Region: "eu-nowhere-1", Credentials: someone, HTTPClient: noSuchHost{}, RetryMaxAttempts: 1},
			want: "check that AWS_REGION=eu-nowhere-1 is a region",
		},
	} {
		t.Run(name, func(t *testing.T) {
			g := NewWithT(t)
			err := aws.Check(t.Context(), tc.cfg)
			g.Expect(err).To(MatchError(ContainSubstring(tc.want)))
			var start *aws.StartError
			g.Expect(errors.As(err, &start)).To(BeTrue())
		})
	}
}

// noSuchHost is the network of a machine whose DNS does not know the endpoint.
type noSuchHost struct{}

func (noSuchHost) Do(r *http.Request) (*http.Response, error) {
	return nil, &net.OpError{Op: "dial", Net: "tcp", Err: &net.DNSError{Err: "no such host", Name: r.URL.Host, IsNotFound: true}}
}

// deadEndpoint is an address of this machine on which nobody listens.
func deadEndpoint(t *testing.T) string {
	t.Helper()
	l, err := net.Listen("tcp", "127.0.0.1:0")
	if err != nil {
		t.Fatal(err)
	}
	address := l.Addr().String()
	if err := l.Close(); err != nil {
		t.Fatal(err)
	}
	return "http://" + address
}

func TestLoadTakesRegionAndEndpointFromTheEnvironment(t *testing.T) {
	g := NewWithT(t)
	t.Setenv("AWS_REGION", "ap-northeast-2")
	t.Setenv("AWS_ENDPOINT_URL", "http://127.0.0.1:4579")
	t.Setenv("AWS_CONFIG_FILE", t.TempDir()+"/none")
	cfg, err := aws.Load(t.Context(), "test", prometheus.NewRegistry())
	g.Expect(err).NotTo(HaveOccurred())
	g.Expect(cfg.Region).To(Equal("ap-northeast-2"))
	g.Expect(cfg.BaseEndpoint).To(HaveValue(Equal("http://127.0.0.1:4579")))
}

func TestLoadWithoutARegionSaysSo(t *testing.T) {
	g := NewWithT(t)
	t.Setenv("AWS_REGION", "")
	t.Setenv("AWS_DEFAULT_REGION", "")
	t.Setenv("AWS_EC2_METADATA_DISABLED", "true")
	t.Setenv("AWS_CONFIG_FILE", t.TempDir()+"/none")
	_, err := aws.Load(t.Context(), "test", prometheus.NewRegistry())
	g.Expect(err).To(MatchError(ContainSubstring("AWS region is not known: set AWS_REGION")))
}
