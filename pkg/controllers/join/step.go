package join

import (
	"fmt"
	"slices"
	"time"

	"github.com/awslabs/operatorpkg/status"
	corev1 "k8s.io/api/core/v1"
	karpv1 "sigs.k8s.io/karpenter/pkg/apis/v1"

	"github.com/karpenter-kubeadm/karpenter-provider-aws/pkg/instance"
)

// visibleWithin is how long after its launch an instance may be missing from what EC2 shows.
// EC2 documents no bound; seconds are usual, and a minute was never seen. What is missing
// after it has ended and been forgotten, or never was.
const visibleWithin = time.Minute

// request is what became of a request for a certificate of the node.
type request struct {
	name     string
	serving  bool // in place of the first one of a client
	created  time.Time
	approved bool
	denied   bool
	issued   bool
	message  string // of the verdict, or why it is held
}

// facts are what is known about a node that has not registered.
type facts struct {
	now      time.Time
	claim    *karpv1.NodeClaim
	launched time.Time
	instance instance.Instance // zero when EC2 does not show it
	requests []request         // for the node's name, since the claim was made
	nodes    []corev1.Node     // with one of the instance's names
	endpoint string            // of the API server, for people
	probe    error             // why nodes cannot use that endpoint, as far as we see
	progress []string          // what the console says of the join, newest last
}

// step is what a node lacks. Its reason is one word of a closed set; the message is for
// people and names what to look at.
type step struct {
	reason  string
	message string
	dead    bool // the instance has ended: nothing will come of the claim
}

func missing(reason, format string, args ...any) step {
	return step{reason: reason, message: fmt.Sprintf(format, args...)}
}

// firstMissing returns the first step that has not happened, in the order in which a node joins.
func firstMissing(f facts) step {
	for _, look := range []func(facts) (step, bool){instanceRuns, nodeIsThere, certificate} {
		if s, found := look(f); found {
			return s
		}
	}
	return missing("NodeMissing", "instance %s has its certificate, but no node has registered: the kubelet does not run, or cannot reach https://%s%s",
		f.instance.ID, f.endpoint, said(f))
}

func instanceRuns(f facts) (step, bool) {
	switch {
	case f.instance.ID == "" && f.now.Sub(f.launched) >= visibleWithin:
		s := missing("InstanceGone", "EC2 shows no instance %s any more", f.claim.Status.ProviderID)
		s.dead = true
		return s, true
	case f.instance.ID == "":
		return missing("InstanceUnknown", "EC2 does not show instance %s yet", f.claim.Status.ProviderID), true
	case f.instance.State.Gone():
		s := missing("InstanceGone", "instance %s is %s", f.instance.ID, f.instance.State)
		s.dead = true
		return s, true
	case f.instance.State != instance.StateRunning:
		return missing("InstanceNotRunning", "instance %s is %s", f.instance.ID, f.instance.State), true
	default:
		return step{}, false
	}
}

// nodeIsThere tells of nodes that Karpenter does not, or not yet, take for the claim's.
func nodeIsThere(f facts) (step, bool) {
	for _, node := range f.nodes {
		if node.Spec.ProviderID == f.claim.Status.ProviderID {
			return registered(f, node), true
		}
	}
	for _, node := range f.nodes {
		switch {
		case node.CreationTimestamp.Time.Before(f.claim.CreationTimestamp.Time):
			return missing("NameInUse", "node %s of an earlier instance (%q) has not been deleted yet", node.Name, node.Spec.ProviderID), true
		case node.Spec.ProviderID == "":
			return missing("ProviderIDMissing", "node %s has no provider id: its kubelet has to be started with --provider-id=%s",
				node.Name, f.claim.Status.ProviderID), true
		default:
			return missing("ProviderIDWrong", "node %s has provider id %q, which should be %q", node.Name, node.Spec.ProviderID, f.claim.Status.ProviderID), true
		}
	}
	return step{}, false
}

func registered(f facts, node corev1.Node) step {
	untainted := !slices.ContainsFunc(node.Spec.Taints, func(t corev1.Taint) bool { return t.MatchTaint(&karpv1.UnregisteredNoExecuteTaint) })
	if untainted && node.Labels[karpv1.NodeRegisteredLabelKey] != "true" {
		return missing("TaintMissing", "node %s came without taint %s: pods may run on it before Karpenter has set it up",
			node.Name, karpv1.UnregisteredTaintKey)
	}
	why := deniedServing(f)
	if condition := f.claim.StatusConditions(status.WithObservedOnly()).Get(karpv1.ConditionTypeRegistered); condition != nil {
		why = condition.Message + why
	}
	return missing("NotRegistered", "node %s is there and Karpenter has not registered it yet: %s", node.Name, why)
}

// certificate tells how far the newest request for the node's certificate got.
func certificate(f facts) (step, bool) {
	asked := slices.DeleteFunc(slices.Clone(f.requests), func(r request) bool { return r.serving })
	if len(asked) == 0 {
		return unasked(f), true
	}
	newest := slices.MaxFunc(asked, func(a, b request) int { return a.created.Compare(b.created) })
	switch {
	case newest.issued:
		return step{}, false
	case newest.denied:
		return missing("CertificateDenied", "certificate request %s was denied: %s", newest.name, newest.message), true
	case newest.approved:
		return missing("CertificateNotIssued", "certificate request %s is approved, and kube-controller-manager has not issued the certificate", newest.name), true
	case newest.message != "":
		return missing("CertificateHeld", "certificate request %s is held: %s", newest.name, newest.message), true
	default:
		return missing("CertificateNotApproved", "certificate request %s has not been approved", newest.name), true
	}
}
