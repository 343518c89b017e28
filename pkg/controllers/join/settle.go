package join

import (
	"fmt"
	"slices"

	corev1 "k8s.io/api/core/v1"
)

// uninitialized is the taint with which a kubelet registers that expects a cloud controller manager.
const uninitialized = "node.cloudprovider.kubernetes.io/uninitialized"

// unusable tells what the node of a registered claim lacks, as far as somebody can mend it:
// startup taints are their owners' affair, and Karpenter names them.
func unusable(f facts) (step, bool) {
	if len(f.nodes) == 0 {
		return step{}, false // Karpenter deletes the claim
	}
	node := f.nodes[0]
	if slices.ContainsFunc(node.Spec.Taints, func(t corev1.Taint) bool { return t.Key == uninitialized }) {
		return missing("CloudControllerManagerMissing", "node %s waits for the cloud controller manager, which takes the taint %s away: "+
			"none runs, or it does not find %s; on a cluster that has none, set CLOUD_PROVIDER=none%s",
			node.Name, uninitialized, f.claim.Status.ProviderID, deniedServing(f)), true
	}
	for _, condition := range node.Status.Conditions {
		if condition.Type == corev1.NodeReady && condition.Status != corev1.ConditionTrue {
			return missing("NodeNotReady", "node %s is not ready: %s: a network plugin (CNI) that is missing or has not started yet is the usual cause%s",
				node.Name, condition.Message, deniedServing(f)), true
		}
	}
	return step{}, false
}

// deniedServing tells of the newest request for a serving certificate if that was denied:
// without one, logs and exec do not work on the node.
func deniedServing(f facts) string {
	var newest request
	for _, r := range f.requests {
		if r.serving && !r.created.Before(newest.created) {
			newest = r
		}
	}
	if !newest.denied {
		return ""
	}
	return fmt.Sprintf("; the request %s for its serving certificate was denied: %s", newest.name, newest.message)
}
