package join

import (
	"bytes"
	"encoding/json"
	"fmt"
	"maps"
	"slices"
	"strconv"
	"strings"
	"time"

	corev1 "k8s.io/api/core/v1"
	"sigs.k8s.io/yaml"

	"github.com/karpenter-kubeadm/karpenter-provider-aws/pkg/cluster"
	"github.com/karpenter-kubeadm/karpenter-provider-aws/pkg/kubelet"
)

// setting is where Bottlerocket keeps a field of the kubelet's configuration.
type setting struct {
	name    string
	convert func(any) (any, error) // nil where Bottlerocket takes the value as kubelet does
}

// kubeletSettings are the fields of KubeletConfiguration that Bottlerocket has a setting for,
// except those that are counted into sizes.
var kubeletSettings = map[string]setting{
	"allowedUnsafeSysctls":            {name: "allowed-unsafe-sysctls"},
	"clusterDNS":                      {"cluster-dns-ip", single},
	"clusterDomain":                   {name: "cluster-domain"},
	"containerLogMaxFiles":            {name: "container-log-max-files"},
	"containerLogMaxSize":             {name: "container-log-max-size"},
	"cpuCFSQuota":                     {name: "cpu-cfs-quota-enforced"},
	"cpuManagerPolicy":                {name: "cpu-manager-policy"},
	"cpuManagerReconcilePeriod":       {"cpu-manager-reconcile-period", duration},
	"eventBurst":                      {name: "event-burst"},
	"eventRecordQPS":                  {name: "event-qps"},
	"evictionMaxPodGracePeriod":       {name: "eviction-max-pod-grace-period"},
	"evictionSoft":                    {"eviction-soft", each(threshold)},
	"evictionSoftGracePeriod":         {"eviction-soft-grace-period", each(duration)},
	"imageGCHighThresholdPercent":     {"image-gc-high-threshold-percent", text},
	"imageGCLowThresholdPercent":      {"image-gc-low-threshold-percent", text},
	"kubeAPIBurst":                    {name: "kube-api-burst"},
	"kubeAPIQPS":                      {name: "kube-api-qps"},
	"podPidsLimit":                    {name: "pod-pids-limit"},
	"registryBurst":                   {name: "registry-burst"},
	"registryPullQPS":                 {name: "registry-qps"},
	"serverTLSBootstrap":              {name: "server-tls-bootstrap"},
	"shutdownGracePeriod":             {"shutdown-grace-period", duration},
	"shutdownGracePeriodCriticalPods": {"shutdown-grace-period-for-critical-pods", duration},
	"topologyManagerPolicy":           {name: "topology-manager-policy"},
	"topologyManagerScope":            {name: "topology-manager-scope"},
}

// counted are the fields that kubelet.Sizes says, once they are known for an instance type.
var counted = []string{"evictionHard", "kubeReserved", "maxPods", "mergeDefaultEvictionSettings", "podsPerCore", "systemReserved"}

// userSettings are the settings for spec.kubelet. A field that Bottlerocket does not have is
// the user's to remove: a node that ignores it would not be what they asked for.
func userSettings(document []byte) (table, error) {
	fields := map[string]json.RawMessage{}
	if len(document) > 0 {
		if err := json.Unmarshal(document, &fields); err != nil {
			return nil, &SpecError{Field: "spec.kubelet", Problem: fmt.Sprintf("is not a JSON object: %v", err)}
		}
	}
	settings := table{}
	for _, field := range slices.Sorted(maps.Keys(fields)) {
		if slices.Contains(counted, field) {
			if err := reservable(field, fields[field]); err != nil {
				return nil, err
			}
			continue
		}
		known, ok := kubeletSettings[field]
		if !ok {
			return nil, &SpecError{Field: "spec.kubelet." + field, Problem: "has no setting in Bottlerocket; remove it, or use another family"}
		}
		if string(fields[field]) == "null" {
			continue
		}
		value, err := known.value(fields[field])
		if err != nil {
			return nil, &SpecError{Field: "spec.kubelet." + field, Problem: err.Error()}
		}
		settings[known.name] = value
	}
	return settings, nil
}

// reservable refuses to reserve what Bottlerocket cannot.
func reservable(field string, raw json.RawMessage) error {
	if !strings.HasSuffix(field, "Reserved") {
		return nil
	}
	var values map[string]json.RawMessage
	if err := json.Unmarshal(raw, &values); err != nil {
		return &SpecError{Field: "spec.kubelet." + field, Problem: "is not a map of resources to quantities"}
	}
	if _, set := values["pid"]; set {
		return &SpecError{Field: "spec.kubelet." + field + "[pid]", Problem: "cannot be reserved on Bottlerocket; remove it"}
	}
	return nil
}

