package csr

import (
	"time"

	certificatesv1 "k8s.io/api/certificates/v1"
	corev1 "k8s.io/api/core/v1"
	karpv1 "sigs.k8s.io/karpenter/pkg/apis/v1"

	"github.com/karpenter-kubeadm/karpenter-provider-aws/pkg/instance"
	"github.com/karpenter-kubeadm/karpenter-provider-aws/pkg/providers/token"
)

const (
	// registrationWindow is how long Karpenter waits for a node after its launch.
	registrationWindow = 15 * time.Minute
	// launchWindow is how long Karpenter waits for a launch.
	launchWindow = 5 * time.Minute
	// skew is how far the clocks of API server, EC2 and this controller may differ.
	skew = time.Minute
	// settle is how long a request that fits no claim is held before it is denied: a claim is
	// written before its instance boots, and our view of claims is behind by less than this.
	settle = 30 * time.Second
)

// clientFacts are what is known about a request for a client certificate.
type clientFacts struct {
	request request
	now     time.Time
	epoch   token.Epoch
	fetched bool // the node fetched its token, and was not launched with it
	// claim is the NodeClaim whose node the request names, nil when there is none.
	claim    *karpv1.NodeClaim
	instance instance.Instance // claim's; zero while EC2 does not show it
	// unknown counts claims that wait for a node and whose instance's name is not known yet.
	unknown int
	node    *corev1.Node // that has the name already, nil when there is none
	// nodeInstance is the instance of that node, zero when EC2 does not show it.
	nodeInstance instance.Instance
	// newer names a request that the same kubelet has made since, empty when there is none.
	newer string
}

// clientRules are asked in this order.
var clientRules = []func(clientFacts) verdict{
	kubeletsClientRequest, ofAClaim, liveClaim, unregisteredClaim, insideWindow, runningInstance, withItsOwnToken, withItsToken, latestRequest, firstCertificate, freeName,
}

func kubeletsClientRequest(f clientFacts) verdict {
	if !f.request.forNode() || !f.request.uses(certificatesv1.UsageClientAuth) || f.request.otherSANs || len(f.request.DNS)+len(f.request.IPs) > 0 {
		return denyFor("NotOfAKubelet", "subject %q, organisations %v and usages %v are not those of a kubelet's client certificate",
			f.request.Subject, f.request.Orgs, f.request.Usages)
	}
	return next
}

func ofAClaim(f clientFacts) verdict {
	switch {
	case f.claim != nil:
		return next
	case f.unknown > 0:
		return holdFor("InstanceUnknown", "%d NodeClaims wait for an instance that EC2 does not show yet; one of them may be node %s", f.unknown, f.request.node())
	case f.now.Sub(f.request.Created) < settle:
		return holdFor("NoNodeClaim", "no NodeClaim has an instance with node name %s yet", f.request.node())
	default:
		return denyFor("NoNodeClaim", "no NodeClaim has an instance with node name %s", f.request.node())
	}
}

func liveClaim(f clientFacts) verdict {
	if !f.claim.DeletionTimestamp.IsZero() {
		return denyFor("NodeClaimDeleting", "NodeClaim %s is being deleted", f.claim.Name)
	}
	return next
}

func unregisteredClaim(f clientFacts) verdict {
	if f.claim.StatusConditions().IsTrue(karpv1.ConditionTypeRegistered) {
		return denyFor("AlreadyRegistered", "the node of NodeClaim %s has registered; it renews its certificate with the one it has", f.claim.Name)
	}
	return next
}

func insideWindow(f clientFacts) verdict {
	created := f.claim.CreationTimestamp.Time
	end := created.Add(launchWindow + registrationWindow)
	if launched := f.claim.StatusConditions().Get(karpv1.ConditionTypeLaunched); launched.IsTrue() {
		end = launched.LastTransitionTime.Add(registrationWindow)
	}
	if f.request.Created.Before(created.Add(-skew)) || f.request.Created.After(end.Add(skew)) {
		return denyFor("OutsideWindow", "it was made at %s, and the node of NodeClaim %s may ask from %s to %s",
			f.request.Created.UTC().Format(time.RFC3339), f.claim.Name, created.UTC().Format(time.RFC3339), end.UTC().Format(time.RFC3339))
	}
	return next
}

