package aws

import (
	"context"
	"errors"
	"fmt"
	"net"
	"regexp"

	"github.com/aws/aws-sdk-go-v2/aws"
	"github.com/aws/aws-sdk-go-v2/service/ec2"
	smithyhttp "github.com/aws/smithy-go/transport/http"
)

// StartError says why the controller cannot work with AWS, and what a person must do.
type StartError struct {
	Problem string
	Remedy  string
	Err     error // what AWS or the SDK answered; may be nil
}

// Error is one sentence: problem, remedy, cause.
func (e *StartError) Error() string {
	if e.Err == nil {
		return fmt.Sprintf("%s: %s", e.Problem, e.Remedy)
	}
	return fmt.Sprintf("%s: %s (%v)", e.Problem, e.Remedy, e.Err)
}

// Unwrap returns the cause.
func (e *StartError) Unwrap() error { return e.Err }

// regionPattern is the shape that all of AWS's region names have, the isolated ones included.
var regionPattern = regexp.MustCompile(`^[a-z]{2,4}(-[a-z]+)+-\d+$`)

// Check finds out whether EC2 can be used with cfg: it asks for credentials and makes one
// dry-run call. It returns nil or a *StartError.
func Check(ctx context.Context, cfg aws.Config) error {
	if !regionPattern.MatchString(cfg.Region) {
		return &StartError{Problem: fmt.Sprintf("AWS region %q is not a region name", cfg.Region), Remedy: "set AWS_REGION to one like eu-central-1"}
	}
	if cfg.Credentials == nil {
		return noCredentials(nil)
	}
	if _, err := cfg.Credentials.Retrieve(ctx); err != nil {
		return noCredentials(err)
	}
	_, err := ec2.NewFromConfig(cfg).DescribeInstanceTypes(ctx, &ec2.DescribeInstanceTypesInput{DryRun: aws.Bool(true)})
	if err == nil || KindOf(err) == DryRun {
		return nil
	}
	return explain(cfg, err)
}

func noCredentials(err error) error {
	return &StartError{
		Problem: "no AWS credentials",
		Remedy:  "give the machine an instance profile (with metadata hop limit 2 or hostNetwork), the pod a web identity, or set AWS_ACCESS_KEY_ID and AWS_SECRET_ACCESS_KEY",
		Err:     err,
	}
}

// explain says what must be done about the failure of the first call.
func explain(cfg aws.Config, err error) error {
	switch {
	case KindOf(err) == Unauthorized:
		return &StartError{Problem: "AWS refuses ec2:DescribeInstanceTypes", Remedy: "attach the controller's IAM policy to the credentials in use", Err: err}
	case KindOf(err) == BadCredentials:
		return &StartError{
			Problem: fmt.Sprintf("AWS does not accept the credentials in region %s", cfg.Region),
			Remedy:  "check the access key, its expiry, this machine's clock, and that AWS_REGION is a region enabled for the account",
			Err:     err,
		}
	case hasAnswer(err):
		return &StartError{Problem: fmt.Sprintf("EC2 in region %s does not work", cfg.Region), Remedy: "see what it answered, and the AWS health dashboard", Err: err}
	case isUnknownHost(err):
		return &StartError{
			Problem: fmt.Sprintf("EC2's endpoint %s does not resolve", endpoint(cfg)),
			Remedy:  fmt.Sprintf("check that AWS_REGION=%s is a region, that AWS_ENDPOINT_URL is right if set, and the pod's DNS", cfg.Region),
			Err:     err,
		}
	default:
		return &StartError{
			Problem: fmt.Sprintf("EC2's endpoint %s cannot be reached", endpoint(cfg)),
			Remedy:  "check routes, security groups, proxies and VPC endpoints of this machine, and AWS_ENDPOINT_URL if set",
			Err:     err,
		}
	}
}

func hasAnswer(err error) bool {
	var answered *smithyhttp.ResponseError
	return errors.As(err, &answered) && answered.HTTPStatusCode() != 0
}

func isUnknownHost(err error) bool {
	var dns *net.DNSError
	return errors.As(err, &dns) && dns.IsNotFound
}

// endpoint is where calls to EC2 go, for messages.
func endpoint(cfg aws.Config) string {
	if cfg.BaseEndpoint != nil {
		return *cfg.BaseEndpoint
	}
	return fmt.Sprintf("ec2.%s", cfg.Region)
}
