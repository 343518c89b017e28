package token

import (
	opmetrics "github.com/awslabs/operatorpkg/metrics"
	"github.com/prometheus/client_golang/prometheus"
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

	failures = opmetrics.NewPrometheusCounter(crmetrics.Registry, prometheus.CounterOpts{
		Namespace: metrics.Namespace, Subsystem: subsystem, Name: "failures_total",
		Help: "Number of times no live bootstrap token could be had, so that no node could be launched.",
	}, []opmetrics.Label{}, opmetrics.Alpha)
)
