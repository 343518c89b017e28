package instancetype

import (
	"slices"
	"strings"
	"testing"

	. "github.com/onsi/gomega"
	corev1 "k8s.io/api/core/v1"
	"sigs.k8s.io/karpenter/pkg/scheduling"

	v1 "github.com/karpenter-kubeadm/karpenter-provider-aws/pkg/apis/v1"
)

// value renders a requirement as its values, or "absent" where no node has the label.
func value(all scheduling.Requirements, key string) string {
	if !all.Has(key) {
		return "undefined" // core would let any value pass
	}
	if all.Get(key).Operator() == corev1.NodeSelectorOpDoesNotExist {
		return "absent"
	}
	values := all.Get(key).Values()
	slices.Sort(values)
	return strings.Join(values, ",")
}

func TestNameLabels(t *testing.T) {
	for name, tc := range map[string]struct{ category, generation, family, size, flex string }{
		"t3.medium":           {"t", "3", "t3", "medium", "false"},
		"c7gn.16xlarge":       {"c", "7", "c7gn", "16xlarge", "false"},
		"m7i-flex.large":      {"m", "7", "m7i-flex", "large", "true"},
		"u-6tb1.metal":        {"u", "1", "u-6tb1", "metal", "false"},
		"u7i-12tb.224xlarge":  {"u", "7", "u7i-12tb", "224xlarge", "false"},
		"x2iedn.metal":        {"x", "2", "x2iedn", "metal", "false"},
		"im4gn.large":         {"im", "4", "im4gn", "large", "false"},
		"m7i.metal-24xl":      {"m", "7", "m7i", "metal-24xl", "false"},
		"without-a-size":      {"absent", "absent", "absent", "absent", "false"},
		"generationless.huge": {"absent", "absent", "generationless", "huge", "false"},
	} {
		t.Run(name, func(t *testing.T) {
			g := NewWithT(t)
			all := scheduling.NewRequirements(nameLabels(name)...)
			g.Expect(value(all, v1.LabelInstanceCategory)).To(Equal(tc.category))
			g.Expect(value(all, v1.LabelInstanceGeneration)).To(Equal(tc.generation))
			g.Expect(value(all, v1.LabelInstanceFamily)).To(Equal(tc.family))
			g.Expect(value(all, v1.LabelInstanceSize)).To(Equal(tc.size))
			g.Expect(value(all, v1.LabelInstanceCapabilityFlex)).To(Equal(tc.flex))
		})
	}
}

func TestLabelsOfDevices(t *testing.T) {
	v520 := Device{Name: "Radeon Pro V520", Manufacturer: "AMD", Count: 2, MemoryMiB: 8192}
	inferentia := Device{Name: "Inferentia", Manufacturer: "AWS", Count: 1}
	neuron := Device{Name: "Inferentia", Manufacturer: "aws", Count: 4, Cores: 4}
	for name, tc := range map[string]struct {
		in   Type
		want map[string]string
	}{
		"none": {want: map[string]string{
			v1.LabelInstanceGPUName: "absent", v1.LabelInstanceGPUManufacturer: "absent", v1.LabelInstanceGPUCount: "absent",
			v1.LabelInstanceGPUMemory: "absent", v1.LabelInstanceAcceleratorName: "absent",
			v1.LabelInstanceAcceleratorManufacturer: "absent", v1.LabelInstanceAcceleratorCount: "absent",
		}},
		"one kind of GPU": {in: Type{GPUs: []Device{v520}}, want: map[string]string{
			v1.LabelInstanceGPUName: "radeon-pro-v520", v1.LabelInstanceGPUManufacturer: "amd", v1.LabelInstanceGPUCount: "2", v1.LabelInstanceGPUMemory: "8192",
		}},
		"two kinds have no name in common": {in: Type{GPUs: []Device{v520, {Name: "A10G"}}}, want: map[string]string{v1.LabelInstanceGPUName: "absent"}},
		"an accelerator": {in: Type{Accelerators: []Device{inferentia}}, want: map[string]string{
			v1.LabelInstanceAcceleratorName: "inferentia", v1.LabelInstanceAcceleratorManufacturer: "aws", v1.LabelInstanceAcceleratorCount: "1",
		}},
		"Neuron counts, not what EC2 lists beside it": {in: Type{Accelerators: []Device{inferentia}, Neuron: []Device{neuron}}, want: map[string]string{
			v1.LabelInstanceAcceleratorName: "inferentia", v1.LabelInstanceAcceleratorCount: "4",
		}},
	} {
		t.Run(name, func(t *testing.T) {
			g := NewWithT(t)
			all := labels(tc.in, "us-east-1")
			for key, want := range tc.want {
				g.Expect(value(all, key)).To(Equal(want), key)
			}
		})
	}
}

// TestEveryWellKnownLabelIsSaid: core lets a pod that asks for an undefined well-known label
// pass, so each must be there, with a value or as absent.
func TestEveryWellKnownLabelIsSaid(t *testing.T) {
	g := NewWithT(t)
	r := testResolver(t, New(nil, Config{Region: "us-east-1"}), testClass())
	all := r.requirements(medium(), labels(medium(), "us-east-1"))
	for _, key := range append(v1.GetWellKnown().Labels,
		corev1.LabelTopologyZone, corev1.LabelTopologyRegion, corev1.LabelArchStable, corev1.LabelOSStable, corev1.LabelInstanceTypeStable) {
		if key == v1.LabelPlacementGroupID || key == v1.LabelPlacementGroupPartition {
			continue // said only for classes with a placement group, as by the AWS provider
		}
		g.Expect(value(all, key)).NotTo(Equal("undefined"), key)
	}
	g.Expect(value(all, v1.LabelInstanceTenancy)).To(Equal("dedicated,default"))
}
