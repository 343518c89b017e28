package clusterinfo

import (
	"encoding/base64"
	"errors"
	"fmt"
	"slices"
	"strings"

	"github.com/karpenter-kubeadm/karpenter-provider-aws/pkg/cluster"
)

// overrides are Options that were understood.
type overrides struct {
	mode          cluster.Mode
	name          string
	endpoint      string // host:port
	ca            []byte // PEM
	cloudProvider cluster.CloudProvider
	podNetwork    PodNetwork
}

func (o Options) parse() (overrides, error) {
	parsed := overrides{mode: o.Mode, name: o.Name, cloudProvider: o.CloudProvider, podNetwork: o.PodNetwork}
	var errs []error
	if !slices.Contains([]cluster.Mode{"", cluster.Kubeadm, cluster.EKS}, o.Mode) {
		errs = append(errs, fmt.Errorf("bootstrap mode %q is not kubeadm, eks or empty", o.Mode))
	}
	if !slices.Contains([]cluster.CloudProvider{"", cluster.External, cluster.None}, o.CloudProvider) {
		errs = append(errs, fmt.Errorf("cloud provider %q is not external, none or empty", o.CloudProvider))
	}
	if !slices.Contains([]PodNetwork{"", Overlay, VPC}, o.PodNetwork) {
		errs = append(errs, fmt.Errorf("pod network %q is not overlay, vpc or empty", o.PodNetwork))
	}
	if o.Endpoint != "" {
		endpoint, err := cluster.ParseServerURL(o.Endpoint)
		errs = append(errs, err)
		parsed.endpoint = endpoint
	}
	if o.CABundle != "" {
		ca, err := parseCABundle(o.CABundle)
		errs = append(errs, err)
		parsed.ca = ca
	}
	return parsed, errors.Join(errs...)
}

func parseCABundle(bundle string) ([]byte, error) {
	ca := []byte(bundle)
	if !strings.Contains(bundle, "-----BEGIN") {
		decoded, err := base64.StdEncoding.DecodeString(strings.Join(strings.Fields(bundle), ""))
		if err != nil {
			return nil, fmt.Errorf("CA bundle is neither PEM nor base64 of it: %w", err)
		}
		ca = decoded
	}
	if _, err := cluster.Pins(ca); err != nil {
		return nil, fmt.Errorf("CA bundle of the flag: %w", err)
	}
	return ca, nil
}
