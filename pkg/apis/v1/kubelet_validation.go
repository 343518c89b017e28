package v1

import (
	"encoding/json"
	"fmt"
	"maps"
	"slices"

	apiextensionsv1 "k8s.io/apiextensions-apiserver/pkg/apis/apiextensions/v1"
	kubeletv1beta1 "k8s.io/kubelet/config/v1beta1"
	strictjson "sigs.k8s.io/json" // unlike encoding/json it reports unknown fields and minds the case of names, as the kubelet does
)

// KubeletError is one fault in spec.kubelet.
type KubeletError struct {
	// Field is the path below spec.kubelet, for example "evictionHard[memory.available]".
	Field string
	// Problem says what is wrong with it and what would be right.
	Problem string
	// Expression marks a value that is well formed only as an expression over instance
	// types, which the AWS provider can evaluate behind a feature gate and this one cannot.
	Expression bool
}

// Error names the field and says what is wrong with it.
func (e *KubeletError) Error() string { return "spec.kubelet." + e.Field + ": " + e.Problem }

func problem(field, format string, args ...any) *KubeletError {
	return &KubeletError{Field: field, Problem: fmt.Sprintf(format, args...)}
}

// ValidateKubelet returns everything that is wrong with spec.kubelet: first what the
// kubelet of the Kubernetes version that this program is built with would not decode, then
// what it would decode and then refuse or, worse, ignore. It returns nil when all is well.
func ValidateKubelet(k KubeletConfiguration) []*KubeletError {
	errs := undecodable(k)
	for _, check := range []func(KubeletConfiguration) []*KubeletError{
		ownedFields, evictionMaps, softEvictionPairs, reservedMaps, maxPods, numberRanges, imageGCOrder,
	} {
		errs = append(errs, check(k)...)
	}
	return errs
}

// undecodable decodes each field by itself, so that one fault does not hide another.
func undecodable(k KubeletConfiguration) []*KubeletError {
	var errs []*KubeletError
	for _, field := range slices.Sorted(maps.Keys(k)) {
		if field == "maxPods" && isString(k[field]) {
			continue // maxPods judges it
		}
		document, err := json.Marshal(KubeletConfiguration{field: k[field]})
		if err != nil {
			errs = append(errs, problem(field, "is not JSON: %v", err))
			continue
		}
		unknown, err := strictjson.UnmarshalStrict(document, &kubeletv1beta1.KubeletConfiguration{})
		for _, fault := range append(unknown, err) {
			if fault != nil {
				errs = append(errs, problem(field, "%v in %s", fault, kubeletv1beta1.SchemeGroupVersion))
			}
		}
	}
	return errs
}

// ownedFields would be overwritten on the node, so a value here could only mislead.
func ownedFields(k KubeletConfiguration) []*KubeletError {
	var errs []*KubeletError
	for field, instead := range map[string]string{
		"registerWithTaints": "set taints and startupTaints in the NodePool",
		"providerID":         "the node reads it from instance metadata",
	} {
		if _, set := k[field]; set {
			errs = append(errs, problem(field, "is set by Karpenter; %s", instead))
		}
	}
	slices.SortFunc(errs, func(a, b *KubeletError) int { return compareFields(a, b) })
	return errs
}

// numberRanges checks counts and percentages.
func numberRanges(k KubeletConfiguration) []*KubeletError {
	var errs []*KubeletError
	for _, field := range []string{"imageGCHighThresholdPercent", "imageGCLowThresholdPercent"} {
		if n, set := decode[int64](k, field); set && (n < 0 || n > 100) {
			errs = append(errs, problem(field, "%d is no percentage; it must be 0 to 100", n))
		}
	}
	for _, field := range []string{"podsPerCore", "evictionMaxPodGracePeriod"} {
		if n, set := decode[int64](k, field); set && n < 0 {
			errs = append(errs, problem(field, "%d must not be negative", n))
		}
	}
	return errs
}

// maxPods is a number. As a string it is an expression.
func maxPods(k KubeletConfiguration) []*KubeletError {
	if raw, set := k["maxPods"]; set && isString(raw) {
		return []*KubeletError{{
			Field:      "maxPods",
			Problem:    fmt.Sprintf("expressions are not supported, got %s; set a whole number", raw.Raw),
			Expression: true,
		}}
	}
	if n, set := decode[int64](k, "maxPods"); set && n < 0 {
		return []*KubeletError{problem("maxPods", "%d must not be negative", n)}
	}
	return nil
}

// imageGCOrder refuses a pair of thresholds between which nothing would ever be collected.
func imageGCOrder(k KubeletConfiguration) []*KubeletError {
	high, highSet := decode[int64](k, "imageGCHighThresholdPercent")
	low, lowSet := decode[int64](k, "imageGCLowThresholdPercent")
	if highSet && lowSet && high <= low {
		return []*KubeletError{problem("imageGCHighThresholdPercent", "%d must be above imageGCLowThresholdPercent, which is %d", high, low)}
	}
	return nil
}

// decode reads a field as T. A field that is no T counts as unset here, since undecodable
// has said so already.
func decode[T any](k KubeletConfiguration, field string) (T, bool) {
	var value T
	raw, set := k[field]
	if !set || json.Unmarshal(raw.Raw, &value) != nil {
		var zero T
		return zero, false
	}
	return value, true
}

func isString(value apiextensionsv1.JSON) bool {
	var s string
	return json.Unmarshal(value.Raw, &s) == nil && string(value.Raw) != "null"
}
