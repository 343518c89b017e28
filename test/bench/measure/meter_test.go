package measure

import (
	"testing"

	. "github.com/onsi/gomega"

	"github.com/karpenter-kubeadm/karpenter-provider-aws/test/awsfake/wire"
	"github.com/karpenter-kubeadm/karpenter-provider-aws/test/bench/result"
	"github.com/karpenter-kubeadm/karpenter-provider-aws/test/env/proxy"
)

func TestCalls(t *testing.T) {
	fleet := func(code string) wire.Answer {
		return wire.Answer{AccessKey: "k", Service: "ec2", Action: "CreateFleet", Code: code}
	}
	sqs := wire.Answer{AccessKey: "k", Service: "sqs", Action: "ReceiveMessage"}
	other := wire.Answer{AccessKey: "other", Service: "ec2", Action: "CreateFleet"}
	now := map[wire.Answer]int{fleet(""): 5, fleet("RequestLimitExceeded"): 3, fleet("DryRunOperation"): 1, fleet("UnauthorizedOperation"): 2, sqs: 4, other: 9}
	before := map[wire.Answer]int{fleet(""): 1, fleet("RequestLimitExceeded"): 1, sqs: 4}
	NewWithT(t).Expect(calls(now, before, "k")).To(Equal([]result.Call{{Service: "ec2", Action: "CreateFleet", Count: 9, Throttled: 2, Failed: 2}}))
}

func TestRequests(t *testing.T) {
	g := NewWithT(t)
	status := proxy.Request{Verb: "patch", Resource: "nodeclaims", Subresource: "status", Name: "a", Status: 200}
	conflict := status
	conflict.Status = 409
	other := conflict
	other.Name = "b"
	version := proxy.Request{Verb: "get", URL: "/version", Status: 200}
	byVerb, refused := requests(map[proxy.Request]int{status: 5, conflict: 2, other: 1, version: 3}, map[proxy.Request]int{status: 1, version: 3})
	g.Expect(byVerb).To(Equal(map[string]int{"patch": 7}))
	g.Expect(refused).To(Equal(map[string]int{"409 patch nodeclaims/status": 3}))
}
