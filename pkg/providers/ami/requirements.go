package ami

import (
	"cmp"
	"slices"
	"strings"

	corev1 "k8s.io/api/core/v1"

	v1 "github.com/karpenter-kubeadm/karpenter-provider-aws/pkg/apis/v1"
)

// requirements are what an instance type must meet to boot an image.
type requirements []corev1.NodeSelectorRequirement

// plain is for images without drivers: types without devices that would need them.
func plain() requirements {
	return requirements{absent(v1.LabelInstanceGPUCount), absent(v1.LabelInstanceAcceleratorCount)}
}

// nvidia is for images with NVIDIA's drivers.
func nvidia() requirements { return requirements{present(v1.LabelInstanceGPUCount)} }

// neuron is for images with AWS Neuron's drivers.
func neuron() requirements { return requirements{present(v1.LabelInstanceAcceleratorCount)} }

// windows is for images of a Windows Server build.
func windows(build string) requirements {
	return requirements{
		{Key: corev1.LabelOSStable, Operator: corev1.NodeSelectorOpIn, Values: []string{string(corev1.Windows)}},
		{Key: corev1.LabelWindowsBuild, Operator: corev1.NodeSelectorOpIn, Values: []string{build}},
	}
}

func absent(label string) corev1.NodeSelectorRequirement {
	return corev1.NodeSelectorRequirement{Key: label, Operator: corev1.NodeSelectorOpDoesNotExist}
}

func present(label string) corev1.NodeSelectorRequirement {
	return corev1.NodeSelectorRequirement{Key: label, Operator: corev1.NodeSelectorOpExists}
}

// on returns r and the architecture, shorter keys first, in an order that never changes.
func (r requirements) on(architecture string) requirements {
	all := append(slices.Clone(r), corev1.NodeSelectorRequirement{
		Key: corev1.LabelArchStable, Operator: corev1.NodeSelectorOpIn, Values: []string{architecture},
	})
	slices.SortFunc(all, func(a, b corev1.NodeSelectorRequirement) int {
		return cmp.Or(cmp.Compare(len(a.Key), len(b.Key)), strings.Compare(a.Key, b.Key))
	})
	return all
}

// key is the same for the same requirements.
func (r requirements) key() string {
	var b strings.Builder
	for _, requirement := range r {
		b.WriteString(requirement.Key + "\x00" + string(requirement.Operator) + "\x00" + strings.Join(requirement.Values, "\x00") + "\x00\x00")
	}
	return b.String()
}