func runningInstance(f clientFacts) verdict { return shownAndNotGone(f.instance, f.claim) }

// shownAndNotGone asks of either kind of certificate whether there is a machine to have it.
func shownAndNotGone(i instance.Instance, claim *karpv1.NodeClaim) verdict {
	switch {
	case i.ID == "":
		return holdFor("InstanceUnknown", "EC2 does not show the instance of NodeClaim %s yet", claim.Name)
	case i.State.Gone():
		return denyFor("InstanceGone", "instance %s of NodeClaim %s is %s", i.ID, claim.Name, i.State)
	default:
		return next
	}
}

// withItsOwnToken asks, where each instance has a token of its own, whether it is this one's:
// then a request shows which machine makes it, and no other can have its name.
func withItsOwnToken(f clientFacts) verdict {
	switch {
	case f.epoch.Instance != "" && f.epoch.Instance != f.instance.ID:
		return denyFor("TokenOfAnother", "bootstrap token %s is that of instance %s, and the node of NodeClaim %s is instance %s",
			f.epoch.ID, f.epoch.Instance, f.claim.Name, f.instance.ID)
	case f.epoch.Instance == "" && hasOwnToken(f.claim):
		return denyFor("TokenOfAnother", "bootstrap token %s is shared, and instance %s of NodeClaim %s joins with one of its own",
			f.epoch.ID, f.instance.ID, f.claim.Name)
	default:
		return next
	}
}

// withItsToken compares a token that many share with the one that was current when the instance was
// launched, or with those that it can have fetched since.
func withItsToken(f clientFacts) verdict {
	if f.epoch.Instance != "" {
		return next
	}
	launched := f.instance.Launched
	if condition := f.claim.StatusConditions().Get(karpv1.ConditionTypeLaunched); launched.IsZero() && condition.IsTrue() {
		launched = condition.LastTransitionTime.Time
	}
	if f.fetched && f.epoch.Fetched(launched, f.request.Created, skew) {
		return next
	}
	if f.fetched || !f.epoch.Launched(launched, skew) {
		return denyFor("OtherToken", "bootstrap token %s is not the one that instance %s was launched with", f.epoch.ID, f.instance.ID)
	}
	return next
}

// latestRequest looks for a later request: a kubelet that has waited for five minutes starts
// again with a new key, and would have no use for a certificate of the old one.
func latestRequest(f clientFacts) verdict {
	if f.newer != "" && f.claim.Annotations[AnnotationApproved] == "" {
		return holdFor("Superseded", "the kubelet of node %s has asked again since, by %s", f.request.node(), f.newer)
	}
	return next
}

func firstCertificate(f clientFacts) verdict {
	if approved := f.claim.Annotations[AnnotationApproved]; approved != "" && approved != f.request.UID {
		return denyFor("AlreadyApproved", "the node of NodeClaim %s has been given a certificate by another request", f.claim.Name)
	}
	return next
}

// freeName looks at a node that has the name already: addresses are reused, so it may be of
// an instance that is gone, and whoever joins now would become that node.
func freeName(f clientFacts) verdict {
	switch {
	case f.node == nil || f.node.Spec.ProviderID == f.claim.Status.ProviderID:
		return next
	case f.node.DeletionTimestamp.IsZero() && f.nodeInstance.ID != "" && !f.nodeInstance.State.Gone():
		return denyFor("NameTaken", "node %s is that of instance %s, which is %s", f.node.Name, f.nodeInstance.ID, f.nodeInstance.State)
	default:
		return holdFor("NameInUse", "node %s of an instance that is gone (%q) has not been deleted yet", f.node.Name, f.node.Spec.ProviderID)
	}
}
