package join

import (
	"errors"
	"fmt"
	"net"
	"strings"

	"github.com/karpenter-kubeadm/karpenter-provider-aws/pkg/join"
	"github.com/karpenter-kubeadm/karpenter-provider-aws/pkg/providers/clusterinfo"
)

// unasked tells why a running instance may not have asked for a certificate: first what is
// wrong from here too, which one setting corrects for all, then what the machine says.
func unasked(f facts) step {
	var unreachable *clusterinfo.UnreachableError
	var untrusted *clusterinfo.UntrustedError
	switch {
	case errors.As(f.probe, &unreachable):
		return missing("EndpointUnreachable", "instance %s is told to join at https://%s, where the API server does not answer this controller either (%s): "+
			"correct controlPlaneEndpoint in kube-public/cluster-info, or CLUSTER_ENDPOINT%s", f.instance.ID, unreachable.Endpoint, cause(unreachable.Err), said(f))
	case errors.As(f.probe, &untrusted):
		return missing("CAMismatch", "instance %s is told to trust a CA that did not sign the certificate of https://%s (%s): "+
			"correct the CA in kube-public/cluster-info, or CLUSTER_CA_BUNDLE%s", f.instance.ID, untrusted.Endpoint, cause(untrusted.Err), said(f))
	}
	if failure, ok := join.FirstFailure(f.progress); ok {
		return failed(f, failure)
	}
	return missing("NoCertificateRequest", "instance %s runs and has not asked for a certificate: its user data is still at work or has failed, "+
		"or it cannot reach https://%s: look at its security group and route%s", f.instance.ID, f.endpoint, said(f))
}

// cause is what err says apart from the ports and addresses of one attempt, so that the
// same trouble is told in the same words.
func cause(err error) string {
	var op *net.OpError
	if errors.As(err, &op) {
		return op.Op + ": " + op.Err.Error()
	}
	return err.Error()
}

// remedy is what a phase of our scripts that failed is called, and what helps.
type remedy struct{ phase, reason, help string }

var remedies = []remedy{
	{"identity", "MetadataUnavailable", "the instance metadata service does not answer it: spec.metadataOptions of its class has to leave httpEndpoint enabled"},
	{"packages", "PackagesMissing", "containerd, kubelet and kubeadm cannot be installed: it needs a route to the package repository, a mirror, or an image that has them"},
	{"version", "KubeletTooNew", "the kubelet of its image is newer than the API server: choose an image of the cluster's minor version"},
	{"runtime", "ContainerRuntimeFailed", "containerd does not start: look at its journal on the instance"},
	{"token", "TokenNotFetched", "it cannot read its token from Systems Manager: the role of its instance profile needs charts/karpenter/iam/node-token-policy.json, " +
		"and its subnet a route or an endpoint to Systems Manager"},
	{"credentials", "TokenRefused", "the API server does not take the bootstrap token that it has: the token's Secret was deleted, edited or has expired; " +
		"the controller makes it again within half a minute, while it may create Secrets in kube-system"},
	{"join", "JoinFailed", "kubeadm join did not succeed"},
}

// failed tells of the phase in which the machine says that it failed.
func failed(f facts, failure join.Failure) step {
	if failure.Phase == "reach" {
		return cannotReach(f, failure.Detail)
	}
	for _, known := range remedies {
		if known.phase == failure.Phase {
			return missing(known.reason, "instance %s has not asked for a certificate: %s%s", f.instance.ID, known.help, said(f))
		}
	}
	return missing("UserDataFailed", "instance %s has not asked for a certificate: its script failed in phase %s%s", f.instance.ID, failure.Phase, said(f))
}

// cannotReach tells apart what keeps a machine from the API server, which answers here. The
// detail begins with the status of curl, which its manual lists.
func cannotReach(f facts, detail string) step {
	exit, _, _ := strings.Cut(detail, " ")
	untrusted := exit == "exit=60" || exit == "exit=51"
	switch {
	case untrusted && (strings.Contains(detail, "not yet valid") || strings.Contains(detail, "has expired")):
		return missing("ClockWrong", "by the clock of instance %s the certificate of https://%s is not valid, and by that of this controller it is: "+
			"have its image keep the time, for example by chrony from 169.254.169.123%s", f.instance.ID, f.endpoint, said(f))
	case untrusted:
		return missing("CAMismatch", "who answers instance %s at https://%s does not prove himself by the cluster's CA, as he does to this controller: "+
			"something in between ends TLS, or the name leads elsewhere%s", f.instance.ID, f.endpoint, said(f))
	case exit == "exit=6":
		return missing("EndpointUnreachable", "instance %s cannot resolve the name in https://%s: look at the DNS of its VPC%s", f.instance.ID, f.endpoint, said(f))
	default:
		return missing("EndpointUnreachable", "instance %s cannot connect to https://%s, where the API server answers this controller: "+
			"look at its security group and the API server's, network ACLs and routes%s", f.instance.ID, f.endpoint, said(f))
	}
}

// said is what the machine itself says, or how to have it say something.
func said(f facts) string {
	if len(f.progress) > 0 {
		return "; its console says: " + strings.Join(f.progress, " | ")
	}
	return fmt.Sprintf("; `aws ec2 get-console-output --latest --instance-id %s` shows how far it got", f.instance.ID)
}
