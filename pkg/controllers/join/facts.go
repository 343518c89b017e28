package join

import (
	"context"
	"crypto/x509"
	"encoding/pem"
	"errors"
	"fmt"
	"slices"
	"strings"

	certificatesv1 "k8s.io/api/certificates/v1"
	corev1 "k8s.io/api/core/v1"
	apierrors "k8s.io/apimachinery/pkg/api/errors"
	bootstrapapi "k8s.io/cluster-bootstrap/token/api"
	"sigs.k8s.io/controller-runtime/pkg/client"
	"sigs.k8s.io/controller-runtime/pkg/log"
	karpv1 "sigs.k8s.io/karpenter/pkg/apis/v1"

	"github.com/karpenter-kubeadm/karpenter-provider-aws/pkg/instance"
	"github.com/karpenter-kubeadm/karpenter-provider-aws/pkg/join"
)

// nodeUserPrefix is what the names of nodes' users begin with, and subjects of their certificates.
const nodeUserPrefix = "system:node:"

// lookUp is what EC2 says of the instance, the zero one when it does not show it.
func (c *Controller) lookUp(ctx context.Context, id instance.ID) (instance.Instance, error) {
	found, err := c.inventory.Get(ctx, id)
	if errors.Is(err, instance.ErrNotFound) {
		return instance.Instance{}, nil
	}
	if err != nil {
		return instance.Instance{}, fmt.Errorf("looking up instance %s: %w", id, err)
	}
	return found, nil
}

// complete adds to f what the API server knows of a node on its instance.
func (c *Controller) complete(ctx context.Context, f facts) (facts, error) {
	if known, err := c.clusters.Get(ctx); err == nil { // only for the message
		f.endpoint = known.Endpoint
	}
	names := f.instance.NodeNames(c.region)
	var err error
	if f.nodes, err = c.nodes(ctx, names); err != nil {
		return facts{}, err
	}
	if f.requests, err = c.requests(ctx, f.claim, names); err != nil {
		return facts{}, err
	}
	if len(f.nodes) == 0 { // else the machine has come through
		f.probe = c.clusters.Probe(ctx)
		f.progress = c.progress(ctx, f.instance.ID)
	}
	return f, nil
}

// progress is what the machine says of its join. Without permission, or where the hypervisor
// keeps no console, the diagnosis does without.
func (c *Controller) progress(ctx context.Context, id instance.ID) []string {
	if id == "" {
		return nil
	}
	console, err := c.inventory.Console(ctx, id)
	if err != nil {
		log.FromContext(ctx).V(1).Info("diagnosing without the console", "instance", id, "error", err.Error())
		return nil
	}
	return join.Progress(console)
}

// nodes are those that have one of names.
func (c *Controller) nodes(ctx context.Context, names []string) ([]corev1.Node, error) {
	var nodes []corev1.Node
	for _, name := range names {
		var node corev1.Node
		err := c.kube.Get(ctx, client.ObjectKey{Name: name}, &node)
		if apierrors.IsNotFound(err) {
			continue
		}
		if err != nil {
			return nil, fmt.Errorf("getting node %s: %w", name, err)
		}
		nodes = append(nodes, node)
	}
	return nodes, nil
}

// requests are those for certificates of a node with one of names, since claim was made: for
// the first one of a client, and for serving.
func (c *Controller) requests(ctx context.Context, claim *karpv1.NodeClaim, names []string) ([]request, error) {
	var list certificatesv1.CertificateSigningRequestList
	// They are only read, and there may be thousands while as many nodes join.
	if err := c.kube.List(ctx, &list, client.UnsafeDisableDeepCopy); err != nil {
		return nil, fmt.Errorf("listing certificate requests: %w", err)
	}
	var requests []request
	for i := range list.Items {
		object := &list.Items[i]
		if !object.CreationTimestamp.Before(&claim.CreationTimestamp) && slices.Contains(names, c.asksFor(object)) {
			requests = append(requests, c.read(object))
		}
	}
	return requests, nil
}

// asksFor is what asksFor says of object, which never changes and costs a certificate request's
// parsing to find out, for each node that is late anew.
func (c *Controller) asksFor(object *certificatesv1.CertificateSigningRequest) string {
	name, known := c.asked.Get(string(object.UID))
	if !known {
		name = asksFor(object)
		c.asked.Set(string(object.UID), name)
	}
	return name
}

// asksFor is the name of the node that object asks for a first certificate of, or for one to
// serve with; empty when it asks for something else.
func asksFor(object *certificatesv1.CertificateSigningRequest) string {
	switch object.Spec.SignerName {
	case certificatesv1.KubeAPIServerClientKubeletSignerName:
		if strings.HasPrefix(object.Spec.Username, bootstrapapi.BootstrapUserPrefix) {
			return nodeOf(object)
		}
	case certificatesv1.KubeletServingSignerName:
		return strings.TrimPrefix(object.Spec.Username, nodeUserPrefix)
	}
	return ""
}

// nodeOf is the name of the node that object asks a certificate for, empty when it does not say one.
func nodeOf(object *certificatesv1.CertificateSigningRequest) string {
	block, _ := pem.Decode(object.Spec.Request)
	if block == nil {
		return ""
	}
	parsed, err := x509.ParseCertificateRequest(block.Bytes)
	if err != nil {
		return ""
	}
	return strings.TrimPrefix(parsed.Subject.CommonName, nodeUserPrefix)
}

func (c *Controller) read(object *certificatesv1.CertificateSigningRequest) request {
	r := request{
		name: object.Name, created: object.CreationTimestamp.Time, issued: len(object.Status.Certificate) > 0,
		serving: object.Spec.SignerName == certificatesv1.KubeletServingSignerName,
	}
	if c.held != nil {
		r.message, _ = c.held(object.UID)
	}
	for _, condition := range object.Status.Conditions {
		switch condition.Type {
		case certificatesv1.CertificateApproved:
			r.approved, r.message = true, condition.Message
		case certificatesv1.CertificateDenied:
			r.denied, r.message = true, condition.Message
		case certificatesv1.CertificateFailed: // shows as approved and not issued
		}
	}
	return r
}
