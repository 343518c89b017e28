package csr

import (
	"crypto/x509"
	"encoding/pem"
	"errors"
	"fmt"
	"net/netip"
	"slices"
	"strings"
	"time"

	certificatesv1 "k8s.io/api/certificates/v1"
	bootstrapapi "k8s.io/cluster-bootstrap/token/api"
)

const (
	nodeUserPrefix = "system:node:"
	nodesGroup     = "system:nodes"
)

// request is what a kubelet asks for: a CertificateSigningRequest, read.
type request struct {
	UID       string
	Created   time.Time
	Username  string
	Groups    []string
	Usages    []certificatesv1.KeyUsage
	Subject   string   // common name
	Orgs      []string // organisations
	DNS       []string
	IPs       []netip.Addr
	otherSANs bool // mail addresses or URIs, which no kubelet asks for
}

// parse reads object. It fails when object holds no certificate request that is signed by
// the key it is for.
func parse(object *certificatesv1.CertificateSigningRequest) (request, error) {
	block, _ := pem.Decode(object.Spec.Request)
	if block == nil || block.Type != "CERTIFICATE REQUEST" {
		return request{}, errors.New("spec.request holds no PEM block CERTIFICATE REQUEST")
	}
	parsed, err := x509.ParseCertificateRequest(block.Bytes)
	if err != nil {
		return request{}, fmt.Errorf("parsing certificate request: %w", err)
	}
	if err := parsed.CheckSignature(); err != nil {
		return request{}, fmt.Errorf("checking that the requestor has the key: %w", err)
	}
	r := request{
		UID: string(object.UID), Created: object.CreationTimestamp.Time,
		Username: object.Spec.Username, Groups: object.Spec.Groups, Usages: object.Spec.Usages,
		Subject: parsed.Subject.CommonName, Orgs: parsed.Subject.Organization, DNS: parsed.DNSNames,
		otherSANs: len(parsed.EmailAddresses) > 0 || len(parsed.URIs) > 0,
	}
	for _, ip := range parsed.IPAddresses {
		addr, ok := netip.AddrFromSlice(ip)
		if !ok {
			return request{}, fmt.Errorf("address %s of the request is malformed", ip)
		}
		r.IPs = append(r.IPs, addr.Unmap())
	}
	return r, nil
}

// node is the name of the node that the certificate would be for.
func (r request) node() string { return strings.TrimPrefix(r.Subject, nodeUserPrefix) }

// forNode reports whether subject and organisation are those of a kubelet.
func (r request) forNode() bool {
	return strings.HasPrefix(r.Subject, nodeUserPrefix) && r.node() != "" && slices.Equal(r.Orgs, []string{nodesGroup})
}

// uses reports whether usages are exactly those of a kubelet's certificate: digital
// signature and purpose, with key encipherment where the key is RSA.
func (r request) uses(purpose certificatesv1.KeyUsage) bool {
	needed := []certificatesv1.KeyUsage{certificatesv1.UsageDigitalSignature, purpose}
	for _, usage := range r.Usages {
		if usage != certificatesv1.UsageKeyEncipherment && !slices.Contains(needed, usage) {
			return false
		}
	}
	return slices.Contains(r.Usages, needed[0]) && slices.Contains(r.Usages, needed[1])
}

// tokenID is the id of the bootstrap token with which object was made, empty when it was
// made with other credentials.
func tokenID(object *certificatesv1.CertificateSigningRequest) string {
	id, ok := strings.CutPrefix(object.Spec.Username, bootstrapapi.BootstrapUserPrefix)
	if !ok {
		return ""
	}
	return id
}

// decided reports whether somebody has approved or denied object, or it failed.
func decided(object *certificatesv1.CertificateSigningRequest) bool {
	return len(object.Status.Certificate) > 0 || slices.ContainsFunc(object.Status.Conditions, func(c certificatesv1.CertificateSigningRequestCondition) bool {
		return c.Type == certificatesv1.CertificateApproved || c.Type == certificatesv1.CertificateDenied || c.Type == certificatesv1.CertificateFailed
	})
}
