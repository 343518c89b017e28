package join

import (
	"fmt"
	"strings"

	corev1 "k8s.io/api/core/v1"
	metav1 "k8s.io/apimachinery/pkg/apis/meta/v1"
	"sigs.k8s.io/yaml"

	"github.com/karpenter-kubeadm/karpenter-provider-aws/pkg/cluster"
)

// What only the machine knows stands in rendered documents as these words; the script
// puts the values in their place.
const (
	nodeNameWord   = "__NODE_NAME__"
	providerIDWord = "__PROVIDER_ID__"
	machineLabels  = "__MACHINE_LABELS__"
	tokenWord      = "__TOKEN__"
)

// Where the script keeps what kubeadm reads, in memory and for as long as it runs.
const (
	workDir       = "/run/karpenter-join"
	discoveryFile = workDir + "/discovery.conf"
	patchDir      = workDir + "/patches"
)

// patience is how long a machine waits for the API server and for its certificate:
// Karpenter gives up on it after 15 minutes, and until then a controller that is down may
// come back. Half would lose machines to a restart; double only keeps dead ones busy.
const patience = "20m0s"

// joinConfiguration is the part of kubeadm's JoinConfiguration that we write, for both
// versions of its API: v1beta4 wants arguments as a list, v1beta3 as a map and has no
// timeouts but that of discovery.
type joinConfiguration struct {
	metav1.TypeMeta  `json:",inline"`
	Discovery        discovery        `json:"discovery"`
	NodeRegistration nodeRegistration `json:"nodeRegistration"`
	Patches          patches          `json:"patches"`
	Timeouts         *timeouts        `json:"timeouts,omitempty"`
}

type discovery struct {
	File    fileDiscovery `json:"file"`
	Timeout string        `json:"timeout,omitempty"` // v1beta3
}

type fileDiscovery struct {
	KubeConfigPath string `json:"kubeConfigPath"`
}

type nodeRegistration struct {
	Name      string         `json:"name"`
	CRISocket string         `json:"criSocket"`
	Taints    []corev1.Taint `json:"taints"`
	// KubeletExtraArgs is []argument in v1beta4, map[string]string in v1beta3.
	KubeletExtraArgs any `json:"kubeletExtraArgs"`
}

type patches struct {
	Directory string `json:"directory"`
}

type timeouts struct {
	Discovery    string `json:"discovery"`
	TLSBootstrap string `json:"tlsBootstrap"`
}

type argument struct {
	Name  string `json:"name"`
	Value string `json:"value"`
}

// kubeadmConfig returns the JoinConfiguration as YAML. It holds no secret: discovery is by file.
func kubeadmConfig(spec Spec) (string, error) {
	config := joinConfiguration{
		TypeMeta:  metav1.TypeMeta{APIVersion: "kubeadm.k8s.io/v1beta4", Kind: "JoinConfiguration"},
		Discovery: discovery{File: fileDiscovery{KubeConfigPath: discoveryFile}},
		NodeRegistration: nodeRegistration{
			Name:             nodeNameWord,
			CRISocket:        "unix:///run/containerd/containerd.sock",
			Taints:           registrationTaints(spec.Taints),
			KubeletExtraArgs: identityArguments(spec),
		},
		Patches:  patches{Directory: patchDir},
		Timeouts: &timeouts{Discovery: patience, TLSBootstrap: patience},
	}
	if !spec.Cluster.Version.AtLeast(1, 31) {
		config.APIVersion = "kubeadm.k8s.io/v1beta3"
		config.Discovery.Timeout = patience
		config.Timeouts = nil
		args := map[string]string{}
		for _, arg := range identityArguments(spec) {
			args[arg.Name] = arg.Value
		}
		config.NodeRegistration.KubeletExtraArgs = args
	}
	out, err := yaml.Marshal(config)
	if err != nil {
		return "", fmt.Errorf("writing kubeadm configuration: %w", err)
	}
	return string(out), nil
}

// identityArguments are the kubelet's flags that have no place in its configuration file.
func identityArguments(spec Spec) []argument {
	labels := append(nodeLabels(spec.Labels), machineLabels)
	args := []argument{
		{Name: "node-labels", Value: strings.Join(labels, ",")},
		{Name: "provider-id", Value: providerIDWord},
	}
	if spec.Cluster.CloudProvider == cluster.External {
		args = append(args, argument{Name: "cloud-provider", Value: "external"})
	}
	return args
}

// discoveryConfig returns the kubeconfig that kubeadm discovers the cluster with: CA and
// token in one file, so that it works where anonymous requests are off. It is a secret,
// unless the token is in a parameter.
func discoveryConfig(spec Spec) (string, error) {
	token := spec.Token.Value()
	if spec.Parameter != "" {
		token = tokenWord
	}
	const name = "karpenter"
	type entry map[string]any
	out, err := yaml.Marshal(entry{
		"apiVersion": "v1",
		"kind":       "Config",
		"clusters": []entry{{"name": name, "cluster": entry{
			"server":                     "https://" + spec.Cluster.Endpoint,
			"certificate-authority-data": spec.Cluster.CA, // bytes, hence base64
		}}},
		"users":           []entry{{"name": name, "user": entry{"token": token}}},
		"contexts":        []entry{{"name": name, "context": entry{"cluster": name, "user": name}}},
		"current-context": name,
	})
	if err != nil {
		return "", fmt.Errorf("writing discovery kubeconfig: %w", err)
	}
	return string(out), nil
}
