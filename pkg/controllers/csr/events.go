package csr

import (
	"fmt"

	certificatesv1 "k8s.io/api/certificates/v1"
	corev1 "k8s.io/api/core/v1"
	"k8s.io/apimachinery/pkg/runtime"
	karpv1 "sigs.k8s.io/karpenter/pkg/apis/v1"
	"sigs.k8s.io/karpenter/pkg/events"
)

// publish tells users what is held or denied: on the NodeClaim where there is one, else on
// the request.
func (c *Controller) publish(object *certificatesv1.CertificateSigningRequest, claim *karpv1.NodeClaim, v verdict) {
	var involved runtime.Object = object
	if claim != nil {
		involved = claim
	}
	switch v.decision {
	case approve: // seen by the node
	case hold:
		c.recorder.Publish(certificateHeld(involved, object, v))
	case deny:
		c.recorder.Publish(certificateDenied(involved, object, v))
	}
}

// certificateHeld tells what a certificate waits for. Sent once for each request and
// reason in two minutes.
func certificateHeld(involved runtime.Object, object *certificatesv1.CertificateSigningRequest, v verdict) events.Event {
	return events.Event{
		InvolvedObject: involved,
		Type:           corev1.EventTypeNormal,
		Reason:         "CertificateHeld",
		Message:        fmt.Sprintf("Certificate request %s of %s is held: %s", object.Name, object.Spec.Username, v.message),
		DedupeValues:   []string{string(object.UID), v.reason},
	}
}

// certificateDenied tells why a certificate is refused. Sent once for each request.
func certificateDenied(involved runtime.Object, object *certificatesv1.CertificateSigningRequest, v verdict) events.Event {
	return events.Event{
		InvolvedObject: involved,
		Type:           corev1.EventTypeWarning,
		Reason:         "CertificateDenied",
		Message:        fmt.Sprintf("Certificate request %s of %s is denied: %s", object.Name, object.Spec.Username, v.message),
		DedupeValues:   []string{string(object.UID)},
	}
}
