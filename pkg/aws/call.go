package aws

import (
	"context"
	"errors"
	"fmt"
	"strings"

	"github.com/aws/smithy-go"
	smithyhttp "github.com/aws/smithy-go/transport/http"
)

// CallError is a failed call of an AWS API. Its Error is the SDK's, with request ids, for
// logs; Advice is for people and for conditions.
type CallError struct {
	// Action is what IAM calls the call, for example "ec2:DescribeSubnets".
	Action string
	Err    error
}

// Explain returns err as a *CallError where it comes from a call of the SDK's, else as it is.
func Explain(err error) error {
	var call *smithy.OperationError
	if err == nil || !errors.As(err, &call) {
		return err
	}
	explained := callOf(call)
	explained.Err = err
	return explained
}

// Error is the SDK's text.
func (e *CallError) Error() string { return e.Err.Error() }

// Unwrap returns the SDK's error.
func (e *CallError) Unwrap() error { return e.Err }

// Advice says what failed and what to do about it. The same trouble gives the same text at
// every attempt, so that a condition which holds it changes only when the trouble does.
func (e *CallError) Advice() string {
	sent, inner := e.way()
	if !sent {
		return e.noCredentials(inner)
	}
	code := Code(e.Err)
	switch kind := KindOf(e.Err); {
	case kind == Unauthorized:
		return fmt.Sprintf("AWS denies %s (%s); allow it in the controller's IAM policy", e.Action, code)
	case kind == BadCredentials:
		return fmt.Sprintf("AWS does not accept the credentials of %s (%s); check the key, its expiry, this machine's clock, and that the region is enabled for the account", e.Action, code)
	case kind == Throttled:
		return fmt.Sprintf("AWS throttles %s (%s); it is tried again", e.Action, code)
	case code != "":
		return fmt.Sprintf("%s answered %s: %s", e.Action, code, e.message())
	case errors.Is(e.Err, context.DeadlineExceeded), errors.Is(e.Err, context.Canceled):
		return fmt.Sprintf("%s did not answer in time; it is tried again", e.Action)
	case isUnknownHost(e.Err):
		return fmt.Sprintf("the endpoint of %s does not resolve; check AWS_REGION, AWS_ENDPOINT_URL if set, and this machine's DNS", e.Action)
	default:
		return fmt.Sprintf("%s cannot be reached; check routes, security groups, proxies and VPC endpoints of this machine, and AWS_ENDPOINT_URL if set", e.Action)
	}
}

func (e *CallError) noCredentials(inner *smithy.OperationError) string {
	advice := fmt.Sprintf("no AWS credentials for %s; give the machine an instance profile (and, for pods, a metadata hop limit of 2), the pod a web identity, or set AWS_ACCESS_KEY_ID and AWS_SECRET_ACCESS_KEY", e.Action)
	if inner == nil {
		return advice
	}
	return advice + "; the last attempt to get some: " + callOf(inner).Advice()
}

// way tells how far a call came: whether the request was sent, and if not, the call for
// credentials that failed in its place, where there was one. The SDK has no type for
// missing credentials, but without any no request leaves, and nothing but the search for
// some makes another call.
func (e *CallError) way() (sent bool, inner *smithy.OperationError) {
	var call *smithy.OperationError
	if !errors.As(e.Err, &call) {
		return true, nil
	}
	if errors.As(call.Err, &inner) {
		return false, inner
	}
	var sending *smithyhttp.RequestSendError
	var cancelled *smithy.CanceledError
	var answer *smithyhttp.ResponseError
	return Code(call.Err) != "" || errors.As(call.Err, &sending) || errors.As(call.Err, &cancelled) || errors.As(call.Err, &answer), nil
}

func callOf(call *smithy.OperationError) *CallError {
	return &CallError{Action: strings.ToLower(call.Service()) + ":" + call.Operation(), Err: call}
}

func (e *CallError) message() string {
	var api smithy.APIError
	if errors.As(e.Err, &api) {
		return api.ErrorMessage()
	}
	return ""
}
