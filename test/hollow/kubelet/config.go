package kubelet

import (
	"cmp"
	"errors"
	"fmt"
	"maps"
	"slices"
	"strings"

	corev1 "k8s.io/api/core/v1"
	"k8s.io/apimachinery/pkg/api/resource"
	"k8s.io/apimachinery/pkg/util/validation"
	kubeletv1beta1 "k8s.io/kubelet/config/v1beta1"
	kubeletapis "k8s.io/kubelet/pkg/apis"
	"sigs.k8s.io/yaml"
)

// settings are what a kubelet runs by once flags, file and defaults have met.
type settings struct {
	flags                        flags
	hostname                     string // also the node's name
	providerID                   string
	taints                       []corev1.Taint
	maxPods                      int64
	kubeReserved, systemReserved corev1.ResourceList
	evictionHard                 map[string]string
	failSwapOn, servingCSR       bool
	externalCloud                bool
	cgroupDriver                 string
	leaseSeconds                 int32
}

// The kubelet's defaults.
const (
	defaultMaxPods      = 110
	defaultLeaseSeconds = 40
)

// defaultEviction is what applies when the configuration has no hard thresholds.
func defaultEviction() map[string]string {
	return map[string]string{"memory.available": "100Mi", "nodefs.available": "10%", "nodefs.inodesFree": "5%", "imagefs.available": "15%", "imagefs.inodesFree": "5%"}
}

// resolve makes the settings of a kubelet with these flags, this configuration file and on
// a machine of this host name. All faults are reported at once.
func resolve(f flags, file []byte, hostname string) (settings, error) {
	var c kubeletv1beta1.KubeletConfiguration
	if err := yaml.UnmarshalStrict(file, &c); err != nil {
		// As the kubelet does with v1beta1, what is merely unknown is let through.
		c = kubeletv1beta1.KubeletConfiguration{}
		if lenient := yaml.Unmarshal(file, &c); lenient != nil {
			return settings{}, fmt.Errorf("failed to load kubelet config file: %w", lenient)
		}
	}
	s := settings{
		flags:    f,
		hostname: strings.ToLower(strings.TrimSpace(cmp.Or(f.hostname, hostname))),
		// A flag that is given wins even where it is empty or false.
		providerID:    pick(f.given["provider-id"], f.providerID, c.ProviderID),
		maxPods:       int64(cmp.Or(pick(f.given["max-pods"], f.maxPods, c.MaxPods), defaultMaxPods)),
		failSwapOn:    pick(f.given["fail-swap-on"], f.failSwapOn, c.FailSwapOn == nil || *c.FailSwapOn),
		servingCSR:    pick(f.given["rotate-server-certificates"], f.rotateServer, c.ServerTLSBootstrap),
		externalCloud: f.cloudProvider == "external",
		cgroupDriver:  pick(f.given["cgroup-driver"], f.cgroupDriver, cmp.Or(c.CgroupDriver, "cgroupfs")),
		leaseSeconds:  cmp.Or(c.NodeLeaseDurationSeconds, defaultLeaseSeconds),
		taints:        c.RegisterWithTaints,
	}
	var errs []error
	keep := func(err error) { errs = append(errs, err) }
	if f.given["register-with-taints"] {
		taints, err := parseTaints(f.taints)
		s.taints = taints
		keep(err)
	}
	var err error
	s.kubeReserved, err = reserved(pick(f.given["kube-reserved"], f.kubeReserved, c.KubeReserved))
	keep(err)
	s.systemReserved, err = reserved(pick(f.given["system-reserved"], f.systemReserved, c.SystemReserved))
	keep(err)
	s.evictionHard, err = thresholds(f, c)
	keep(err)
	keep(validateLabels(f.labels))
	if f.cloudProvider != "" && f.cloudProvider != "external" {
		keep(fmt.Errorf("invalid value for --cloud-provider: %q: must be empty or \"external\"", f.cloudProvider))
	}
	if faults := validation.IsDNS1123Subdomain(s.hostname); len(faults) > 0 {
		keep(fmt.Errorf("node name %q: %s", s.hostname, faults[0]))
	}
	return s, errors.Join(errs...)
}

func pick[T any](given bool, flag, file T) T {
	if given {
		return flag
	}
	return file
}

