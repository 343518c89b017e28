package inventory

import (
	opmetrics "github.com/awslabs/operatorpkg/metrics"
	"github.com/prometheus/client_golang/prometheus"
	crmetrics "sigs.k8s.io/controller-runtime/pkg/metrics"
	"sigs.k8s.io/karpenter/pkg/metrics"
)

var (
	labelZone   = opmetrics.Label{Name: "zone", Help: "The availability zone's name."}
	labelZoneID = opmetrics.Label{Name: "zone_id", Help: "The availability zone's id, the same in all accounts."}

	// terminationFailures counts calls, so one instance that cannot be terminated counts again
	// at each retry.
	terminationFailures = opmetrics.NewPrometheusCounter(crmetrics.Registry, prometheus.CounterOpts{
		Namespace: metrics.Namespace, Subsystem: "cloudprovider", Name: "instance_termination_failures_total",
		Help: "Attempts to terminate an instance that EC2 did not accept.",
	}, []opmetrics.Label{labelZone, labelZoneID}, opmetrics.Alpha)
)
