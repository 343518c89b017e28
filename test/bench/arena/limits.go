package arena

import (
	"time"

	"github.com/karpenter-kubeadm/karpenter-provider-aws/test/awsfake/wire"
)

// Limits are EC2's defaults for an account in one region. The buckets of requests are those
// that AWS's own stand-in for load tests uses (kwok/ec2/ratelimiting.go in
// github.com/aws/karpenter-provider-aws), in which calls share them. By
// https://docs.aws.amazon.com/ec2/latest/devguide/ec2-api-throttling.html each action has a bucket of
// its own, so that this is the stricter reading. The buckets of instances are that page's
// table of resource tokens; it has none for CreateFleet.
func Limits() []wire.Limit {
	return []wire.Limit{
		{Actions: []string{"RunInstances"}, Burst: 5, Refill: 2},
		{Actions: []string{"TerminateInstances"}, Burst: 100, Refill: 5},
		{Actions: []string{"CreateTags"}, Burst: 100, Refill: 10},
		{Actions: []string{"CreateFleet", "CreateLaunchTemplate", "DeleteLaunchTemplate", "DeleteTags"}, Burst: 50, Refill: 5},
		{Actions: []string{"Describe*"}, Burst: 100, Refill: 20},

		{Actions: []string{"RunInstances"}, Burst: 1000, Refill: 2, Resource: "MaxCount"},
		{Actions: []string{"TerminateInstances"}, Burst: 1000, Refill: 20, Resource: "InstanceId"},
		{Actions: []string{"StopInstances"}, Burst: 1000, Refill: 20, Resource: "InstanceId"},
	}
}

// Answers of EC2 take time, which AWS publishes nowhere: these are of the order that users
// see. Without them no call would ever be under way when the next is due.
const (
	launching = time.Second // CreateFleet and RunInstances, which start instances before they answer
	answering = 100 * time.Millisecond
)

// latencies hold up the answers that the controller gets.
func latencies() []wire.Fault {
	after := func(action string, d time.Duration) wire.Fault {
		return wire.Fault{Action: action, Times: -1, Match: func(c *wire.Call) bool { return c.AccessKey == Key }, Delay: d}
	}
	return []wire.Fault{after("CreateFleet", launching), after("RunInstances", launching), after("", answering)}
}
