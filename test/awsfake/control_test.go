package awsfake_test

import (
	"encoding/base64"
	"encoding/json"
	"io"
	"net/http"
	"strings"
	"testing"

	"github.com/aws/aws-sdk-go-v2/aws"
	awsec2 "github.com/aws/aws-sdk-go-v2/service/ec2"
	"github.com/aws/aws-sdk-go-v2/service/ec2/types"
	. "github.com/onsi/gomega"

	"github.com/karpenter-kubeadm/karpenter-provider-aws/test/awsfake"
	"github.com/karpenter-kubeadm/karpenter-provider-aws/test/awsfake/ec2"
)

// process is an account as another process sees it: over HTTP alone.
type process struct {
	*WithT
	t   *testing.T
	url string
	ec2 *awsec2.Client
}

func start(t *testing.T) *process {
	t.Helper()
	s := awsfake.Start(t)
	config := s.Config()
	config.RetryMaxAttempts = 1
	return &process{WithT: NewWithT(t), t: t, url: s.URL, ec2: awsec2.NewFromConfig(config)}
}

// control calls one and returns its status and answer.
func (p *process) control(method, path, body string) (int, string) {
	p.t.Helper()
	request, err := http.NewRequestWithContext(p.t.Context(), method, p.url+"/_awsfake/"+path, strings.NewReader(body))
	p.Expect(err).NotTo(HaveOccurred())
	answer, err := http.DefaultClient.Do(request)
	p.Expect(err).NotTo(HaveOccurred())
	text, err := io.ReadAll(answer.Body)
	p.Expect(err).NotTo(HaveOccurred())
	p.Expect(answer.Body.Close()).To(Succeed())
	return answer.StatusCode, strings.TrimSpace(string(text))
}

func (p *process) ok(method, path, body string) string {
	p.t.Helper()
	status, text := p.control(method, path, body)
	p.Expect(status).To(Equal(http.StatusOK), text)
	return text
}

// launch starts a t3.large and returns its id; empty when EC2 refuses.
func (p *process) launch() (string, error) {
	p.t.Helper()
	images, err := p.ec2.DescribeImages(p.t.Context(), &awsec2.DescribeImagesInput{Owners: []string{ec2.Canonical}, Filters: []types.Filter{
		{Name: aws.String("architecture"), Values: []string{"x86_64"}},
	}})
	p.Expect(err).NotTo(HaveOccurred())
	subnets, err := p.ec2.DescribeSubnets(p.t.Context(), &awsec2.DescribeSubnetsInput{})
	p.Expect(err).NotTo(HaveOccurred())
	out, err := p.ec2.RunInstances(p.t.Context(), &awsec2.RunInstancesInput{
		MinCount: aws.Int32(1), MaxCount: aws.Int32(1), InstanceType: types.InstanceTypeT3Large,
		ImageId: images.Images[0].ImageId, SubnetId: subnets.Subnets[0].SubnetId,
	})
	if err != nil {
		return "", err
	}
	return aws.ToString(out.Instances[0].InstanceId), nil
}

func (p *process) state(id string) types.InstanceStateName {
	p.t.Helper()
	out, err := p.ec2.DescribeInstances(p.t.Context(), &awsec2.DescribeInstancesInput{InstanceIds: []string{id}})
	p.Expect(err).NotTo(HaveOccurred())
	return out.Reservations[0].Instances[0].State.Name
}

func TestControlOfCapacity(t *testing.T) {
	p := start(t)
	p.ok("POST", "capacity", `{"type":"t3.large","count":0}`)
	_, err := p.launch()
	p.Expect(err).To(MatchError(ContainSubstring("InsufficientInstanceCapacity")))
	p.ok("POST", "capacity", `{"type":"t3.large","code":"Unsupported","message":"not today"}`)
	_, err = p.launch()
	p.Expect(err).To(MatchError(ContainSubstring("not today")))
	p.ok("DELETE", "capacity", "")
	_, err = p.launch()
	p.Expect(err).NotTo(HaveOccurred())
	status, text := p.control("POST", "capacity", `{"zone":"mars-1a"}`)
	p.Expect(status).To(Equal(http.StatusBadRequest))
	p.Expect(text).To(ContainSubstring("mars-1a is no zone"))
}

