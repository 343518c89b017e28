package v1

import (
	"fmt"
	"maps"
	"math"
	"slices"
	"strconv"
	"strings"
	"time"

	"k8s.io/apimachinery/pkg/api/resource"
)

func compareFields(a, b *KubeletError) int { return strings.Compare(a.Field, b.Field) }

// evictionSignals are those on which a Linux kubelet evicts. It does not start with any
// other, and overwrites containerfs's, which it derives by itself.
func evictionSignals() []string {
	return []string{"memory.available", "nodefs.available", "nodefs.inodesFree", "imagefs.available", "imagefs.inodesFree", "pid.available"}
}

// reservable are the resources that a kubelet can reserve. It does not start with any other.
func reservable() []string { return []string{"cpu", "memory", "ephemeral-storage", "pid"} }

// evictionMaps checks the four fields that are keyed by eviction signal.
func evictionMaps(k KubeletConfiguration) []*KubeletError {
	var errs []*KubeletError
	for _, m := range []struct {
		field string
		check func(value string) string
	}{
		{"evictionHard", threshold},
		{"evictionMinimumReclaim", reclaim},
		{"evictionSoft", threshold},
		{"evictionSoftGracePeriod", gracePeriod},
	} {
		values, _ := decode[map[string]string](k, m.field)
		for _, signal := range slices.Sorted(maps.Keys(values)) {
			at := fmt.Sprintf("%s[%s]", m.field, signal)
			if !slices.Contains(evictionSignals(), signal) {
				errs = append(errs, problem(at, "is no eviction signal; known are %s", strings.Join(evictionSignals(), ", ")))
			}
			if fault := m.check(values[signal]); fault != "" {
				errs = append(errs, problem(at, "%q %s", values[signal], fault))
			}
		}
	}
	return errs
}

// threshold says what is wrong with an eviction threshold, "" when nothing is. A kubelet
// does not start with a quantity of zero. A share of 0% or 100% is the way to have no
// threshold at all.
func threshold(value string) string {
	if fault := amount(value); fault != "" {
		return fault
	}
	if q, err := resource.ParseQuantity(value); err == nil && q.Sign() == 0 {
		return "must be above zero, or the kubelet does not start; 0% is no threshold"
	}
	return ""
}

// reclaim says what is wrong with a least amount to win back, "" when nothing is. It may be a
// quantity of zero, which is the kubelet's own, but no share of zero.
func reclaim(value string) string {
	if fault := amount(value); fault != "" {
		return fault
	}
	percent, cut := strings.CutSuffix(value, "%")
	if p, err := strconv.ParseFloat(percent, 32); cut && err == nil && p == 0 {
		return "must be above zero, or the kubelet does not start"
	}
	return ""
}

// amount says what is wrong with a share or quantity of what a signal measures, "" when
// nothing is.
func amount(value string) string {
	const want = "must be a percentage such as 5% or a quantity such as 100Mi, not negative"
	if percent, cut := strings.CutSuffix(value, "%"); cut {
		// NaN is neither below nor above.
		if p, err := strconv.ParseFloat(percent, 32); err != nil || math.IsNaN(p) || p < 0 || p > 100 {
			return want
		}
		return ""
	}
	if q, err := resource.ParseQuantity(value); err != nil || q.Sign() < 0 {
		return want
	}
	return ""
}

// gracePeriod says what is wrong with a grace period, "" when nothing is.
func gracePeriod(value string) string {
	if d, err := time.ParseDuration(value); err != nil || d < 0 {
		return "must be a duration such as 90s, not negative"
	}
	return ""
}

// softEvictionPairs asks for a grace period for each soft threshold and the other way
// round: without its partner the kubelet refuses to start.
func softEvictionPairs(k KubeletConfiguration) []*KubeletError {
	soft, _ := decode[map[string]string](k, "evictionSoft")
	grace, _ := decode[map[string]string](k, "evictionSoftGracePeriod")
	var errs []*KubeletError
	for _, signal := range slices.Sorted(maps.Keys(soft)) {
		if _, paired := grace[signal]; !paired {
			errs = append(errs, problem("evictionSoft["+signal+"]", "needs a value for %s in evictionSoftGracePeriod", signal))
		}
	}
	for _, signal := range slices.Sorted(maps.Keys(grace)) {
		if _, paired := soft[signal]; !paired {
			errs = append(errs, problem("evictionSoftGracePeriod["+signal+"]", "needs a value for %s in evictionSoft", signal))
		}
	}
	return errs
}

// reservedMaps checks what is held back for the system and for Kubernetes.
func reservedMaps(k KubeletConfiguration) []*KubeletError {
	var errs []*KubeletError
	for _, field := range []string{"kubeReserved", "systemReserved"} {
		values, _ := decode[map[string]string](k, field)
		for _, name := range slices.Sorted(maps.Keys(values)) {
			at, value := fmt.Sprintf("%s[%s]", field, name), values[name]
			if !slices.Contains(reservable(), name) {
				errs = append(errs, problem(at, "cannot be reserved; %s can", strings.Join(reservable(), ", ")))
			}
			q, err := resource.ParseQuantity(value)
			switch {
			case err != nil:
				errs = append(errs, &KubeletError{
					Field:      at,
					Problem:    fmt.Sprintf("%q must be a quantity such as 100m or 256Mi; expressions are not supported", value),
					Expression: true,
				})
			case q.Sign() < 0:
				errs = append(errs, problem(at, "%q must not be negative", value))
			}
		}
	}
	return errs
}
