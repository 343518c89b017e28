package instancetype

import (
	"testing"

	. "github.com/onsi/gomega"
	"github.com/samber/lo"
	corev1 "k8s.io/api/core/v1"

	karpenter "sigs.k8s.io/karpenter/pkg/cloudprovider"

	v1 "github.com/karpenter-kubeadm/karpenter-provider-aws/pkg/apis/v1"
)

func image(architecture string) func(*v1.EC2NodeClass) {
	return func(c *v1.EC2NodeClass) {
		c.Status.AMIs = append(c.Status.AMIs, v1.AMI{ID: "ami-" + architecture, Requirements: []corev1.NodeSelectorRequirement{
			{Key: corev1.LabelArchStable, Operator: corev1.NodeSelectorOpIn, Values: []string{architecture}},
		}})
	}
}

func TestSuitable(t *testing.T) {
	second := v1.NetworkInterface{NetworkCardIndex: 1, InterfaceType: v1.InterfaceTypeInterface}
	fourth := v1.NetworkInterface{DeviceIndex: 3, InterfaceType: v1.InterfaceTypeInterface}
	third := v1.NetworkInterface{DeviceIndex: 2, InterfaceType: v1.InterfaceTypeInterface}
	efa := v1.NetworkInterface{DeviceIndex: 1, InterfaceType: v1.InterfaceTypeEFAOnly}
	xen := medium()
	xen.Hypervisor = "xen"
	old := medium()
	old.Name = "a1.large"
	slow := medium()
	slow.Network.ENA = false
	able := medium()
	able.Enclaves, able.CPU.NestedVirtualization, able.Network.EFAs = true, true, 1
	prefixes := func(n int32) func(*v1.EC2NodeClass) {
		return func(c *v1.EC2NodeClass) { c.Spec.IPPrefixCount = &n }
	}
	nested := func(c *v1.EC2NodeClass) {
		c.Spec.CPUOptions = &v1.CPUOptions{NestedVirtualization: lo.ToPtr("enabled")}
	}
	enclaves := func(c *v1.EC2NodeClass) { c.Spec.EnclaveOptions = &v1.EnclaveOptions{Enabled: true} }
	tracking := func(c *v1.EC2NodeClass) { c.Spec.ConnectionTracking = &v1.ConnectionTracking{} }
	for name, tc := range map[string]struct {
		in    Type
		class *v1.EC2NodeClass
		want  bool
	}{
		"nothing special asked":                 {in: medium(), class: testClass(), want: true},
		"an image for its architecture":         {in: medium(), class: testClass(image("arm64"), image("amd64")), want: true},
		"images for other architectures":        {in: medium(), class: testClass(image("arm64")), want: false},
		"a1 cannot boot Amazon Linux 2023":      {in: old, class: testClass(ofFamily(v1.AMIFamilyAL2023)), want: false},
		"a1 boots others":                       {in: old, class: testClass(), want: true},
		"a network card that it lacks":          {in: medium(), class: testClass(interfaces(second)), want: false},
		"as many interfaces as it has":          {in: medium(), class: testClass(interfaces(third)), want: true},
		"one more than it has":                  {in: medium(), class: testClass(interfaces(fourth)), want: false},
		"interfaces without ENA":                {in: slow, class: testClass(interfaces(third)), want: false},
		"an adapter that it lacks":              {in: medium(), class: testClass(interfaces(efa)), want: false},
		"an adapter that it has":                {in: able, class: testClass(interfaces(efa)), want: true},
		"prefixes beside the primary address":   {in: medium(), class: testClass(prefixes(5)), want: true},
		"prefixes in place of the primary":      {in: medium(), class: testClass(prefixes(6)), want: false},
		"nested virtualization that it lacks":   {in: medium(), class: testClass(nested), want: false},
		"nested virtualization that it has":     {in: able, class: testClass(nested), want: true},
		"enclaves that it lacks":                {in: medium(), class: testClass(enclaves), want: false},
		"enclaves that it has":                  {in: able, class: testClass(enclaves), want: true},
		"connection tracking without Nitro":     {in: xen, class: testClass(tracking), want: false},
		"connection tracking with Nitro":        {in: medium(), class: testClass(tracking), want: true},
		"Windows boots on amd64 like the rest":  {in: medium(), class: testClass(ofFamily(v1.AMIFamilyWindows2022)), want: true},
		"no images resolved yet is no judgment": {in: old, class: testClass(ofFamily(v1.AMIFamilyUbuntu)), want: true},
	} {
		t.Run(name, func(t *testing.T) {
			g := NewWithT(t)
			r := testResolver(t, New(nil, Config{}), tc.class)
			got, err := r.resolve(tc.in, labels(tc.in, "eu-west-1"), r.sizes(tc.in))
			g.Expect(err).NotTo(HaveOccurred())
			available := lo.SomeBy(got.Offerings, func(o *karpenter.Offering) bool { return o.Available })
			g.Expect(available).To(Equal(tc.want))
		})
	}
}

func TestWindows(t *testing.T) {
	g := NewWithT(t)
	arm := medium()
	arm.Architecture = "arm64"
	r := testResolver(t, New(nil, Config{}), testClass(ofFamily(v1.AMIFamilyWindows2025)))

	all := r.requirements(medium(), labels(medium(), "eu-west-1"))
	g.Expect(value(all, corev1.LabelOSStable)).To(Equal("windows"))
	g.Expect(value(all, corev1.LabelWindowsBuild)).To(Equal("10.0.26100"))
	g.Expect(value(r.requirements(arm, labels(arm, "eu-west-1")), corev1.LabelOSStable)).To(Equal("absent"))
}
