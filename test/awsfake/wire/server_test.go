package wire_test

import (
	"errors"
	"net/http"
	"net/http/httptest"
	"strings"
	"testing"
	"time"

	"github.com/aws/aws-sdk-go-v2/aws"
	awsec2 "github.com/aws/aws-sdk-go-v2/service/ec2"
	"github.com/aws/aws-sdk-go-v2/service/ec2/types"
	"github.com/aws/aws-sdk-go-v2/service/iam"
	"github.com/aws/aws-sdk-go-v2/service/ssm"
	"github.com/aws/smithy-go"
	. "github.com/onsi/gomega"
	testclock "k8s.io/utils/clock/testing"

	"github.com/karpenter-kubeadm/karpenter-provider-aws/test/awsfake"
	"github.com/karpenter-kubeadm/karpenter-provider-aws/test/awsfake/wire"
)

// server is an account on a clock that stands still, and clients that try once.
type server struct {
	*awsfake.Server
	*WithT
	t     *testing.T
	clock *testclock.FakeClock
	ec2   *awsec2.Client
	iam   *iam.Client
	ssm   *ssm.Client
}

func start(t *testing.T) *server {
	t.Helper()
	clock := testclock.NewFakeClock(time.Date(2026, 1, 2, 3, 4, 5, 0, time.UTC))
	s := &server{Server: awsfake.Start(t, func(o *awsfake.Options) { o.Clock = clock }), WithT: NewWithT(t), t: t, clock: clock}
	config := s.Config()
	config.RetryMaxAttempts = 1
	s.ec2, s.iam, s.ssm = awsec2.NewFromConfig(config), iam.NewFromConfig(config), ssm.NewFromConfig(config)
	return s
}

func (s *server) describe() error {
	_, err := s.ec2.DescribeInstances(s.t.Context(), &awsec2.DescribeInstancesInput{})
	return err
}

func (s *server) createVpc() error {
	_, err := s.ec2.CreateVpc(s.t.Context(), &awsec2.CreateVpcInput{CidrBlock: aws.String("10.7.0.0/16")})
	return err
}

// vpcs is how many there are; the seed has one.
func (s *server) vpcs() int {
	s.t.Helper()
	out, err := s.ec2.DescribeVpcs(s.t.Context(), &awsec2.DescribeVpcsInput{})
	s.Expect(err).NotTo(HaveOccurred())
	return len(out.Vpcs)
}

func code(err error) string {
	if api, ok := errors.AsType[smithy.APIError](err); ok {
		return api.ErrorCode()
	}
	return ""
}

func TestEachProtocolHasItsOwnErrors(t *testing.T) {
	s := start(t)
	for action, tc := range map[string]struct {
		call func() error
		code string
	}{
		"DescribeSubnets": {func() error {
			_, err := s.ec2.DescribeSubnets(t.Context(), &awsec2.DescribeSubnetsInput{})
			return err
		}, "RequestLimitExceeded"},
		"GetRole": {func() error {
			_, err := s.iam.GetRole(t.Context(), &iam.GetRoleInput{RoleName: aws.String("x")})
			return err
		}, "Throttling"},
		"GetParameter": {func() error {
			_, err := s.ssm.GetParameter(t.Context(), &ssm.GetParameterInput{Name: aws.String("/x")})
			return err
		}, "ThrottlingException"},
	} {
		s.SetLimits(wire.Limit{Actions: []string{action}})
		s.Expect(code(tc.call())).To(Equal(tc.code))
		s.SetLimits()
		s.SetAuthorizer(wire.AuthorizerFunc(func(wire.Check) error { return errors.New("no") }))
		s.Expect(code(tc.call())).To(BeElementOf("UnauthorizedOperation", "AccessDenied", "AccessDeniedException"))
		s.SetAuthorizer(wire.AuthorizerFunc(func(wire.Check) error { return nil }))
	}
}

func TestWhatIsNotModelledIsRefused(t *testing.T) {
	s := start(t)
	_, err := s.ec2.DescribeKeyPairs(t.Context(), &awsec2.DescribeKeyPairsInput{})
	s.Expect(code(err)).To(Equal("InvalidAction"))
	_, err = s.iam.ListUsers(t.Context(), &iam.ListUsersInput{})
	s.Expect(code(err)).To(Equal("InvalidAction"))
	_, err = s.ssm.ListCommands(t.Context(), &ssm.ListCommandsInput{})
	s.Expect(code(err)).To(Equal("UnknownOperationException"))
	_, err = awsec2.NewFromConfig(s.ConfigFor("key", "mars-north-1")).DescribeVpcs(t.Context(), &awsec2.DescribeVpcsInput{})
	s.Expect(code(err)).To(Equal("AuthFailure"))
}

