package v1_test

import (
	"testing"

	. "github.com/onsi/gomega"

	v1 "github.com/karpenter-kubeadm/karpenter-provider-aws/pkg/apis/v1"
)

func TestValidateKubelet(t *testing.T) {
	for name, tc := range map[string]struct {
		kubelet string
		want    []string // substrings, one for each fault
	}{
		"nothing is well": {kubelet: `{}`},
		"everything that sizes a node is well": {kubelet: `{"maxPods": 20, "podsPerCore": 10, "clusterDNS": ["10.96.0.10"], "cpuCFSQuota": false,
			"kubeReserved": {"cpu": "100m", "memory": "1Gi", "ephemeral-storage": "1Gi", "pid": "100"}, "systemReserved": {"cpu": "1"},
			"evictionHard": {"memory.available": "5%", "nodefs.available": "1Gi", "nodefs.inodesFree": "0.5%"},
			"evictionSoft": {"memory.available": "10%"}, "evictionSoftGracePeriod": {"memory.available": "1m30s"}, "evictionMaxPodGracePeriod": 30,
			"evictionMinimumReclaim": {"imagefs.available": "0"},
			"imageGCHighThresholdPercent": 80, "imageGCLowThresholdPercent": 60}`},
		"fields that Karpenter does not read are the kubelet's": {kubelet: `{"featureGates": {"X": true}, "topologyManagerPolicy": "best-effort"}`},

		"a field that no kubelet has":      {`{"maxPodz": 20}`, []string{`spec.kubelet.maxPodz: unknown field "maxPodz" in kubelet.config.k8s.io/v1beta1`}},
		"names mind their case":            {`{"maxpods": 20}`, []string{`unknown field "maxpods"`}},
		"an inner field that none has":     {`{"authentication": {"webhook": {"on": true}}}`, []string{`unknown field "authentication.webhook.on"`}},
		"one fault does not hide another":  {`{"podsPerCore": "many", "maxPodz": 20}`, []string{`spec.kubelet.maxPodz`, `spec.kubelet.podsPerCore: json: cannot unmarshal string`}},
		"maxPods as an expression":         {`{"maxPods": "vcpus * 10"}`, []string{`spec.kubelet.maxPods: expressions are not supported, got "vcpus * 10"; set a whole number`}},
		"maxPods as a truth":               {`{"maxPods": true}`, []string{`spec.kubelet.maxPods: json: cannot unmarshal bool`}},
		"fewer pods than none":             {`{"maxPods": -1}`, []string{`spec.kubelet.maxPods: -1 must not be negative`}},
		"fewer pods per core than none":    {`{"podsPerCore": -1}`, []string{`spec.kubelet.podsPerCore: -1 must not be negative`}},
		"less grace than none":             {`{"evictionMaxPodGracePeriod": -1}`, []string{`evictionMaxPodGracePeriod: -1 must not be negative`}},
		"more than a whole":                {`{"imageGCHighThresholdPercent": 101}`, []string{`101 is no percentage; it must be 0 to 100`}},
		"less than nothing":                {`{"imageGCLowThresholdPercent": -1}`, []string{`-1 is no percentage`}},
		"thresholds that never collect":    {`{"imageGCHighThresholdPercent": 50, "imageGCLowThresholdPercent": 50}`, []string{`50 must be above imageGCLowThresholdPercent, which is 50`}},
		"taints are the NodePool's":        {`{"registerWithTaints": []}`, []string{`registerWithTaints: is set by Karpenter; set taints and startupTaints in the NodePool`}},
		"the provider id is the node's":    {`{"providerID": "x"}`, []string{`providerID: is set by Karpenter`}},
		"a signal that nothing watches":    {`{"evictionHard": {"memory.free": "5%"}}`, []string{`evictionHard[memory.free]: is no eviction signal; known are memory.available`}},
		"a threshold of more than all":     {`{"evictionHard": {"memory.available": "101%"}}`, []string{`evictionHard[memory.available]: "101%" must be a percentage`}},
		"a threshold below zero":           {`{"evictionMinimumReclaim": {"memory.available": "-1Gi"}}`, []string{`"-1Gi" must be a percentage such as 5% or a quantity`}},
		"a threshold of nothing":           {`{"evictionHard": {"memory.available": "0Gi"}}`, []string{`evictionHard[memory.available]: "0Gi" must be above zero, or the kubelet does not start; 0% is no threshold`}},
		"a soft threshold of nothing":      {`{"evictionSoft": {"pid.available": "0"}, "evictionSoftGracePeriod": {"pid.available": "1m"}}`, []string{`evictionSoft[pid.available]: "0" must be above zero`}},
		"reclaiming a share of nothing":    {`{"evictionMinimumReclaim": {"memory.available": "0%"}}`, []string{`evictionMinimumReclaim[memory.available]: "0%" must be above zero`}},
		"no threshold, said aloud":         {`{"evictionHard": {"memory.available": "0%", "nodefs.available": "100%"}}`, nil},
		"a share that is no number":        {`{"evictionHard": {"memory.available": "NaN%"}}`, []string{`"NaN%" must be a percentage`}},
		"a threshold that is no amount":    {`{"evictionHard": {"memory.available": "some"}}`, []string{`"some" must be a percentage`}},
		"a soft threshold without grace":   {`{"evictionSoft": {"memory.available": "5%"}}`, []string{`evictionSoft[memory.available]: needs a value for memory.available in evictionSoftGracePeriod`}},
		"grace for nothing":                {`{"evictionSoftGracePeriod": {"pid.available": "1m"}}`, []string{`evictionSoftGracePeriod[pid.available]: needs a value for pid.available in evictionSoft`}},
		"grace that is no duration":        {`{"evictionSoft": {"pid.available": "5%"}, "evictionSoftGracePeriod": {"pid.available": "5x"}}`, []string{`"5x" must be a duration such as 90s`}},
		"reserving what cannot be":         {`{"kubeReserved": {"gpu": "1"}}`, []string{`kubeReserved[gpu]: cannot be reserved; cpu, memory, ephemeral-storage, pid can`}},
		"reserving less than nothing":      {`{"systemReserved": {"cpu": "-1"}}`, []string{`systemReserved[cpu]: "-1" must not be negative`}},
		"reserving by an expression":       {`{"kubeReserved": {"cpu": "vcpus * 30"}}`, []string{`kubeReserved[cpu]: "vcpus * 30" must be a quantity such as 100m or 256Mi; expressions are not supported`}},
		"reserving something of this kind": {`{"kubeReserved": {"cpu": 1}}`, []string{`spec.kubelet.kubeReserved: json: cannot unmarshal number`}},
	} {
		t.Run(name, func(t *testing.T) {
			g := NewWithT(t)
			errs := v1.ValidateKubelet(kubelet(tc.kubelet))
			g.Expect(errs).To(HaveLen(len(tc.want)))
			for i, want := range tc.want {
				g.Expect(errs[i]).To(MatchError(ContainSubstring(want)))
			}
		})
	}
}

func TestExpressionsAreToldApart(t *testing.T) {
	g := NewWithT(t)
	for _, expression := range []string{`{"maxPods": "max_pods / 2"}`, `{"systemReserved": {"memory": "memory_mib * 0.1"}}`} {
		errs := v1.ValidateKubelet(kubelet(expression))
		g.Expect(errs).To(HaveLen(1))
		g.Expect(errs[0].Expression).To(BeTrue(), expression)
	}
	errs := v1.ValidateKubelet(kubelet(`{"maxPods": -1}`))
	g.Expect(errs).To(HaveLen(1))
	g.Expect(errs[0].Expression).To(BeFalse())
}
