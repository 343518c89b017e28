package clusterinfo

import (
	"encoding/json"
	"fmt"

	"sigs.k8s.io/yaml"

	"github.com/karpenter-kubeadm/karpenter-provider-aws/pkg/cluster"
)

// kubeadmConfig is the part of kubeadm's ClusterConfiguration that matters to nodes. Its
// fields are alike in v1beta3 and v1beta4 but for extra arguments.
type kubeadmConfig struct {
	Kind                 string `json:"kind"`
	ClusterName          string `json:"clusterName"`
	ControlPlaneEndpoint string `json:"controlPlaneEndpoint"`
	KubernetesVersion    string `json:"kubernetesVersion"`
	ImageRepository      string `json:"imageRepository"`
	Networking           struct {
		ServiceSubnet string `json:"serviceSubnet"`
		PodSubnet     string `json:"podSubnet"`
	} `json:"networking"`
	APIServer         component `json:"apiServer"`
	ControllerManager component `json:"controllerManager"`

	present bool            // whether the cluster has one that we may read
	version cluster.Version // of KubernetesVersion; zero for a label such as "stable"
}

type component struct {
	ExtraArgs arguments `json:"extraArgs"`
}

// arguments are flags by name. v1beta3 writes a map, v1beta4 a list of names and values.
type arguments map[string]string

func (a *arguments) UnmarshalJSON(raw []byte) error {
	var list []struct{ Name, Value string }
	if err := json.Unmarshal(raw, &list); err == nil {
		*a = make(arguments, len(list))
		for _, arg := range list {
			(*a)[arg.Name] = arg.Value
		}
		return nil
	}
	var byName map[string]string
	if err := json.Unmarshal(raw, &byName); err != nil {
		return fmt.Errorf("extraArgs is neither a list nor a map: %w", err)
	}
	*a = byName
	return nil
}

func parseKubeadmConfig(text string) (*kubeadmConfig, error) {
	var config kubeadmConfig
	if err := yaml.Unmarshal([]byte(text), &config); err != nil {
		return nil, fmt.Errorf("parsing kubeadm-config: %w", err)
	}
	if config.Kind != "ClusterConfiguration" {
		return nil, fmt.Errorf("kubeadm-config holds a %q, not a ClusterConfiguration", config.Kind)
	}
	config.present = true
	if version, err := cluster.ParseVersion(config.KubernetesVersion); err == nil {
		config.version = version
	}
	return &config, nil
}

// external reports whether the control plane was told to leave nodes to a cloud controller manager.
func (c *kubeadmConfig) external() bool {
	const flag, value = "cloud-provider", "external"
	return c.APIServer.ExtraArgs[flag] == value || c.ControllerManager.ExtraArgs[flag] == value
}

func (f *facts) fromKubeadm(kubeadm *kubeadmConfig) {
	if f.cluster.Name == "" {
		f.cluster.Name = kubeadm.ClusterName
	}
	f.cluster.ServiceCIDR = kubeadm.Networking.ServiceSubnet
	f.cluster.PodCIDR = kubeadm.Networking.PodSubnet
	f.cluster.ImageRepository = kubeadm.ImageRepository
	f.version = kubeadm.version
}
