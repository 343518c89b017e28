package capacity

import (
	opmetrics "github.com/awslabs/operatorpkg/metrics"
	"github.com/prometheus/client_golang/prometheus"
	crmetrics "sigs.k8s.io/controller-runtime/pkg/metrics"
	"sigs.k8s.io/karpenter/pkg/metrics"
)

var (
	labelType     = opmetrics.Label{Name: "instance_type", Help: "The EC2 instance type, for example m5.large."}
	labelResource = opmetrics.Label{Name: "resource_type", Help: "The resource, for example memory."}
	labelKind     = opmetrics.Label{Name: "kind", Help: "capacity or allocatable."}

	// kept is below 1 where the scheduler was promised more than there is: pods that were
	// planned for such a node may not fit.
	kept = opmetrics.NewPrometheusGauge(crmetrics.Registry, prometheus.GaugeOpts{
		Namespace: metrics.Namespace, Subsystem: "cloudprovider", Name: "node_promise_kept_ratio",
		Help: "What the last initialized node of a type has of a resource, divided by what was planned with.",
	}, []opmetrics.Label{labelType, labelResource, labelKind}, opmetrics.Alpha)
)