// clusterSettings are what other kubelets of the cluster are told and Bottlerocket has a
// setting for. A zero value is a kubelet's way to say that it has no opinion.
func clusterSettings(c cluster.Cluster) (table, error) {
	var fields map[string]json.RawMessage
	if err := yaml.Unmarshal(c.Kubelet, &fields); err != nil {
		return nil, fmt.Errorf("reading kubelet-config: %w", err)
	}
	settings := table{}
	if c.DNS.IsValid() {
		settings["cluster-dns-ip"] = c.DNS.String()
	}
	for _, field := range slices.Sorted(maps.Keys(fields)) {
		known, ok := kubeletSettings[field]
		if !ok || slices.Contains([]string{"null", `""`, `"0s"`, "0", "{}", "[]"}, string(fields[field])) {
			continue
		}
		value, err := known.value(fields[field])
		if err != nil {
			return nil, fmt.Errorf("reading %s of kubelet-config: %w", field, err)
		}
		settings[known.name] = value
	}
	return settings, nil
}

// sizeSettings are the sizes that the scheduler was told. What Bottlerocket reserves where it is
// told nothing, the scheduler does not know of; so it is told zero.
func sizeSettings(sizes kubelet.Sizes) table {
	reserved := table{"cpu": "0", "memory": "0", "ephemeral-storage": "0"}
	reserved.put(reservedSettings(sizes.KubeReserved))
	settings := table{"kube-reserved": map[string]any(reserved)}
	if sizes.MaxPods > 0 {
		settings["max-pods"] = sizes.MaxPods
	}
	if system := reservedSettings(sizes.SystemReserved); len(system) > 0 {
		settings["system-reserved"] = map[string]any(system)
	}
	if sizes.EvictionHard == nil {
		return settings
	}
	// An empty table would be no setting at all, and kubelet's own thresholds would apply.
	hard := map[string]any{"memory.available": "0%"}
	if len(sizes.EvictionHard) > 0 {
		clear(hard)
	}
	for signal, value := range sizes.EvictionHard {
		hard[signal] = noWhole(value)
	}
	settings["eviction-hard"] = hard
	return settings
}

// reservedSettings leaves out process ids, which nobody schedules by and Bottlerocket cannot reserve.
func reservedSettings(list corev1.ResourceList) table {
	settings := table{}
	for name, quantity := range list {
		if name != "pid" {
			settings[string(name)] = quantity.String()
		}
	}
	return settings
}

// value is raw as Bottlerocket takes it.
func (s setting) value(raw json.RawMessage) (any, error) {
	decoder := json.NewDecoder(bytes.NewReader(raw))
	decoder.UseNumber()
	var value any
	if err := decoder.Decode(&value); err != nil {
		return nil, fmt.Errorf("is not JSON: %w", err)
	}
	if number, ok := value.(json.Number); ok {
		whole, err := number.Int64()
		if err != nil {
			return nil, fmt.Errorf("is %s and must be a whole number", number)
		}
		value = whole
	}
	if s.convert == nil {
		return value, nil
	}
	return s.convert(value)
}

// single is the one element of a list of one, which older releases want instead of a list.
func single(value any) (any, error) {
	list, ok := value.([]any)
	if !ok {
		return nil, fmt.Errorf("is %v and must be a list", value)
	}
	if len(list) == 1 {
		return list[0], nil
	}
	return list, nil
}

// text is a number as older releases want it.
func text(value any) (any, error) {
	number, ok := value.(int64)
	if !ok {
		return nil, fmt.Errorf("is %v and must be a whole number", value)
	}
	return strconv.FormatInt(number, 10), nil
}

// duration is in the one order of units that Bottlerocket takes.
func duration(value any) (any, error) {
	words, ok := value.(string)
	if !ok {
		return nil, fmt.Errorf("is %v and must be a duration such as 90s", value)
	}
	parsed, err := time.ParseDuration(words)
	if err != nil {
		return nil, fmt.Errorf("is %q and must be a duration such as 90s", words)
	}
	return parsed.String(), nil
}

func threshold(value any) (any, error) {
	words, ok := value.(string)
	if !ok {
		return nil, fmt.Errorf("is %v and must be a percentage or a quantity", value)
	}
	return noWhole(words), nil
}

// noWhole is a threshold without the 100% that Bottlerocket does not take and that means the
// same to kubelet as 0%: none.
func noWhole(value string) string {
	if share, err := strconv.ParseFloat(strings.TrimSuffix(value, "%"), 32); err == nil && share == 100 && strings.HasSuffix(value, "%") {
		return "0%"
	}
	return value
}

// each converts the values of a map.
func each(convert func(any) (any, error)) func(any) (any, error) {
	return func(value any) (any, error) {
		values, ok := value.(map[string]any)
		if !ok {
			return nil, fmt.Errorf("is %v and must be a map", value)
		}
		converted := make(map[string]any, len(values))
		for name, one := range values {
			var err error
			if converted[name], err = convert(one); err != nil {
				return nil, fmt.Errorf("[%s] %w", name, err)
			}
		}
		return converted, nil
	}
}
