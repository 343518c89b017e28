// Package wiretest serves single services of the fake to the real SDK, for the tests of
// those services. It talks to nothing but 127.0.0.1, keeps a server for as long as its
// test runs, and ends the test when it cannot listen.
package wiretest

import (
	"errors"
	"net/http/httptest"
	"testing"

	"github.com/aws/aws-sdk-go-v2/aws"
	"github.com/aws/aws-sdk-go-v2/credentials"
	"github.com/aws/smithy-go"
	"k8s.io/utils/clock"

	"github.com/karpenter-kubeadm/karpenter-provider-aws/test/awsfake/wire"
)

const (
	// Account is that of the environments made here.
	Account = "123456789012"
	// AccessKey is that of the configurations made here.
	AccessKey = "AKIAEXAMPLE"
)

// Env is an environment of a fixed account, whose ids are the same in each run.
func Env(c clock.Clock) *wire.Env {
	return wire.NewEnv(c, Account, 1)
}

// Start serves services until the test ends. The configuration reaches them, in
// region, without retries.
func Start(tb testing.TB, env *wire.Env, region string, services ...wire.Service) (*wire.Server, aws.Config) {
	tb.Helper()
	server := wire.NewServer(env, services...)
	listener := httptest.NewServer(server)
	tb.Cleanup(listener.Close)
	return server, aws.Config{
		Region:           region,
		BaseEndpoint:     aws.String(listener.URL),
		Credentials:      credentials.NewStaticCredentialsProvider(AccessKey, "secret", ""),
		RetryMaxAttempts: 1,
	}
}

// As is the configuration of another principal, by access key.
func As(cfg aws.Config, accessKey string) aws.Config {
	cfg.Credentials = credentials.NewStaticCredentialsProvider(accessKey, "secret", "")
	return cfg
}

// Code is the code of an error of AWS, as the SDK reads it; empty for other errors and
// for none.
func Code(err error) string {
	if api, ok := errors.AsType[smithy.APIError](err); ok {
		return api.ErrorCode()
	}
	return ""
}
