package parameter

import (
	"fmt"

	opmetrics "github.com/awslabs/operatorpkg/metrics"
	"github.com/prometheus/client_golang/prometheus"
	crmetrics "sigs.k8s.io/controller-runtime/pkg/metrics"
	"sigs.k8s.io/karpenter/pkg/metrics"

	awserrors "github.com/karpenter-kubeadm/karpenter-provider-aws/pkg/aws"
)

// Reason is why a token could not be delivered, one word of a closed set.
type Reason string

// The reasons that somebody acts on.
const (
	Denied    Reason = "denied"    // a policy is missing
	Throttled Reason = "throttled" // more launches at a time than the account may write parameters
	Missing   Reason = "missing"   // a parameter of a user's is not there
	Other     Reason = "other"
)

// Error is a delivery that failed. Trying again may help, but for Denied somebody has to act.
type Error struct {
	Reason Reason
	Doing  string
	Err    error // AWS's; never nil
}

// Error says what failed, why, and what to do about it.
func (e *Error) Error() string {
	remedy := map[Reason]string{
		Denied:    "; give the controller's role the token policy of the chart's iam folder",
		Throttled: "; it is tried again. An account may write three parameters in a second: ask for Parameter Store's higher throughput where more nodes start at a time",
		Missing:   "; create it as a SecureString, or correct its name",
	}
	return fmt.Sprintf("%s: %v%s", e.Doing, e.Err, remedy[e.Reason])
}

// Unwrap returns AWS's error.
func (e *Error) Unwrap() error { return e.Err }

var (
	labelReason = opmetrics.Label{Name: metrics.ReasonLabel, Help: "denied, throttled, missing or other."}

	failures = opmetrics.NewPrometheusCounter(crmetrics.Registry, prometheus.CounterOpts{
		Namespace: metrics.Namespace, Subsystem: "bootstrap_tokens", Name: "delivery_failures_total",
		Help: "Number of times Systems Manager did not take, give or delete a bootstrap token, after repetitions.",
	}, []opmetrics.Label{labelReason}, opmetrics.Alpha)
)

// newError is err with its reason, counted.
func newError(doing string, err error) *Error {
	e := &Error{Reason: Other, Doing: doing, Err: err}
	switch awserrors.KindOf(err) {
	case awserrors.Unauthorized, awserrors.BadCredentials:
		e.Reason = Denied
	case awserrors.Throttled:
		e.Reason = Throttled
	case awserrors.NotFound:
		e.Reason = Missing
	default:
	}
	failures.Inc(map[string]string{labelReason.Name: string(e.Reason)})
	return e
}
