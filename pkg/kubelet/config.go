package kubelet

import (
	"encoding/json"
	"fmt"
	"slices"
	"strings"

	corev1 "k8s.io/api/core/v1"
	apiextensionsv1 "k8s.io/apiextensions-apiserver/pkg/apis/apiextensions/v1"
	"k8s.io/apimachinery/pkg/api/resource"
	"sigs.k8s.io/yaml"
)

// Config is the part of a KubeletConfiguration that decides what a node can hold. The zero
// value sets nothing. It is read-only once made.
type Config struct {
	// MaxPods and PodsPerCore are 0 when not set, as for the kubelet.
	MaxPods, PodsPerCore int32
	// KubeReserved and SystemReserved hold what is set, by resource.
	KubeReserved, SystemReserved corev1.ResourceList
	// EvictionHard is nil when not set, which is not the same as empty: a kubelet then has
	// its defaults.
	EvictionHard map[string]string
	// MergeDefaultEvictionSettings adds the defaults of signals that EvictionHard does not name.
	MergeDefaultEvictionSettings bool
}

// ParseDocument reads a KubeletConfiguration document, YAML or JSON, such as the cluster's
// kubelet-config. Empty input sets nothing. Fields that Config does not have are ignored.
func ParseDocument(document []byte) (Config, error) {
	var fields map[string]json.RawMessage
	if err := yaml.Unmarshal(document, &fields); err != nil {
		return Config{}, fmt.Errorf("reading kubelet-config: %w", err)
	}
	return parse("kubelet-config", fields)
}

// ParseFields reads spec.kubelet of a node class. Fields that Config does not have are ignored.
func ParseFields(fields map[string]apiextensionsv1.JSON) (Config, error) {
	raw := make(map[string]json.RawMessage, len(fields))
	for name, value := range fields {
		raw[name] = value.Raw
	}
	return parse("spec.kubelet", raw)
}

// Over returns the union of c and base in which c wins, key by key in the maps, with the
// evictions that a kubelet has by default where base sets none. That is also what comes of c
// written as a patch over base.
func (c Config) Over(base Config) Config {
	if c.MaxPods == 0 {
		c.MaxPods = base.MaxPods
	}
	if c.PodsPerCore == 0 {
		c.PodsPerCore = base.PodsPerCore
	}
	c.KubeReserved = union(base.KubeReserved, c.KubeReserved)
	c.SystemReserved = union(base.SystemReserved, c.SystemReserved)
	c.EvictionHard = union(base.evictionHard(), c.EvictionHard)
	if c.MergeDefaultEvictionSettings {
		c.EvictionHard = union(defaultEvictionHard(), c.EvictionHard)
	}
	c.MergeDefaultEvictionSettings = false // it is done
	return c
}

// evictionHard is what a kubelet with this configuration holds to.
func (c Config) evictionHard() map[string]string {
	if c.EvictionHard == nil {
		return defaultEvictionHard()
	}
	if c.MergeDefaultEvictionSettings {
		return union(defaultEvictionHard(), c.EvictionHard)
	}
	return c.EvictionHard
}

func parse(source string, fields map[string]json.RawMessage) (Config, error) {
	var c Config
	var kube, system map[string]string
	for name, into := range map[string]any{
		"maxPods":                      &c.MaxPods,
		"podsPerCore":                  &c.PodsPerCore,
		"kubeReserved":                 &kube,
		"systemReserved":               &system,
		"evictionHard":                 &c.EvictionHard,
		"mergeDefaultEvictionSettings": &c.MergeDefaultEvictionSettings,
	} {
		// The API server's null arrives as no bytes.
		if raw := fields[name]; len(raw) > 0 {
			if err := json.Unmarshal(raw, into); err != nil {
				return Config{}, fmt.Errorf("%s.%s is %s, which is not %s", source, name, raw, kindOf(into))
			}
		}
	}
	var err error
	if c.KubeReserved, err = parseReserved(source+".kubeReserved", kube); err != nil {
		return Config{}, err
	}
	if c.SystemReserved, err = parseReserved(source+".systemReserved", system); err != nil {
		return Config{}, err
	}
	return c, c.validate(source)
}

// kindOf names in a user's words what a field takes.
func kindOf(field any) string {
	switch field.(type) {
	case *int32:
		return "a whole number (expressions are not supported)"
	case *bool:
		return "true or false"
	default:
		return "a map of names to strings"
	}
}

func (c Config) validate(source string) error {
	for name, value := range map[string]int32{"maxPods": c.MaxPods, "podsPerCore": c.PodsPerCore} {
		if value < 0 {
			return fmt.Errorf("%s.%s is %d, which is below 0", source, name, value)
		}
	}
	for signal, value := range c.EvictionHard {
		if known := signals(); !slices.Contains(known, signal) {
			return fmt.Errorf("%s.evictionHard has %q, which is none of the signals %s", source, signal, strings.Join(known, ", "))
		}
		if _, err := parseThreshold(value); err != nil {
			return fmt.Errorf("%s.evictionHard[%s] is %q, %w", source, signal, value, err)
		}
	}
	return nil
}

func parseReserved(source string, values map[string]string) (corev1.ResourceList, error) {
	reservable := []string{string(corev1.ResourceCPU), string(corev1.ResourceMemory), string(corev1.ResourceEphemeralStorage), "pid"}
	var reserved corev1.ResourceList
	if values != nil { // {} is set, to nothing
		reserved = make(corev1.ResourceList, len(values))
	}
	for name, value := range values {
		if !slices.Contains(reservable, name) {
			return nil, fmt.Errorf("%s has %q, which is none of %s", source, name, strings.Join(reservable, ", "))
		}
		quantity, err := resource.ParseQuantity(value)
		if err != nil || quantity.Sign() < 0 {
			return nil, fmt.Errorf("%s[%s] is %q, which is not a quantity of 0 or more such as 100m or 1Gi (expressions are not supported)", source, name, value)
		}
		reserved[corev1.ResourceName(name)] = quantity
	}
	return reserved, nil
}

// union returns a new map in which over wins; nil when both are.
func union[M ~map[K]V, K comparable, V any](base, over M) M {
	if base == nil && over == nil {
		return nil
	}
	all := make(M, len(base)+len(over))
	for _, m := range []M{base, over} {
		for k, v := range m {
			all[k] = v
		}
	}
	return all
}
