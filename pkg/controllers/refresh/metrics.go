package refresh

import (
	opmetrics "github.com/awslabs/operatorpkg/metrics"
	"github.com/prometheus/client_golang/prometheus"
	crmetrics "sigs.k8s.io/controller-runtime/pkg/metrics"
	"sigs.k8s.io/karpenter/pkg/metrics"
)

// The names are the AWS provider's, so that dashboards keep working.
const subsystem = "cloudprovider"

var typeLabel = opmetrics.Label{Name: "instance_type", Help: "The EC2 instance type, for example m5.large."}

var (
	typeCores = opmetrics.NewPrometheusGauge(crmetrics.Registry, prometheus.GaugeOpts{
		Namespace: metrics.Namespace,
		Subsystem: subsystem,
		Name:      "instance_type_cpu_cores",
		Help:      "vCPUs of an instance type.",
	}, []opmetrics.Label{typeLabel}, opmetrics.Beta)

	typeMemory = opmetrics.NewPrometheusGauge(crmetrics.Registry, prometheus.GaugeOpts{
		Namespace: metrics.Namespace,
		Subsystem: subsystem,
		Name:      "instance_type_memory_bytes",
		Help:      "Bytes of memory of an instance type, as EC2 states it.",
	}, []opmetrics.Label{typeLabel}, opmetrics.Beta)

	offeringAvailable = opmetrics.NewPrometheusGauge(crmetrics.Registry, prometheus.GaugeOpts{
		Namespace: metrics.Namespace,
		Subsystem: subsystem,
		Name:      "instance_type_offering_available",
		Help:      "1 when a NodePool can launch the instance type as this capacity type in this zone, as far as is known, else 0.",
	}, []opmetrics.Label{typeLabel, metrics.CapacityType, metrics.Zone}, opmetrics.Beta)

	offeringPrice = opmetrics.NewPrometheusGauge(crmetrics.Registry, prometheus.GaugeOpts{
		Namespace: metrics.Namespace,
		Subsystem: subsystem,
		Name:      "instance_type_offering_price_estimate",
		Help:      "Price of an hour that Karpenter reckons with; 0 when none is known.",
	}, []opmetrics.Label{typeLabel, metrics.CapacityType, metrics.Zone}, opmetrics.Beta)
)