func TestControlOfFaultsAndLimits(t *testing.T) {
	p := start(t)
	p.ok("POST", "faults", `{"action":"RunInstances","code":"InternalError","message":"oops","status":500,"times":2}`)
	_, err := p.launch()
	p.Expect(err).To(MatchError(ContainSubstring("oops")))
	p.ok("DELETE", "faults", "")
	p.ok("POST", "faults", `{"action":"RunInstances","after":true,"drop":true,"delay":"1ms"}`)
	_, err = p.launch()
	p.Expect(err).To(HaveOccurred())
	var known []ec2.Instance
	p.Expect(json.Unmarshal([]byte(p.ok("GET", "instances", "")), &known)).To(Succeed())
	p.Expect(known).To(HaveLen(1), "its effect happened")

	p.ok("POST", "limits", `[{"Actions":["Describe*"],"Burst":0,"Refill":0}]`)
	_, err = p.ec2.DescribeVpcs(t.Context(), &awsec2.DescribeVpcsInput{})
	p.Expect(err).To(MatchError(ContainSubstring("RequestLimitExceeded")))
	p.ok("POST", "limits", `[]`)
	_, err = p.ec2.DescribeVpcs(t.Context(), &awsec2.DescribeVpcsInput{})
	p.Expect(err).NotTo(HaveOccurred())

	for body, want := range map[string]string{`{"colour":"red"}`: "colour", `{"delay":"soon"}`: "delay"} {
		status, text := p.control("POST", "faults", body)
		p.Expect(status).To(Equal(http.StatusBadRequest))
		p.Expect(text).To(ContainSubstring(want))
	}
}

func TestControlOfInstances(t *testing.T) {
	p := start(t)
	ids := map[string]string{}
	for _, name := range []string{"terminate", "stop"} {
		id, err := p.launch()
		p.Expect(err).NotTo(HaveOccurred())
		p.Expect(p.state(id)).To(Equal(types.InstanceStateNameRunning))
		ids[name] = id
	}
	p.ok("POST", "console?id="+ids["stop"], "it boots")
	console, err := p.ec2.GetConsoleOutput(t.Context(), &awsec2.GetConsoleOutputInput{InstanceId: aws.String(ids["stop"])})
	p.Expect(err).NotTo(HaveOccurred())
	p.Expect(base64.StdEncoding.DecodeString(aws.ToString(console.Output))).To(Equal([]byte("it boots")))
	for name, id := range ids {
		p.ok("POST", "instances/"+name+"?id="+id, "")
	}
	p.Expect(p.state(ids["terminate"])).To(Equal(types.InstanceStateNameTerminated))
	p.Expect(p.state(ids["stop"])).To(Equal(types.InstanceStateNameStopped))
	status, text := p.control("POST", "instances/reclaim?id=i-00000000000000000", "")
	p.Expect(status).To(Equal(http.StatusBadRequest))
	p.Expect(text).To(ContainSubstring("does not exist"))
}

func TestControlOfDelaysAndCalls(t *testing.T) {
	p := start(t)
	p.ok("POST", "delays", `{"Pending":3600000000000}`)
	id, err := p.launch()
	p.Expect(err).NotTo(HaveOccurred())
	p.Expect(p.state(id)).To(Equal(types.InstanceStateNamePending))
	p.Expect(p.ok("GET", "calls", "")).To(MatchJSON(`{"DescribeImages":1,"DescribeSubnets":1,"RunInstances":1,"DescribeInstances":1}`))
	p.ok("DELETE", "calls", "")
	p.Expect(p.ok("GET", "calls", "")).To(MatchJSON(`{}`))
}

func TestChangesAreToldOnce(t *testing.T) {
	p := start(t)
	changes := func(since string) (string, []string) {
		var answer struct {
			Now       json.Number
			Instances []struct{ ID, State string }
		}
		p.Expect(json.Unmarshal([]byte(p.ok(http.MethodGet, "changes?since="+since, "")), &answer)).To(Succeed())
		var states []string
		for _, i := range answer.Instances {
			states = append(states, i.ID+" "+i.State)
		}
		return answer.Now.String(), states
	}
	first, err := p.launch()
	p.Expect(err).NotTo(HaveOccurred())
	now, states := changes("0")
	p.Expect(states).To(Equal([]string{first + " running"}))
	again, states := changes(now)
	p.Expect(states).To(BeEmpty())
	p.Expect(again).To(Equal(now))

	second, err := p.launch()
	p.Expect(err).NotTo(HaveOccurred())
	_, err = p.ec2.RebootInstances(t.Context(), &awsec2.RebootInstancesInput{InstanceIds: []string{first}})
	p.Expect(err).NotTo(HaveOccurred())
	now, states = changes(now)
	p.Expect(states).To(Equal([]string{first + " running", second + " running"}), "a reboot is a change")
	p.ok(http.MethodPost, "instances/terminate?id="+second, "")
	_, states = changes(now)
	p.Expect(states).To(Equal([]string{second + " terminated"}))
	status, _ := p.control(http.MethodGet, "changes?since=yesterday", "")
	p.Expect(status).To(Equal(http.StatusBadRequest))
}
