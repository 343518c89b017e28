package launch

import (
	opmetrics "github.com/awslabs/operatorpkg/metrics"
	"github.com/prometheus/client_golang/prometheus"
	crmetrics "sigs.k8s.io/controller-runtime/pkg/metrics"
	"sigs.k8s.io/karpenter/pkg/metrics"
)

var (
	labelZone         = opmetrics.Label{Name: "zone", Help: "The availability zone's name."}
	labelZoneID       = opmetrics.Label{Name: "zone_id", Help: "The availability zone's id, the same in all accounts."}
	labelCapacityType = opmetrics.Label{Name: metrics.CapacityTypeLabel, Help: "on-demand, spot or reserved."}
	labelReason       = opmetrics.Label{Name: metrics.ReasonLabel, Help: "Why EC2 refused, as in the NodeClaim's Launched condition."}

	// launchFailures counts the pools that EC2 refused.
	launchFailures = opmetrics.NewPrometheusCounter(crmetrics.Registry, prometheus.CounterOpts{
		Namespace: metrics.Namespace, Subsystem: "cloudprovider", Name: "instance_launch_failures_total",
		Help: "Pools in which EC2 refused to start an instance.",
	}, []opmetrics.Label{labelZone, labelZoneID, labelCapacityType, labelReason}, opmetrics.Alpha)
)