func TestAnUnsignedRequestIsRefused(t *testing.T) {
	s := start(t)
	request, err := http.NewRequestWithContext(t.Context(), http.MethodPost, s.URL, strings.NewReader("Action=DescribeVpcs"))
	s.Expect(err).NotTo(HaveOccurred())
	out, err := http.DefaultClient.Do(request)
	s.Expect(err).NotTo(HaveOccurred())
	s.Expect(out.Body.Close()).To(Succeed())
	s.Expect(out.StatusCode).To(Equal(http.StatusUnauthorized))
}

func TestFaultsStrike(t *testing.T) {
	unavailable := &wire.Error{Code: "Unavailable", Status: http.StatusServiceUnavailable}
	for name, tc := range map[string]struct {
		fault   wire.Fault
		outcome []string // of four calls: an error's code, "dropped" or "ok"
		made    int      // VPCs that there are afterwards, beside the seed's
	}{
		"before the effect, once":        {wire.Fault{Action: "CreateVpc", Answer: unavailable}, []string{"Unavailable", "ok", "ok", "ok"}, 3},
		"after the effect, once":         {wire.Fault{Action: "CreateVpc", Stage: wire.After, Answer: unavailable}, []string{"Unavailable", "ok", "ok", "ok"}, 4},
		"by a closed connection":         {wire.Fault{Action: "CreateVpc", Drop: true}, []string{"dropped", "ok", "ok", "ok"}, 3},
		"by a lost answer":               {wire.Fault{Action: "CreateVpc", Stage: wire.After, Drop: true}, []string{"dropped", "ok", "ok", "ok"}, 4},
		"several times, after some":      {wire.Fault{Action: "CreateVpc", Skip: 2, Times: 2, Answer: unavailable}, []string{"ok", "ok", "Unavailable", "Unavailable"}, 2},
		"always":                         {wire.Fault{Action: "CreateVpc", Times: -1, Answer: unavailable}, []string{"Unavailable", "Unavailable", "Unavailable", "Unavailable"}, 0},
		"only another action":            {wire.Fault{Action: "CreateSubnet", Answer: unavailable}, []string{"ok", "ok", "ok", "ok"}, 4},
		"only calls that a test chooses": {wire.Fault{Match: func(c *wire.Call) bool { return c.Form.Get("DryRun") == "true" }, Answer: unavailable}, []string{"ok", "ok", "ok", "ok"}, 4},
	} {
		t.Run(name, func(t *testing.T) {
			s := start(t)
			s.Inject(tc.fault)
			var got []string
			for range 4 {
				got = append(got, outcome(s.createVpc()))
			}
			s.Expect(got).To(Equal(tc.outcome))
			s.ClearFaults()
			s.Expect(s.vpcs()).To(Equal(1 + tc.made))
		})
	}
}

func outcome(err error) string {
	switch {
	case err == nil:
		return "ok"
	case code(err) != "":
		return code(err)
	default:
		return "dropped"
	}
}

// The SDK tries again when an answer is lost. With a client token the second attempt gets the
// first one's instances.
func TestALostAnswerIsAskedForAgain(t *testing.T) {
	s := start(t)
	s.Inject(wire.Fault{Action: "CreateLaunchTemplate", Stage: wire.After, Drop: true})
	out, err := awsec2.NewFromConfig(s.Config()).CreateLaunchTemplate(t.Context(), &awsec2.CreateLaunchTemplateInput{
		LaunchTemplateName: aws.String("retried"), LaunchTemplateData: &types.RequestLaunchTemplateData{KeyName: aws.String("k")},
	})
	s.Expect(err).NotTo(HaveOccurred())
	s.Expect(s.Calls("CreateLaunchTemplate")).To(Equal(2))
	found, err := s.ec2.DescribeLaunchTemplates(t.Context(), &awsec2.DescribeLaunchTemplatesInput{})
	s.Expect(err).NotTo(HaveOccurred())
	s.Expect(found.LaunchTemplates).To(HaveLen(1))
	s.Expect(found.LaunchTemplates[0].LaunchTemplateId).To(Equal(out.LaunchTemplate.LaunchTemplateId))
}

func TestAFaultTellsWhenItStrikes(t *testing.T) {
	s := start(t)
	var before, after int
	s.Inject(wire.Fault{Action: "CreateVpc", Do: func(*wire.Call) { before = s.Calls("DescribeVpcs") + s.vpcs() }})
	s.Inject(wire.Fault{Action: "CreateVpc", Stage: wire.After, Do: func(*wire.Call) { after = s.vpcs() }})
	s.Expect(s.createVpc()).To(Succeed(), "a callback alone changes nothing")
	s.Expect(before).To(Equal(1), "the seed's")
	s.Expect(after).To(Equal(2), "the effect has happened and nobody knows")
}

