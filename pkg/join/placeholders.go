package join

import (
	"strings"

	"github.com/karpenter-kubeadm/karpenter-provider-aws/pkg/cluster"
)

// The placeholders of a user's own script. They are part of the product's interface.
const (
	placeholderEndpoint  = "${CLUSTER_ENDPOINT}" // host, no port
	placeholderBootstrap = "${BOOTSTRAP_TOKEN}"
	placeholderPin       = "${CA_CERT_HASH}" // hexadecimal, no "sha256:"
)

// fillsIn reports whether placeholders in text are ours to fill in. A script that has no
// place for our token gets its credentials elsewhere, and its variables are its own.
func fillsIn(text string) bool { return strings.Contains(text, placeholderBootstrap) }

// fill replaces the placeholders in text and leaves every other byte as it is. Where the
// CA bundle holds several certificates the first is pinned: kubeadm asks for one that
// matches, not for all.
func fill(text string, spec Spec) (string, error) {
	if spec.Parameter != "" {
		return "", &SpecError{Field: "spec.userData", Problem: placeholderBootstrap + " would put the bootstrap token into user data, " +
			"which TOKEN_DELIVERY=SSM is there to avoid; leave joining to Karpenter, or set TOKEN_DELIVERY=UserData"}
	}
	pins, err := cluster.Pins(spec.Cluster.CA)
	if err != nil {
		return "", err
	}
	return strings.NewReplacer(
		placeholderEndpoint, cluster.Host(spec.Cluster.Endpoint),
		placeholderBootstrap, spec.Token.Value(),
		placeholderPin, strings.TrimPrefix(pins[0], "sha256:"),
	).Replace(text), nil
}
