package join

import (
	"fmt"
	"slices"
	"strings"

	corev1 "k8s.io/api/core/v1"
	kubeletapis "k8s.io/kubelet/pkg/apis"
	karpv1 "sigs.k8s.io/karpenter/pkg/apis/v1"
)

// perMachine are the labels that differ between machines of one launch template. The
// machine finds them out itself where nobody else does.
var perMachine = []string{
	corev1.LabelHostname,
	corev1.LabelTopologyZone,
	corev1.LabelTopologyRegion,
	corev1.LabelInstanceTypeStable,
}

// nodeLabels returns labels as kubelet's --node-labels takes them, sorted, without those
// that kubelet or the NodeRestriction admission plugin would refuse: kubelet does not start
// with such a label, and Karpenter copies them from the NodeClaim once the node is registered.
func nodeLabels(labels map[string]string) []string {
	pairs := []string{
		// Kubelet registers with all taints, so Karpenter need not add them again: a startup
		// taint that its owner has removed by then would come back.
		karpv1.NodeDoNotSyncTaintsLabelKey + "=true",
	}
	for key, value := range labels {
		if key != karpv1.NodeDoNotSyncTaintsLabelKey && !slices.Contains(perMachine, key) && kubeletMaySet(key) {
			pairs = append(pairs, key+"="+value)
		}
	}
	slices.Sort(pairs)
	return pairs
}

// kubeletMaySet mirrors kubelet's own check of --node-labels: names in Kubernetes' domains
// are refused but for a list of them.
func kubeletMaySet(key string) bool {
	domain, _, qualified := strings.Cut(key, "/")
	if !qualified || !within(domain, "kubernetes.io") && !within(domain, "k8s.io") {
		return true
	}
	return kubeletapis.IsKubeletLabel(key)
}

func within(domain, parent string) bool {
	return domain == parent || strings.HasSuffix(domain, "."+parent)
}

// registrationTaints returns taints with karpenter.sh/unregistered:NoExecute among them
// and none twice, in the order given: a node without it takes pods before Karpenter knows it.
func registrationTaints(taints []corev1.Taint) []corev1.Taint {
	var merged []corev1.Taint
	for _, taint := range append(slices.Clone(taints), karpv1.UnregisteredNoExecuteTaint) {
		if !slices.ContainsFunc(merged, func(t corev1.Taint) bool { return t.MatchTaint(&taint) }) {
			merged = append(merged, corev1.Taint{Key: taint.Key, Value: taint.Value, Effect: taint.Effect})
		}
	}
	return merged
}

// taintFlag is taints as kubelet's --register-with-taints takes them.
func taintFlag(taints []corev1.Taint) string {
	texts := make([]string, 0, len(taints))
	for _, t := range taints {
		texts = append(texts, fmt.Sprintf("%s=%s:%s", t.Key, t.Value, t.Effect))
	}
	return strings.Join(texts, ",")
}
