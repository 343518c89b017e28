package csr

import (
	"net/netip"
	"slices"
	"strings"

	certificatesv1 "k8s.io/api/certificates/v1"
	karpv1 "sigs.k8s.io/karpenter/pkg/apis/v1"

	"github.com/karpenter-kubeadm/karpenter-provider-aws/pkg/instance"
)

// servingFacts are what is known about a request for a serving certificate by a node of
// one of our NodeClaims.
type servingFacts struct {
	request  request
	claim    *karpv1.NodeClaim
	instance instance.Instance // claim's; zero while EC2 does not show it
	region   string
}

// servingRules are asked in this order.
var servingRules = []func(servingFacts) verdict{kubeletsServingRequest, servingInstance, itsOwnNode, itsOwnNames}

func kubeletsServingRequest(f servingFacts) verdict {
	ownName := f.request.forNode() && f.request.Subject == f.request.Username && slices.Contains(f.request.Groups, nodesGroup)
	if !ownName || !f.request.uses(certificatesv1.UsageServerAuth) || f.request.otherSANs {
		return denyFor("NotOfAKubelet", "subject %q, organisations %v and usages %v are not those of a serving certificate of %s",
			f.request.Subject, f.request.Orgs, f.request.Usages, f.request.Username)
	}
	return next
}

func servingInstance(f servingFacts) verdict { return shownAndNotGone(f.instance, f.claim) }

// itsOwnNode looks at whose node asks. A kubelet writes its node's provider id itself, so a
// machine that claims to be another's instance would get a certificate for that one's addresses.
func itsOwnNode(f servingFacts) verdict {
	if !slices.Contains(f.instance.NodeNames(f.region), f.request.node()) {
		return holdFor("ForeignNode", "node %s says that it is instance %s, whose node is called %v", f.request.node(), f.instance.ID, f.instance.NodeNames(f.region))
	}
	return next
}

// itsOwnNames compares with what EC2 says, not with what the node says of itself. Where a
// cloud controller manager has given the Node its public address and name, the kubelet asks
// for these too.
func itsOwnNames(f servingFacts) verdict {
	names := f.instance.NodeNames(f.region)
	if f.instance.PublicName != "" {
		names = append(names, strings.ToLower(f.instance.PublicName))
	}
	addresses := append(f.instance.Addresses(), f.instance.PublicIPs...)
	foreign := slices.DeleteFunc(slices.Clone(f.request.DNS), func(name string) bool {
		return name == f.request.node() || slices.Contains(names, strings.ToLower(name))
	})
	for _, ip := range slices.DeleteFunc(slices.Clone(f.request.IPs), func(ip netip.Addr) bool { return slices.Contains(addresses, ip) }) {
		foreign = append(foreign, ip.String())
	}
	if len(foreign) > 0 {
		return denyFor("ForeignNames", "EC2 does not give %v to instance %s", foreign, f.instance.ID)
	}
	if len(f.request.DNS)+len(f.request.IPs) == 0 {
		return denyFor("ForeignNames", "it names neither a host name nor an address")
	}
	return next
}
