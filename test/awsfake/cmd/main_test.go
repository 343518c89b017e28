package main

import (
	"bufio"
	"context"
	"errors"
	"flag"
	"io"
	"os"
	"path/filepath"
	"strings"
	"testing"

	"github.com/aws/aws-sdk-go-v2/aws"
	"github.com/aws/aws-sdk-go-v2/credentials"
	awsec2 "github.com/aws/aws-sdk-go-v2/service/ec2"
	. "github.com/onsi/gomega"
)

// started runs the command on a free port and returns what it announces.
func started(t *testing.T, args ...string) map[string]string {
	t.Helper()
	g := NewWithT(t)
	ctx, stop := context.WithCancel(t.Context())
	in, out := io.Pipe()
	ended := make(chan error, 1)
	go func() { ended <- run(ctx, append([]string{"-listen", "127.0.0.1:0"}, args...), out) }()
	t.Cleanup(func() {
		stop()
		g.Expect(<-ended).To(Succeed())
	})
	env := map[string]string{}
	lines := bufio.NewScanner(in)
	for len(env) < 5 && lines.Scan() {
		name, value, ok := strings.Cut(strings.TrimPrefix(lines.Text(), "export "), "=")
		g.Expect(ok).To(BeTrue(), lines.Text())
		env[name] = value
	}
	return env
}

func client(env map[string]string, key string) *awsec2.Client {
	return awsec2.NewFromConfig(aws.Config{
		Region: env["AWS_REGION"], BaseEndpoint: aws.String(env["AWS_ENDPOINT_URL"]), RetryMaxAttempts: 1,
		Credentials: credentials.NewStaticCredentialsProvider(key, env["AWS_SECRET_ACCESS_KEY"], ""),
	})
}

func TestTheCommandServesWhatItAnnounces(t *testing.T) {
	g := NewWithT(t)
	env := started(t, "-region", "us-east-1", "-discovery", "mine")
	g.Expect(env["AWS_ENDPOINT_URL"]).To(HavePrefix("http://127.0.0.1:"))
	out, err := client(env, env["AWS_ACCESS_KEY_ID"]).DescribeSubnets(t.Context(), &awsec2.DescribeSubnetsInput{})
	g.Expect(err).NotTo(HaveOccurred())
	g.Expect(len(out.Subnets)).To(BeNumerically(">=", 3))
	g.Expect(out.Subnets[0].Tags).To(ContainElement(HaveField("Value", HaveValue(Equal("mine")))))
}

func TestTheCommandWithoutSeed(t *testing.T) {
	g := NewWithT(t)
	env := started(t, "-seed=false")
	out, err := client(env, "key").DescribeSubnets(t.Context(), &awsec2.DescribeSubnetsInput{})
	g.Expect(err).NotTo(HaveOccurred())
	g.Expect(out.Subnets).To(BeEmpty())
}

func TestTheCommandEnforcesPolicies(t *testing.T) {
	g := NewWithT(t)
	file := filepath.Join(t.TempDir(), "policy.json")
	policy := `{"Version":"2012-10-17","Statement":[{"Effect":"Allow","Action":"ec2:DescribeSubnets","Resource":"*",
		"Condition":{"StringEquals":{"aws:RequestedRegion":"${AWS_REGION}"}}}]}`
	g.Expect(os.WriteFile(file, []byte(policy), 0o600)).To(Succeed())
	env := started(t, "-policy", "LIMITED="+file)
	_, err := client(env, "LIMITED").DescribeSubnets(t.Context(), &awsec2.DescribeSubnetsInput{})
	g.Expect(err).NotTo(HaveOccurred())
	_, err = client(env, "LIMITED").DescribeVpcs(t.Context(), &awsec2.DescribeVpcsInput{})
	g.Expect(err).To(MatchError(ContainSubstring("UnauthorizedOperation")))
	_, err = client(env, "OTHER").DescribeVpcs(t.Context(), &awsec2.DescribeVpcsInput{})
	g.Expect(err).NotTo(HaveOccurred())
}

func TestTheCommandRefuses(t *testing.T) {
	for name, tc := range map[string]struct {
		args []string
		want string
	}{
		"a region that is not modelled": {[]string{"-region", "mars-north-1"}, "mars-north-1"},
		"a policy without a key":        {[]string{"-policy", "file.json"}, "is not KEY=FILE"},
		"a policy that is not there":    {[]string{"-policy", "KEY=/nowhere/policy.json"}, "/nowhere/policy.json"},
		"an address that is none":       {[]string{"-listen", "nowhere"}, "listening"},
		"arguments":                     {[]string{"serve"}, `unexpected argument "serve"`},
		"unknown flags":                 {[]string{"-colour", "red"}, "colour"},
	} {
		t.Run(name, func(t *testing.T) {
			g := NewWithT(t)
			g.Expect(run(t.Context(), tc.args, io.Discard)).To(MatchError(ContainSubstring(tc.want)))
		})
	}
}

func TestHelpListsEveryFlag(t *testing.T) {
	g := NewWithT(t)
	var text strings.Builder
	err := run(t.Context(), []string{"-help"}, &text)
	g.Expect(errors.Is(err, flag.ErrHelp)).To(BeTrue())
	for _, name := range []string{"listen", "region", "seed", "boot-delay", "visibility-delay", "policy"} {
		g.Expect(text.String()).To(ContainSubstring("-" + name))
	}
}