func TestADelayIsByTheClock(t *testing.T) {
	s := start(t)
	s.Inject(wire.Fault{Action: "DescribeInstances", Delay: time.Minute})
	done := make(chan error, 1)
	go func() { done <- s.describe() }()
	s.Eventually(s.clock.HasWaiters).Should(BeTrue())
	s.Consistently(done, "50ms").ShouldNot(Receive())
	s.clock.Step(time.Minute)
	s.Eventually(done).Should(Receive(BeNil()))
}

func TestCallsAreThrottledByABucket(t *testing.T) {
	s := start(t)
	s.SetLimits(wire.Limit{Actions: []string{"CreateVpc"}, Burst: 1, Refill: 1}, wire.Limit{Actions: []string{"Describe*"}, Burst: 2, Refill: 0.5})
	s.Expect(s.describe()).To(Succeed())
	s.Expect(s.vpcs()).To(Equal(1), "another action draws from the same bucket")
	s.Expect(code(s.describe())).To(Equal("RequestLimitExceeded"))
	s.Expect(s.createVpc()).To(Succeed(), "it has a bucket of its own")
	s.Expect(code(s.createVpc())).To(Equal("RequestLimitExceeded"))
	s.clock.Step(2 * time.Second)
	s.Expect(s.describe()).To(Succeed())
	s.Expect(code(s.describe())).To(Equal("RequestLimitExceeded"), "half a token in a second")
	s.clock.Step(time.Hour)
	s.Expect(s.describe()).To(Succeed())
	s.Expect(s.describe()).To(Succeed())
	s.Expect(code(s.describe())).To(Equal("RequestLimitExceeded"), "a bucket holds no more than its burst")
	s.SetLimits()
	s.Expect(s.describe()).To(Succeed())
}

func TestCallsAreRecorded(t *testing.T) {
	s := start(t)
	s.Expect(s.describe()).To(Succeed())
	_, err := s.ec2.DescribeInstances(t.Context(), &awsec2.DescribeInstancesInput{InstanceIds: []string{"i-00000000000000000"}})
	s.Expect(err).To(HaveOccurred())
	s.Expect(s.Calls("DescribeInstances")).To(Equal(2))
	s.Expect(s.Counts()).To(Equal(map[string]int{"DescribeInstances": 2}))
	last := s.Requests("DescribeInstances")
	s.Expect(last).To(HaveLen(2))
	s.Expect(last[1].Form.Get("InstanceId.1")).To(Equal("i-00000000000000000"))
	s.Expect(last[1].Code).To(Equal("InvalidInstanceID.NotFound"))
	s.Expect(last[0].Code).To(BeEmpty())
	s.Expect(last[0].AccessKey).To(Equal(awsfake.AccessKey))
	s.Expect(last[0].Time).To(Equal(s.clock.Now()))
	s.ResetCalls()
	s.Expect(s.Calls("DescribeInstances")).To(Equal(0))
	for range wire.Recorded + 10 {
		s.Expect(s.describe()).To(Succeed())
	}
	s.Expect(s.Calls("DescribeInstances")).To(Equal(wire.Recorded + 10))
	s.Expect(s.Requests("DescribeInstances")).To(HaveLen(wire.Recorded))
}

func TestAHandlerThatAsksNobodyIsFoundOut(t *testing.T) {
	g := NewWithT(t)
	env := wire.NewEnv(testclock.NewFakeClock(time.Now()), "000000000000", 1)
	s := wire.NewServer(env, wire.Service{Name: "ssm", Protocol: wire.JSON11, Actions: map[string]wire.Action{
		"GetParameter": wire.Do(func(*wire.Call, struct{ Name string }) (struct{}, error) { return struct{}{}, nil }),
	}})
	r := httptest.NewRequestWithContext(t.Context(), http.MethodPost, "/", strings.NewReader(`{"Name":"/x"}`))
	r.Header.Set("Authorization", "AWS4-HMAC-SHA256 Credential=key/20260102/us-east-1/ssm/aws4_request, Signature=0")
	r.Header.Set("X-Amz-Target", "AmazonSSM.GetParameter")
	w := httptest.NewRecorder()
	s.ServeHTTP(w, r)
	g.Expect(w.Code).To(Equal(http.StatusInternalServerError))
	g.Expect(w.Body.String()).To(ContainSubstring("asked for no authorisation"))
}
