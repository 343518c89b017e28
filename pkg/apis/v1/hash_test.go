package v1_test

import (
	"maps"
	"reflect"
	"slices"
	"testing"

	. "github.com/onsi/gomega"
	"github.com/samber/lo"
	apiextensionsv1 "k8s.io/apiextensions-apiserver/pkg/apis/apiextensions/v1"
	"k8s.io/apimachinery/pkg/api/resource"

	v1 "github.com/karpenter-kubeadm/karpenter-provider-aws/pkg/apis/v1"
)

// specChanges sets each field of the spec by its Go name, and says whether that is drift.
func specChanges() map[string]struct {
	change func(*v1.EC2NodeClassSpec)
	drifts bool
} {
	return map[string]struct {
		change func(*v1.EC2NodeClassSpec)
		drifts bool
	}{
		"SubnetSelectorTerms": {func(s *v1.EC2NodeClassSpec) { s.SubnetSelectorTerms = []v1.SubnetSelectorTerm{{ID: "subnet-1"}} }, false},
		"SecurityGroupSelectorTerms": {func(s *v1.EC2NodeClassSpec) {
			s.SecurityGroupSelectorTerms = []v1.SecurityGroupSelectorTerm{{ID: "sg-1"}}
		}, false},
		"CapacityReservationSelectorTerms": {func(s *v1.EC2NodeClassSpec) {
			s.CapacityReservationSelectorTerms = []v1.CapacityReservationSelectorTerm{{ID: "cr-1"}}
		}, false},
		"AMISelectorTerms": {func(s *v1.EC2NodeClassSpec) { s.AMISelectorTerms = []v1.AMISelectorTerm{{ID: "ami-1"}} }, false},
		"IPPrefixCount":    {func(s *v1.EC2NodeClassSpec) { s.IPPrefixCount = lo.ToPtr[int32](1) }, false},
		"PlacementGroupSelector": {func(s *v1.EC2NodeClassSpec) {
			s.PlacementGroupSelector = &v1.PlacementGroupSelector{Name: lo.ToPtr("x")}
		}, true},
		"AssociatePublicIPAddress": {func(s *v1.EC2NodeClassSpec) { s.AssociatePublicIPAddress = lo.ToPtr(true) }, true},
		"AMIFamily":                {func(s *v1.EC2NodeClassSpec) { s.AMIFamily = lo.ToPtr(v1.AMIFamilyDebian) }, true},
		"UserData":                 {func(s *v1.EC2NodeClassSpec) { s.UserData = lo.ToPtr("#!/bin/sh") }, true},
		"Role":                     {func(s *v1.EC2NodeClassSpec) { s.Role = "other" }, true},
		"InstanceProfile":          {func(s *v1.EC2NodeClassSpec) { s.InstanceProfile = lo.ToPtr("other") }, true},
		"Tags":                     {func(s *v1.EC2NodeClassSpec) { s.Tags = map[string]string{"a": "b"} }, true},
		"Kubelet":                  {func(s *v1.EC2NodeClassSpec) { s.Kubelet = kubelet(`{"maxPods": 20}`) }, true},
		"BlockDeviceMappings": {func(s *v1.EC2NodeClassSpec) {
			s.BlockDeviceMappings = []*v1.BlockDeviceMapping{{DeviceName: lo.ToPtr("/dev/sda1")}}
		}, true},
		"InstanceStorePolicy": {func(s *v1.EC2NodeClassSpec) { s.InstanceStorePolicy = lo.ToPtr(v1.InstanceStorePolicyRAID0) }, true},
		"NetworkInterfaces":   {func(s *v1.EC2NodeClassSpec) { s.NetworkInterfaces = []*v1.NetworkInterface{{DeviceIndex: 1}} }, true},
		"DetailedMonitoring":  {func(s *v1.EC2NodeClassSpec) { s.DetailedMonitoring = lo.ToPtr(true) }, true},
		"MetadataOptions": {func(s *v1.EC2NodeClassSpec) {
			s.MetadataOptions = &v1.MetadataOptions{HTTPTokens: lo.ToPtr("optional")}
		}, true},
		"EnclaveOptions": {func(s *v1.EC2NodeClassSpec) { s.EnclaveOptions = &v1.EnclaveOptions{Enabled: true} }, true},
		"ConnectionTracking": {func(s *v1.EC2NodeClassSpec) {
			s.ConnectionTracking = &v1.ConnectionTracking{UDPTimeout: lo.ToPtr[int32](30)}
		}, true},
		"Context":    {func(s *v1.EC2NodeClassSpec) { s.Context = lo.ToPtr("x") }, true},
		"CPUOptions": {func(s *v1.EC2NodeClassSpec) { s.CPUOptions = &v1.CPUOptions{NestedVirtualization: lo.ToPtr("enabled")} }, true},
	}
}

