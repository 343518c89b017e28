package csr

import (
	opmetrics "github.com/awslabs/operatorpkg/metrics"
	"github.com/prometheus/client_golang/prometheus"
	certificatesv1 "k8s.io/api/certificates/v1"
	crmetrics "sigs.k8s.io/controller-runtime/pkg/metrics"
	"sigs.k8s.io/karpenter/pkg/metrics"
)

var (
	labelDecision = opmetrics.Label{Name: "decision", Help: "approve, hold or deny."}
	labelReason   = opmetrics.Label{Name: metrics.ReasonLabel, Help: "The rule that decided, in one word."}
	labelSigner   = opmetrics.Label{Name: "signer", Help: "The signer that the certificate was asked of."}

	// requests counts decisions; one that is held counts once, however often it is judged again.
	requests = opmetrics.NewPrometheusCounter(crmetrics.Registry, prometheus.CounterOpts{
		Namespace: metrics.Namespace, Subsystem: "certificate_requests", Name: "judged_total",
		Help: "Number of decisions on certificate requests of nodes that Karpenter launched.",
	}, []opmetrics.Label{labelDecision, labelReason, labelSigner}, opmetrics.Alpha)
)

func judged(object *certificatesv1.CertificateSigningRequest, v verdict) {
	requests.Inc(map[string]string{
		labelDecision.Name: string(v.decision), labelReason.Name: v.reason, labelSigner.Name: object.Spec.SignerName,
	})
}
