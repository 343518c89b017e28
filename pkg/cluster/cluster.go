package cluster

import (
	"crypto/sha256"
	"crypto/x509"
	"encoding/hex"
	"encoding/pem"
	"errors"
	"fmt"
	"net/netip"
	"time"
)

// Mode says which kind of cluster this is.
type Mode string

const (
	// Kubeadm clusters have nodes that join with kubeadm and a bootstrap token.
	Kubeadm Mode = "kubeadm"
	// EKS clusters have everything as the AWS provider does it.
	EKS Mode = "eks"
)

// CloudProvider says who initialises nodes.
type CloudProvider string

const (
	// External is a cloud controller manager; kubelets start with --cloud-provider=external.
	External CloudProvider = "external"
	// None is nobody: kubelet and Karpenter set what a cloud controller manager would have.
	None CloudProvider = "none"
)

// PodNetwork says where pods get their addresses from, which may bound how many a node takes.
// The zero value is an overlay, or any other network whose addresses are not the VPC's.
type PodNetwork struct {
	// VPC: each pod takes an address of a network interface (Amazon's VPC CNI).
	VPC bool
	// Prefixes: an interface has blocks of 16 addresses where it would have single ones.
	Prefixes bool
	// Custom: pods are in other subnets than nodes, so the first interface has no addresses for them.
	Custom bool
}

// Cluster is what a node must know. All of it is read from the cluster itself or set by flag.
type Cluster struct {
	Mode     Mode
	Name     string // CLUSTER_NAME, as in tags
	UID      string // UID of the kube-system namespace: what tells clusters of one name apart
	Endpoint string // host:port of the API server, no scheme
	CA       []byte // PEM, one or more certificates
	Version  Version
	// Settled is since when Version's minor has been the cluster's, as far as this process saw.
	Settled time.Time
	DNS     netip.Addr // of the kube-dns Service; the zero Addr when there is none
	// ServiceCIDR and PodCIDR are as in kubeadm-config, empty when it does not say.
	ServiceCIDR, PodCIDR string
	CloudProvider        CloudProvider
	// Pods is the network that pods are in. In EKS mode it is not read, and always the VPC.
	Pods PodNetwork
	// Kubelet is kubelet-config's KubeletConfiguration document as YAML, empty when there is none.
	Kubelet []byte
	// ImageRepository is where kubeadm-config has node images pulled from, empty for kubeadm's default.
	ImageRepository string
	// AnonymousDiscovery reports whether cluster-info can be read without credentials,
	// which `kubeadm join --token` needs.
	AnonymousDiscovery bool
}

// Pins returns "sha256:<hex>" of the public key of each certificate in a PEM bundle, in
// the form that kubeadm's --discovery-token-ca-cert-hash takes. It fails on a bundle
// without a certificate.
func Pins(bundle []byte) ([]string, error) {
	var pins []string
	for block, rest := pem.Decode(bundle); block != nil; block, rest = pem.Decode(rest) {
		if block.Type != "CERTIFICATE" {
			continue
		}
		cert, err := x509.ParseCertificate(block.Bytes)
		if err != nil {
			return nil, fmt.Errorf("parsing CA certificate: %w", err)
		}
		sum := sha256.Sum256(cert.RawSubjectPublicKeyInfo)
		pins = append(pins, "sha256:"+hex.EncodeToString(sum[:]))
	}
	if len(pins) == 0 {
		return nil, errors.New("CA bundle holds no certificate")
	}
	return pins, nil
}