// reserved reads resources that are held back; the kubelet takes these four only.
func reserved(from map[string]string) (corev1.ResourceList, error) {
	list := corev1.ResourceList{}
	for name, text := range from {
		if !slices.Contains([]string{"cpu", "memory", "ephemeral-storage", "pid"}, name) {
			return nil, fmt.Errorf("cannot reserve %q resource", name)
		}
		quantity, err := resource.ParseQuantity(text)
		if err != nil {
			return nil, fmt.Errorf("failed to parse quantity %q for %q resource: %w", text, name, err)
		}
		if quantity.Sign() < 0 {
			return nil, fmt.Errorf("resource quantity for %q cannot be negative: %s", name, text)
		}
		list[corev1.ResourceName(name)] = quantity
	}
	return list, nil
}

// thresholds returns the hard eviction thresholds: those of the flag, else of the file, else the defaults.
func thresholds(f flags, c kubeletv1beta1.KubeletConfiguration) (map[string]string, error) {
	if f.given["eviction-hard"] {
		found := map[string]string{}
		for _, one := range strings.Split(f.evictionHard, ",") {
			if one == "" {
				continue
			}
			signal, value, ok := strings.Cut(one, "<")
			if !ok {
				return nil, fmt.Errorf("invalid eviction threshold syntax %s, expected <signal><operator><value>", one)
			}
			found[strings.TrimSpace(signal)] = strings.TrimSpace(value)
		}
		return found, checkThresholds(found)
	}
	if c.EvictionHard != nil {
		return c.EvictionHard, checkThresholds(c.EvictionHard)
	}
	return defaultEviction(), nil
}

func checkThresholds(all map[string]string) error {
	known := []string{"memory.available", "nodefs.available", "nodefs.inodesFree", "imagefs.available", "imagefs.inodesFree", "pid.available", "containerfs.available", "containerfs.inodesFree", "allocatableMemory.available"}
	for signal, value := range all {
		if !slices.Contains(known, signal) {
			return fmt.Errorf("unsupported eviction signal %s", signal)
		}
		if _, err := amount(value, 1); err != nil {
			return fmt.Errorf("eviction threshold of %s: %w", signal, err)
		}
	}
	return nil
}

// parseTaints reads "key=value:Effect,key:Effect".
func parseTaints(text string) ([]corev1.Taint, error) {
	var taints []corev1.Taint
	for _, one := range strings.Split(text, ",") {
		if one == "" {
			continue
		}
		pair, effect, ok := strings.Cut(one, ":")
		key, value, _ := strings.Cut(pair, "=")
		known := []corev1.TaintEffect{corev1.TaintEffectNoSchedule, corev1.TaintEffectPreferNoSchedule, corev1.TaintEffectNoExecute}
		if !ok || !slices.Contains(known, corev1.TaintEffect(effect)) || len(validation.IsQualifiedName(key)) > 0 || len(validation.IsValidLabelValue(value)) > 0 {
			return nil, fmt.Errorf("invalid taint spec: %q", one)
		}
		taints = append(taints, corev1.Taint{Key: key, Value: value, Effect: corev1.TaintEffect(effect)})
	}
	return taints, nil
}

// validateLabels refuses labels that a kubelet may not set on its own node.
func validateLabels(labels map[string]string) error {
	var unknown []string
	errs := make([]string, 0, len(labels))
	for _, key := range slices.Sorted(maps.Keys(labels)) {
		namespace, _, _ := strings.Cut(key, "/")
		owned := strings.Contains(key, "/") && (namespace == "kubernetes.io" || strings.HasSuffix(namespace, ".kubernetes.io") || namespace == "k8s.io" || strings.HasSuffix(namespace, ".k8s.io"))
		if owned && !kubeletapis.IsKubeletLabel(key) {
			unknown = append(unknown, key)
		}
		errs = append(errs, validation.IsQualifiedName(key)...)
		errs = append(errs, validation.IsValidLabelValue(labels[key])...)
	}
	switch {
	case len(unknown) > 0:
		return fmt.Errorf("failed to validate kubelet flags: unknown 'kubernetes.io' or 'k8s.io' labels specified with --node-labels: %v", unknown)
	case len(errs) > 0:
		return fmt.Errorf("failed to validate kubelet flags: invalid node labels: %s", strings.Join(errs, "; "))
	}
	return nil
}
