package clusterinfo

import (
	opmetrics "github.com/awslabs/operatorpkg/metrics"
	"github.com/prometheus/client_golang/prometheus"
	crmetrics "sigs.k8s.io/controller-runtime/pkg/metrics"
	"sigs.k8s.io/karpenter/pkg/metrics"
)

// refreshFailures counts times that what nodes must know of the cluster could not be read
// while an older answer was there to serve.
var refreshFailures = opmetrics.NewPrometheusCounter(crmetrics.Registry, prometheus.CounterOpts{
	Namespace: metrics.Namespace,
	Subsystem: "cluster_info",
	Name:      "refresh_failures_total",
	Help:      "Number of times what nodes must know of the cluster could not be read again, and an older answer was served.",
}, []opmetrics.Label{}, opmetrics.Alpha)
