package aws_test

import (
	"context"
	"errors"
	"fmt"
	"net"
	"net/http"
	"testing"

	"github.com/aws/smithy-go"
	smithyhttp "github.com/aws/smithy-go/transport/http"
	. "github.com/onsi/gomega"

	"github.com/karpenter-kubeadm/karpenter-provider-aws/pkg/aws"
)

// answer is an error as the SDK returns it for an answer of AWS.
func answer(status int, code string) error {
	return fmt.Errorf("calling: %w", &smithyhttp.ResponseError{
		Response: &smithyhttp.Response{Response: &http.Response{StatusCode: status}},
		Err:      &smithy.GenericAPIError{Code: code, Message: "as AWS says"},
	})
}

func TestKindOf(t *testing.T) {
	for name, tc := range map[string]struct {
		err  error
		want aws.Kind
	}{
		"no error is of no kind":              {err: nil, want: aws.Unknown},
		"an error of our own is of no kind":   {err: errors.New("InvalidInstanceID.NotFound"), want: aws.Unknown},
		"a code we do not know is of no kind": {err: answer(400, "SomethingNew"), want: aws.Unknown},
		"an instance that is not there":       {err: answer(400, "InvalidInstanceID.NotFound"), want: aws.NotFound},
		"a template that is not there":        {err: answer(400, "InvalidLaunchTemplateName.NotFoundException"), want: aws.NotFound},
		"a profile that is not there":         {err: answer(404, "NoSuchEntity"), want: aws.NotFound},
		"EC2's way to refuse":                 {err: answer(403, "UnauthorizedOperation"), want: aws.Unauthorized},
		"IAM's way to refuse":                 {err: answer(403, "AccessDenied"), want: aws.Unauthorized},
		"no capacity":                         {err: answer(500, "InsufficientInstanceCapacity"), want: aws.NoCapacity},
		"a dry run that would have worked":    {err: answer(412, "DryRunOperation"), want: aws.DryRun},
	} {
		t.Run(name, func(t *testing.T) { NewWithT(t).Expect(aws.KindOf(tc.err)).To(Equal(tc.want)) })
	}
}

func TestOutcomeUnknown(t *testing.T) {
	for name, tc := range map[string]struct {
		err  error
		want bool
	}{
		"success is known":                               {err: nil, want: false},
		"a refusal did nothing":                          {err: answer(400, "InvalidParameterValue"), want: false},
		"throttling did nothing, though it is a 503":     {err: answer(503, "RequestLimitExceeded"), want: false},
		"AWS failed halfway":                             {err: answer(500, "InternalError"), want: true},
		"AWS was unavailable, perhaps halfway":           {err: answer(503, "Unavailable"), want: true},
		"the token belongs to an earlier, other call":    {err: answer(400, "IdempotentParameterMismatch"), want: true},
		"the caller left":                                {err: context.Canceled, want: true},
		"the answer was lost":                            {err: fmt.Errorf("calling: %w", &smithyhttp.RequestSendError{Err: errors.New("connection reset")}), want: true},
		"nobody could be asked":                          {err: fmt.Errorf("calling: %w", &smithyhttp.RequestSendError{Err: &net.OpError{Op: "dial", Err: errors.New("connection refused")}}), want: false},
		"the answer came too late":                       {err: context.DeadlineExceeded, want: true},
		"an answer that cannot be read may mean success": {err: answerWithoutCode(200), want: true},
	} {
		t.Run(name, func(t *testing.T) { NewWithT(t).Expect(aws.OutcomeUnknown(tc.err)).To(Equal(tc.want)) })
	}
}

func answerWithoutCode(status int) error {
	return &smithyhttp.ResponseError{
		Response: &smithyhttp.Response{Response: &http.Response{StatusCode: status}},
		Err:      &smithy.DeserializationError{Err: errors.New("unexpected end of XML")},
	}
}
