package aws_test

import (
	"context"
	"errors"
	"fmt"
	"net"
	"testing"

	"github.com/aws/smithy-go"
	smithyhttp "github.com/aws/smithy-go/transport/http"
	. "github.com/onsi/gomega"

	"github.com/karpenter-kubeadm/karpenter-provider-aws/pkg/aws"
)

const noCredentialsAdvice = "no AWS credentials for ec2:DescribeSubnets; give the machine an instance profile (and, for pods, a metadata hop limit of 2), the pod a web identity, or set AWS_ACCESS_KEY_ID and AWS_SECRET_ACCESS_KEY"

func operation(service, name string, err error) error {
	return &smithy.OperationError{ServiceID: service, OperationName: name, Err: err}
}

func unsent(err error) error { return &smithyhttp.RequestSendError{Err: err} }

func TestAdviceSaysWhatToDo(t *testing.T) {
	for name, tc := range map[string]struct {
		err  error
		want string
	}{
		"a policy is missing":         {&smithy.GenericAPIError{Code: "UnauthorizedOperation", Message: "Encoded: 8fa3"}, "AWS denies ec2:DescribeSubnets (UnauthorizedOperation); allow it in the controller's IAM policy"},
		"a key has expired":           {&smithy.GenericAPIError{Code: "ExpiredToken"}, "AWS does not accept the credentials of ec2:DescribeSubnets (ExpiredToken); check the key, its expiry, this machine's clock, and that the region is enabled for the account"},
		"calls come too fast":         {&smithy.GenericAPIError{Code: "RequestLimitExceeded"}, "AWS throttles ec2:DescribeSubnets (RequestLimitExceeded); it is tried again"},
		"AWS says what is wrong":      {&smithy.GenericAPIError{Code: "InvalidParameterValue", Message: "no"}, "ec2:DescribeSubnets answered InvalidParameterValue: no"},
		"nobody answers in time":      {unsent(context.DeadlineExceeded), "ec2:DescribeSubnets did not answer in time; it is tried again"},
		"the controller stops":        {&smithy.CanceledError{Err: context.Canceled}, "ec2:DescribeSubnets did not answer in time; it is tried again"},
		"the region does not exist":   {unsent(&net.DNSError{IsNotFound: true}), "the endpoint of ec2:DescribeSubnets does not resolve; check AWS_REGION, AWS_ENDPOINT_URL if set, and this machine's DNS"},
		"the network does not let by": {unsent(&net.OpError{Op: "dial", Err: errors.New("refused")}), "ec2:DescribeSubnets cannot be reached; check routes, security groups, proxies and VPC endpoints of this machine, and AWS_ENDPOINT_URL if set"},
		"there are no credentials":    {errors.New("get identity: none"), noCredentialsAdvice},
		"metadata cannot be reached": {
			fmt.Errorf("get identity: %w", operation("ec2imds", "GetMetadata", unsent(context.DeadlineExceeded))),
			noCredentialsAdvice + "; the last attempt to get some: ec2imds:GetMetadata did not answer in time; it is tried again",
		},
		"a web identity is not trusted": {
			fmt.Errorf("get identity: %w", operation("STS", "AssumeRoleWithWebIdentity", &smithy.GenericAPIError{Code: "AccessDenied"})),
			noCredentialsAdvice + "; the last attempt to get some: AWS denies sts:AssumeRoleWithWebIdentity (AccessDenied); allow it in the controller's IAM policy",
		},
	} {
		t.Run(name, func(t *testing.T) {
			g := NewWithT(t)
			sdk := fmt.Errorf("describing subnets: %w", operation("EC2", "DescribeSubnets", tc.err))
			var call *aws.CallError
			g.Expect(errors.As(fmt.Errorf("listing: %w", aws.Explain(sdk)), &call)).To(BeTrue())
			g.Expect(call.Advice()).To(Equal(tc.want))
			g.Expect(errors.Is(call, tc.err)).To(BeTrue(), "the cause can be asked for")
			g.Expect(call.Error()).To(Equal(sdk.Error()))
		})
	}
}

func TestExplainLeavesOtherErrorsAlone(t *testing.T) {
	g := NewWithT(t)
	other := errors.New("other")
	g.Expect(aws.Explain(other)).To(BeIdenticalTo(other))
	g.Expect(aws.Explain(nil)).To(Succeed())
}
