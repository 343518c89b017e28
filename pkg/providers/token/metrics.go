package token

import (
	"errors"

	opmetrics "github.com/awslabs/operatorpkg/metrics"
	"github.com/prometheus/client_golang/prometheus"
	apierrors "k8s.io/apimachinery/pkg/api/errors"
	crmetrics "sigs.k8s.io/controller-runtime/pkg/metrics"
	"sigs.k8s.io/karpenter/pkg/metrics"
)

const subsystem = "bootstrap_tokens"

var (
	// tokenAge is how long ago the current token was made. It stays below half of its time to live.
	tokenAge = opmetrics.NewPrometheusGauge(crmetrics.Registry, prometheus.GaugeOpts{
		Namespace: metrics.Namespace, Subsystem: subsystem, Name: "age_seconds",
		Help: "Seconds since the current bootstrap token was made.",
	}, []opmetrics.Label{}, opmetrics.Alpha)

	epochsAlive = opmetrics.NewPrometheusGauge(crmetrics.Registry, prometheus.GaugeOpts{
		Namespace: metrics.Namespace, Subsystem: subsystem, Name: "alive",
		Help: "Number of bootstrap tokens that nodes can join with: the current one, and older ones that a node may still need.",
	}, []opmetrics.Label{}, opmetrics.Alpha)

	mints = opmetrics.NewPrometheusCounter(crmetrics.Registry, prometheus.CounterOpts{
		Namespace: metrics.Namespace, Subsystem: subsystem, Name: "made_total",
		Help: "Number of bootstrap tokens made.",
	}, []opmetrics.Label{}, opmetrics.Alpha)

	labelReason = opmetrics.Label{Name: metrics.ReasonLabel, Help: "no_answer, forbidden, dead (the API server does not accept what was made), unusable (a token that users rotate does not do) or other."}

	failures = opmetrics.NewPrometheusCounter(crmetrics.Registry, prometheus.CounterOpts{
		Namespace: metrics.Namespace, Subsystem: subsystem, Name: "failures_total",
		Help: "Number of times no live bootstrap token could be had, so that no node could be launched or join.",
	}, []opmetrics.Label{labelReason}, opmetrics.Alpha)
)

// failed counts err by its reason.
func failed(err error) {
	reason := "other"
	switch {
	case errors.Is(err, errNoAnswer):
		reason = "no_answer"
	case errors.Is(err, errDead):
		reason = "dead"
	case errors.Is(err, errUnusable):
		reason = "unusable"
	case apierrors.IsForbidden(err):
		reason = "forbidden"
	}
	failures.Inc(map[string]string{labelReason.Name: reason})
}
