package aws

import (
	"context"
	"errors"
	"fmt"
	"time"

	"github.com/aws/aws-sdk-go-v2/aws"
	awsmiddleware "github.com/aws/aws-sdk-go-v2/aws/middleware"
	awshttp "github.com/aws/aws-sdk-go-v2/aws/transport/http"
	"github.com/aws/aws-sdk-go-v2/config"
	"github.com/aws/aws-sdk-go-v2/feature/ec2/imds"
	"github.com/aws/smithy-go/logging"
	"github.com/prometheus/client_golang/prometheus"
)

const (
	// attemptTimeout bounds one attempt of a call, connection included. The slowest answers,
	// a CreateFleet for hundreds of pools or the last page of a large Describe, stay below
	// half of it; with the SDK's three attempts a call that hangs ends within core's five
	// minutes for a launch.
	attemptTimeout = 60 * time.Second

	// imdsTimeout bounds the question for the region, which only fails where there is no
	// metadata service, by silence.
	imdsTimeout = 5 * time.Second
)

// Load reads configuration as every AWS tool does: environment, shared files, web identity,
// container and instance roles; AWS_REGION, AWS_ENDPOINT_URL and AWS_MAX_ATTEMPTS count. A
// region that nothing names is asked of the instance metadata service. version becomes
// part of the user agent; calls are counted in registry.
func Load(ctx context.Context, version string, registry prometheus.Registerer) (aws.Config, error) {
	cfg, err := config.LoadDefaultConfig(ctx,
		config.WithHTTPClient(awshttp.NewBuildableClient().WithTimeout(attemptTimeout)),
		config.WithLogger(logging.Nop{}), // what it would write by itself comes back as errors too
	)
	if err != nil {
		return aws.Config{}, &StartError{Problem: "AWS configuration cannot be read", Remedy: "correct the AWS_* environment or the shared configuration file", Err: err}
	}
	if cfg.Region == "" {
		if cfg.Region, err = regionOfThisMachine(ctx, cfg); err != nil {
			return aws.Config{}, &StartError{
				Problem: "AWS region is not known",
				Remedy:  "set AWS_REGION, or let the pod reach the instance metadata service (hop limit 2 or hostNetwork)",
				Err:     err,
			}
		}
	}
	measure, err := measureCalls(registry)
	if err != nil {
		return aws.Config{}, fmt.Errorf("registering AWS call metrics: %w", err)
	}
	cfg.HTTPClient = Steady(cfg.HTTPClient)
	cfg.APIOptions = append(cfg.APIOptions, awsmiddleware.AddUserAgentKey("karpenter.sh-"+version), measure)
	return cfg, nil
}

func regionOfThisMachine(ctx context.Context, cfg aws.Config) (string, error) {
	ctx, cancel := context.WithTimeout(ctx, imdsTimeout)
	defer cancel()
	out, err := imds.NewFromConfig(cfg).GetRegion(ctx, &imds.GetRegionInput{})
	if err != nil {
		return "", fmt.Errorf("asking instance metadata for the region: %w", err)
	}
	if out.Region == "" {
		return "", errors.New("instance metadata names no region")
	}
	return out.Region, nil
}
