package join

import (
	"encoding/json"
	"fmt"
	"maps"
	"slices"
	"strings"

	corev1 "k8s.io/api/core/v1"
	kubeletv1beta1 "k8s.io/kubelet/config/v1beta1"
	"sigs.k8s.io/yaml"

	"github.com/karpenter-kubeadm/karpenter-provider-aws/pkg/cluster"
	"github.com/karpenter-kubeadm/karpenter-provider-aws/pkg/kubelet"
)

// settings returns the fields of the kubelet's configuration that differ from the
// cluster's own: what spec.kubelet says, and the sizes that the scheduler was told.
func settings(spec Spec) (map[string]json.RawMessage, error) {
	fields := map[string]json.RawMessage{}
	if len(spec.Kubelet) > 0 {
		if err := json.Unmarshal(spec.Kubelet, &fields); err != nil {
			return nil, &SpecError{Field: "spec.kubelet", Problem: fmt.Sprintf("is not a JSON object: %v", err)}
		}
	}
	own, err := kubeletConfig(spec.Cluster)
	if err != nil {
		return nil, err
	}
	// Sizes has counted it in its number of pods; a kubelet must not count it again.
	if _, set := fields["podsPerCore"]; set || own.PodsPerCore != 0 {
		fields["podsPerCore"] = json.RawMessage("0")
	}
	if _, set := fields["volumePluginDir"]; !set && spec.Family == Flatcar {
		fields["volumePluginDir"] = json.RawMessage(`"` + volumePlugins + `"`)
	}
	for name, value := range sizeFields(spec.Sizes) {
		raw, err := json.Marshal(value)
		if err != nil {
			return nil, fmt.Errorf("writing kubelet setting %s: %w", name, err)
		}
		fields[name] = raw
	}
	return fields, nil
}

// kubeletConfig is the cluster's own, as kubelets have it before they are told otherwise.
func kubeletConfig(c cluster.Cluster) (kubeletv1beta1.KubeletConfiguration, error) {
	var config kubeletv1beta1.KubeletConfiguration
	if err := yaml.Unmarshal(c.Kubelet, &config); err != nil {
		return config, fmt.Errorf("reading kubelet-config: %w", err)
	}
	return config, nil
}

func sizeFields(sizes kubelet.Sizes) map[string]any {
	fields := map[string]any{}
	if sizes.MaxPods > 0 {
		fields["maxPods"] = sizes.MaxPods
	}
	if sizes.KubeReserved != nil {
		fields["kubeReserved"] = quantities(sizes.KubeReserved)
	}
	if sizes.SystemReserved != nil {
		fields["systemReserved"] = quantities(sizes.SystemReserved)
	}
	if sizes.EvictionHard != nil {
		fields["evictionHard"] = sizes.EvictionHard
	}
	return fields
}

func quantities(list corev1.ResourceList) map[string]string {
	texts := make(map[string]string, len(list))
	for name, quantity := range list {
		texts[string(name)] = quantity.String()
	}
	return texts
}

// kubeletPatch returns a JSON patch for kubeadm's kubeletconfiguration target. Of the three
// kinds that kubeadm knows it is the one that replaces a map: the others would merge into
// kubelet-config's, and the node would reserve more than the scheduler was told.
func kubeletPatch(spec Spec) (string, error) {
	fields, err := settings(spec)
	if err != nil {
		return "", err
	}
	type operation struct {
		Op    string          `json:"op"`
		Path  string          `json:"path"`
		Value json.RawMessage `json:"value"`
	}
	operations := []operation{}
	for _, name := range slices.Sorted(maps.Keys(fields)) {
		path := "/" + strings.NewReplacer("~", "~0", "/", "~1").Replace(name)
		operations = append(operations, operation{Op: "add", Path: path, Value: fields[name]})
	}
	out, err := json.MarshalIndent(operations, "", " ")
	if err != nil {
		return "", fmt.Errorf("writing kubelet patch: %w", err)
	}
	return string(out), nil
}

// kubeletFlags returns every setting as a flag, for a kubelet whose configuration file a
// script of the user's has kubeadm write. Flags win over the file.
//
// Errors: *SpecError for a setting of spec.kubelet that has no flag.
func kubeletFlags(spec Spec) ([]string, error) {
	fields, err := settings(spec)
	if err != nil {
		return nil, err
	}
	flags := []string{"--register-with-taints=" + taintFlag(registrationTaints(spec.Taints))}
	for _, arg := range identityArguments(spec) {
		flags = append(flags, "--"+arg.Name+"="+arg.Value)
	}
	for _, name := range slices.Sorted(maps.Keys(fields)) {
		flag, err := settingFlag(name, fields[name])
		if err != nil {
			return nil, err
		}
		flags = append(flags, flag)
	}
	return flags, nil
}

// flagOf says how a field of the kubelet's configuration is spelled as a flag.
type flagOf struct {
	name string
	// separator stands between key and value where the field is a map.
	separator string
}

var settingFlags = map[string]flagOf{
	"maxPods":                     {name: "max-pods"},
	"podsPerCore":                 {name: "pods-per-core"},
	"kubeReserved":                {name: "kube-reserved", separator: "="},
	"systemReserved":              {name: "system-reserved", separator: "="},
	"evictionHard":                {name: "eviction-hard", separator: "<"},
	"evictionSoft":                {name: "eviction-soft", separator: "<"},
	"evictionSoftGracePeriod":     {name: "eviction-soft-grace-period", separator: "="},
	"evictionMaxPodGracePeriod":   {name: "eviction-max-pod-grace-period"},
	"imageGCHighThresholdPercent": {name: "image-gc-high-threshold"},
	"imageGCLowThresholdPercent":  {name: "image-gc-low-threshold"},
	"cpuCFSQuota":                 {name: "cpu-cfs-quota"},
	"clusterDNS":                  {name: "cluster-dns"},
}

func settingFlag(field string, raw json.RawMessage) (string, error) {
	flag, known := settingFlags[field]
	if !known {
		return "", &SpecError{Field: "spec.kubelet." + field, Problem: "has no kubelet flag, and spec.userData runs " +
			"kubeadm join by itself, so it cannot be passed on; remove it, or remove kubeadm join from spec.userData"}
	}
	value, err := flagValue(raw, flag.separator)
	if err != nil {
		return "", &SpecError{Field: "spec.kubelet." + field, Problem: err.Error()}
	}
	return "--" + flag.name + "=" + value, nil
}

// flagValue is a JSON value as a flag takes it: maps and lists become comma-separated.
func flagValue(raw json.RawMessage, separator string) (string, error) {
	var value any
	if err := json.Unmarshal(raw, &value); err != nil {
		return "", fmt.Errorf("is not JSON: %w", err)
	}
	var words []string
	switch v := value.(type) {
	case map[string]any:
		for _, key := range slices.Sorted(maps.Keys(v)) {
			words = append(words, fmt.Sprintf("%s%s%v", key, separator, v[key]))
		}
	case []any:
		for _, item := range v {
			words = append(words, fmt.Sprint(item))
		}
	default:
		words = []string{string(raw)}
		if text, ok := v.(string); ok {
			words = []string{text}
		}
	}
	text := strings.Join(words, ",")
	if strings.ContainsAny(text, " \t\n\"'`$\\") {
		return "", fmt.Errorf("value %q cannot be written as a kubelet flag", text)
	}
	return text, nil
}
