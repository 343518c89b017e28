package join

import (
	"cmp"
	"fmt"
	"net"
	"path"
	"regexp"
	"slices"
	"strings"

	"github.com/karpenter-kubeadm/karpenter-provider-aws/pkg/cluster"
)

// Reasons of warnings.
const (
	ReasonTokenTraced  = "TokenTraced"
	ReasonPortDiffers  = "EndpointPortDiffers"
	ReasonNeverJoins   = "NeverJoins"
	ReasonKubeadmOlder = "KubeadmTooOld"
)

// Warning is something in a user's script that is likely a mistake. It keeps nothing from
// being launched: nobody can tell from the text alone.
type Warning struct {
	Reason  string // one of the constants
	Message string // field, what was found, what to do; never a secret
}

// Review returns what is likely wrong with the script of spec, which Render takes.
func Review(spec Spec) []Warning {
	if spec.Cluster.Mode != cluster.Kubeadm {
		return nil
	}
	parts, err := parseParts(spec.UserData)
	if err != nil {
		return nil // Render says so
	}
	kubeadm := olderKubeadm(installs(parts), spec.Cluster.Version)
	if parts, err = fillParts(parts, spec); err != nil {
		return nil
	}
	var all []command
	for _, p := range parts {
		all = append(all, p.commands()...)
	}
	var warnings []Warning
	for reason, message := range map[string]string{
		ReasonTokenTraced:  traced(all),
		ReasonPortDiffers:  otherPort(all, spec.Cluster.Endpoint),
		ReasonNeverJoins:   neverJoins(spec.Family, parts),
		ReasonKubeadmOlder: kubeadm,
	} {
		if message != "" {
			warnings = append(warnings, Warning{Reason: reason, Message: "spec.userData " + message})
		}
	}
	slices.SortFunc(warnings, func(a, b Warning) int { return cmp.Compare(a.Reason, b.Reason) })
	return warnings
}

// tokenIn matches a bootstrap token.
var tokenIn = regexp.MustCompile(`(?:^|[^a-z0-9])[a-z0-9]{6}\.[a-z0-9]{16}(?:$|[^a-z0-9])`)

// bearsToken reports whether a bootstrap token is among what the shell would print of c.
func (c command) bearsToken() bool {
	flags := []string{"--token", "--tls-bootstrap-token", "--discovery-token"}
	given := func(w string) bool { name, _, _ := strings.Cut(w, "="); return slices.Contains(flags, name) }
	return slices.ContainsFunc(append(slices.Clone(c.words), c.values...), tokenIn.MatchString) ||
		c.joins() && slices.ContainsFunc(c.words, given)
}

func traced(all []command) string {
	if !slices.ContainsFunc(all, func(c command) bool { return c.traced && c.bearsToken() }) {
		return ""
	}
	return "has the shell print its commands (set -x) where they hold the bootstrap token, which whoever may read the instance's " +
		"console output or log then reads; leave out the x, or write set +x before the token's first use"
}

// serverIn matches where a configuration of kubeadm's or a kubeconfig names the API server.
var serverIn = regexp.MustCompile(`(?m)(?:apiServerEndpoint:|server:)\s*["']?(?:https://)?([^\s"'/]+)`)

// otherPort compares ports only where the host is the cluster's: another host is another way in.
func otherPort(all []command, endpoint string) string {
	want, wantPort, err := net.SplitHostPort(endpoint)
	if err != nil {
		return ""
	}
	for _, c := range all {
		var named []string
		if c.joins() {
			named = c.words
		}
		for _, match := range serverIn.FindAllStringSubmatch(c.input, -1) {
			named = append(named, match[1])
		}
		for _, name := range named {
			if host, port, err := net.SplitHostPort(name); err == nil && host == want && port != wantPort {
				return fmt.Sprintf("joins at %s, and the cluster's endpoint is %s; write ${CLUSTER_ENDPOINT}:%s", name, endpoint, wantPort)
			}
		}
	}
	return ""
}

// joiners are programs of other distributions that make a machine a node.
var joiners = []string{"k3s", "k0s", "rke2", "nodeadm", "bootstrap.sh"}

// neverJoins is for the family of which nothing but the user's script joins. Of what is no
// shell and no cloud-config nobody can tell.
func neverJoins(family Family, parts []part) string {
	if family != Custom || slices.ContainsFunc(parts, func(p part) bool { return !p.readable() || p.mayJoin() }) {
		return ""
	}
	return "runs no kubeadm join, and with spec.amiFamily Custom nothing else joins the node to the cluster; run " +
		"kubeadm join ${CLUSTER_ENDPOINT}:6443 --token ${BOOTSTRAP_TOKEN} --discovery-token-ca-cert-hash sha256:${CA_CERT_HASH}, " +
		"or use a family that Karpenter joins; where the image joins by itself all is well"
}

// readable reports whether what the part runs can be told from its text.
func (p part) readable() bool {
	switch p.mediaType() {
	case typeCloudConfig:
		return true
	case typeShell:
		line, _, _ := strings.Cut(p.body, "\n")
		interpreter := strings.Fields(strings.TrimPrefix(line, "#!"))
		return strings.HasPrefix(line, "#!") && len(p.commands()) > 0 &&
			slices.ContainsFunc(interpreter, func(w string) bool { return slices.Contains(shells, path.Base(w)) })
	default:
		return false
	}
}

func (p part) mayJoin() bool {
	return slices.ContainsFunc(p.commands(), func(c command) bool {
		return c.joins() || slices.ContainsFunc(c.words, func(w string) bool {
			return slices.ContainsFunc(joiners, func(j string) bool { return path.Base(w) == j || strings.HasPrefix(path.Base(w), "get."+j) })
		})
	})
}

// olderKubeadm warns of a kubeadm that cannot read what a newer one has written: from 1.31 on
// the cluster's kubeadm-config is of an API version that no older one knows.
func olderKubeadm(what installed, api cluster.Version) string {
	v := what.kubeadm.version
	if v.IsZero() || what.olderThan(api) || v.AtLeast(1, 31) || !api.AtLeast(1, 31) {
		return ""
	}
	return fmt.Sprintf("installs kubeadm %s (%q), which cannot read the configuration of a cluster of Kubernetes %s; install kubeadm %s, "+
		"which takes the kubelet that you have", v.MinorString(), what.kubeadm.text, api.MinorString(), api.MinorString())
}
