package measure

import (
	"testing"

	. "github.com/onsi/gomega"

	"github.com/karpenter-kubeadm/karpenter-provider-aws/test/awsfake/wire"
	"github.com/karpenter-kubeadm/karpenter-provider-aws/test/bench/result"
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
