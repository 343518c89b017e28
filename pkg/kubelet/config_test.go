package kubelet_test

import (
	"encoding/json"
	"testing"

	. "github.com/onsi/gomega"
	"github.com/onsi/gomega/types"
	apiextensionsv1 "k8s.io/apiextensions-apiserver/pkg/apis/apiextensions/v1"

	"github.com/karpenter-kubeadm/karpenter-provider-aws/pkg/kubelet"
)

// stock is the kubelet-config of a kubeadm cluster nobody changed, shortened to fields of all kinds.
const stock = `
apiVersion: kubelet.config.k8s.io/v1beta1
kind: KubeletConfiguration
authentication:
  anonymous: {enabled: false}
cgroupDriver: systemd
clusterDNS: [10.96.0.10]
evictionPressureTransitionPeriod: 0s
rotateCertificates: true
`

// fields reads JSON the way the API server hands out spec.kubelet.
func fields(t *testing.T, document string) map[string]apiextensionsv1.JSON {
	t.Helper()
	var all map[string]apiextensionsv1.JSON
	NewWithT(t).Expect(json.Unmarshal([]byte(document), &all)).To(Succeed())
	return all
}

func TestParseFieldsNamesFieldAndValueOfWhatIsWrong(t *testing.T) {
	for name, tc := range map[string]struct {
		in  string
		err types.GomegaMatcher
	}{
		"nothing set":                          {in: `{}`, err: BeNil()},
		"fields that do not size a node":       {in: `{"cpuCFSQuota":false,"evictionSoft":{"memory.available":"1%"}}`, err: BeNil()},
		"null sets nothing":                    {in: `{"maxPods":null}`, err: BeNil()},
		"pid can be reserved":                  {in: `{"systemReserved":{"pid":"1000"}}`, err: BeNil()},
		"an expression":                        {in: `{"maxPods":"vcpus * 4"}`, err: MatchError(ContainSubstring(`spec.kubelet.maxPods is "vcpus * 4", which is not a whole number`))},
		"a fraction of a pod":                  {in: `{"podsPerCore":1.5}`, err: MatchError(ContainSubstring("spec.kubelet.podsPerCore is 1.5"))},
		"fewer pods than none":                 {in: `{"maxPods":-1}`, err: MatchError(ContainSubstring("spec.kubelet.maxPods is -1"))},
		"a number where a string is due":       {in: `{"kubeReserved":{"cpu":1}}`, err: MatchError(ContainSubstring("a map of names to strings"))},
		"a resource that cannot be reserved":   {in: `{"kubeReserved":{"nvidia.com/gpu":"1"}}`, err: MatchError(ContainSubstring(`spec.kubelet.kubeReserved has "nvidia.com/gpu"`))},
		"an expression for a resource":         {in: `{"systemReserved":{"cpu":"vcpus*10"}}`, err: MatchError(ContainSubstring(`spec.kubelet.systemReserved[cpu] is "vcpus*10"`))},
		"a negative reservation":               {in: `{"systemReserved":{"memory":"-1Gi"}}`, err: MatchError(ContainSubstring("not a quantity of 0 or more"))},
		"an unknown signal":                    {in: `{"evictionHard":{"memory.free":"1Gi"}}`, err: MatchError(ContainSubstring(`"memory.free", which is none of the signals`))},
		"a threshold of nothing":               {in: `{"evictionHard":{"memory.available":"0"}}`, err: MatchError(ContainSubstring(`[memory.available] is "0"`))},
		"a threshold above the whole":          {in: `{"evictionHard":{"nodefs.available":"101%"}}`, err: MatchError(ContainSubstring(`"101%"`))},
		"a percentage that is not a number":    {in: `{"evictionHard":{"nodefs.available":"NaN%"}}`, err: MatchError(ContainSubstring(`"NaN%"`))},
		"a boolean that is not one":            {in: `{"mergeDefaultEvictionSettings":"yes"}`, err: MatchError(ContainSubstring("not true or false"))},
		"a signal off by percentage is proper": {in: `{"evictionHard":{"nodefs.available":"100%"}}`, err: BeNil()},
	} {
		t.Run(name, func(t *testing.T) {
			g := NewWithT(t)
			_, err := kubelet.ParseFields(fields(t, tc.in))
			g.Expect(err).To(tc.err)
		})
	}
}

func TestParseDocument(t *testing.T) {
	for name, tc := range map[string]struct {
		in   string
		want kubelet.Config
		err  types.GomegaMatcher
	}{
		"no kubelet-config":  {in: "", err: BeNil()},
		"stock kubeadm":      {in: stock, err: BeNil()},
		"an edited one":      {in: stock + "maxPods: 60\npodsPerCore: 5\n", want: kubelet.Config{MaxPods: 60, PodsPerCore: 5}, err: BeNil()},
		"not YAML":           {in: "a: [", err: MatchError(ContainSubstring("reading kubelet-config"))},
		"a value of no sort": {in: "maxPods: many", err: MatchError(ContainSubstring(`kubelet-config.maxPods is "many"`))},
	} {
		t.Run(name, func(t *testing.T) {
			g := NewWithT(t)
			got, err := kubelet.ParseDocument([]byte(tc.in))
			g.Expect(err).To(tc.err)
			g.Expect(got).To(Equal(tc.want))
		})
	}
}
