package join

import (
	"strings"

	"github.com/karpenter-kubeadm/karpenter-provider-aws/pkg/cluster"
)

// The placeholders of a user's own script. They are part of the product's interface.
const (
	placeholderEndpoint = "${CLUSTER_ENDPOINT}" // host, no port
	placeholderToken    = "${BOOTSTRAP_TOKEN}"
	placeholderPin      = "${CA_CERT_HASH}" // hexadecimal, no "sha256:"
)

// fillsIn reports whether placeholders in text are ours to fill in. A script that has no
// place for our token gets its credentials elsewhere, and its variables are its own.
func fillsIn(text string) bool { return strings.Contains(text, placeholderToken) }

// fill replaces the placeholders in text and leaves every other byte as it is. Where the
// CA bundle holds several certificates the first is pinned: kubeadm asks for one that
// matches, not for all.
func fill(text string, spec Spec) (string, error) {
	pins, err := cluster.Pins(spec.Cluster.CA)
	if err != nil {
		return "", err
	}
	return strings.NewReplacer(
		placeholderEndpoint, cluster.Host(spec.Cluster.Endpoint),
		placeholderToken, spec.Token.Value(),
		placeholderPin, strings.TrimPrefix(pins[0], "sha256:"),
	).Replace(text), nil
}
