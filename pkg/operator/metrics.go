package operator

import (
	"time"

	opmetrics "github.com/awslabs/operatorpkg/metrics"
	"github.com/prometheus/client_golang/prometheus"
	crmetrics "sigs.k8s.io/controller-runtime/pkg/metrics"
	"sigs.k8s.io/karpenter/pkg/metrics"
)

var (
	labelBatcher = opmetrics.Label{Name: "batcher", Help: "Which calls were merged: create_fleet, describe_instances or terminate_instances."}

	batchSeconds = opmetrics.NewPrometheusHistogram(crmetrics.Registry, prometheus.HistogramOpts{
		Namespace: metrics.Namespace, Subsystem: "cloudprovider_batcher", Name: "batch_time_seconds",
		Help: "Seconds from the start of a merged call to its answer.", Buckets: prometheus.ExponentialBuckets(0.01, 2, 14),
	}, []opmetrics.Label{labelBatcher}, opmetrics.Alpha)

	batchSize = opmetrics.NewPrometheusHistogram(crmetrics.Registry, prometheus.HistogramOpts{
		Namespace: metrics.Namespace, Subsystem: "cloudprovider_batcher", Name: "batch_size",
		Help: "Requests that one merged call served.", Buckets: []float64{1, 2, 5, 10, 20, 50, 100, 200},
	}, []opmetrics.Label{labelBatcher}, opmetrics.Alpha)
)

func observeBatch(call string, items int, took time.Duration) {
	of := map[string]string{labelBatcher.Name: call}
	batchSize.Observe(float64(items), of)
	batchSeconds.Observe(took.Seconds(), of)
}