func TestHashChangesWithTheFieldsThatMakeANode(t *testing.T) {
	changes := specChanges()
	for name, tc := range changes {
		t.Run(name, func(t *testing.T) {
			g, class := NewWithT(t), ubuntu()
			before := class.Hash(nil)
			tc.change(&class.Spec)
			g.Expect(class.Hash(nil) != before).To(Equal(tc.drifts))
		})
	}
	t.Run("every field of the spec is in the table", func(t *testing.T) {
		spec := reflect.TypeFor[v1.EC2NodeClassSpec]()
		fields := lo.Times(spec.NumField(), func(i int) string { return spec.Field(i).Name })
		NewWithT(t).Expect(fields).To(ConsistOf(slices.Collect(maps.Keys(changes))))
	})
}

func TestHashIsOfMeaning(t *testing.T) {
	disks := func(names ...string) []*v1.BlockDeviceMapping {
		return lo.Map(names, func(name string, _ int) *v1.BlockDeviceMapping {
			return &v1.BlockDeviceMapping{DeviceName: &name, EBS: &v1.BlockDevice{VolumeSize: lo.ToPtr(resource.MustParse("1Gi"))}}
		})
	}
	for name, tc := range map[string]struct{ a, b func(*v1.EC2NodeClass) }{
		"the order of disks does not matter": {
			func(c *v1.EC2NodeClass) { c.Spec.BlockDeviceMappings = disks("a", "b") },
			func(c *v1.EC2NodeClass) { c.Spec.BlockDeviceMappings = disks("b", "a") },
		},
		"the order of interfaces does not matter": {
			func(c *v1.EC2NodeClass) {
				c.Spec.NetworkInterfaces = []*v1.NetworkInterface{{DeviceIndex: 0}, {DeviceIndex: 1}}
			},
			func(c *v1.EC2NodeClass) {
				c.Spec.NetworkInterfaces = []*v1.NetworkInterface{{DeviceIndex: 1}, {DeviceIndex: 0}}
			},
		},
		"space and order in kubelet do not matter": {
			func(c *v1.EC2NodeClass) { c.Spec.Kubelet = kubelet(`{"kubeReserved": {"cpu": "1", "memory": "1Gi"}}`) },
			func(c *v1.EC2NodeClass) { c.Spec.Kubelet = kubelet(`{"kubeReserved": {"memory":"1Gi","cpu":"1"}}`) },
		},
		"a family named and one that follows from the alias are one": {
			func(c *v1.EC2NodeClass) { c.Spec.AMIFamily = lo.ToPtr(v1.AMIFamilyAL2023) },
			func(c *v1.EC2NodeClass) {
				c.Spec.AMIFamily, c.Spec.AMISelectorTerms = nil, []v1.AMISelectorTerm{{Alias: "al2023@latest"}}
			},
		},
		"status, labels and annotations are no part of it": {
			func(*v1.EC2NodeClass) {},
			func(c *v1.EC2NodeClass) {
				c.Status.InstanceProfile, c.Labels, c.Annotations = "x", map[string]string{"a": "b"}, map[string]string{"a": "b"}
			},
		},
	} {
		t.Run(name, func(t *testing.T) {
			a, b := ubuntu(), ubuntu()
			tc.a(a)
			tc.b(b)
			NewWithT(t).Expect(a.Hash(nil)).To(Equal(b.Hash(nil)))
		})
	}
}

func TestHashKeepsDifferentClustersApart(t *testing.T) {
	g := NewWithT(t)
	class := ubuntu()
	g.Expect(class.Hash([]byte("one CA"))).NotTo(Equal(class.Hash([]byte("another CA"))), "nodes must trust the new CA")
}

func TestHashIsStable(t *testing.T) {
	// These numbers stand in annotations of running clusters. When one changes, HashVersion
	// must change with it, or every node of every cluster is replaced.
	g := NewWithT(t)
	g.Expect(v1.HashVersion).To(Equal("kubeadm-v1"))
	g.Expect(ubuntu().Hash([]byte("CA"))).To(Equal("2933911379947187437"))
	class := ubuntu()
	for _, name := range slices.Sorted(maps.Keys(specChanges())) {
		specChanges()[name].change(&class.Spec)
	}
	g.Expect(class.Hash([]byte("CA"))).To(Equal("9552457764140241508"))
}

func TestHashToleratesWhatWasNeverValidated(t *testing.T) {
	g, class := NewWithT(t), ubuntu()
	class.Spec.Kubelet = v1.KubeletConfiguration{"maxPods": apiextensionsv1.JSON{Raw: []byte("{")}}
	g.Expect(class.Hash(nil)).NotTo(Equal(ubuntu().Hash(nil)))
}
