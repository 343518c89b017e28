package v1_test

import (
	"testing"

	. "github.com/onsi/gomega"
	"github.com/samber/lo"

	v1 "github.com/karpenter-kubeadm/karpenter-provider-aws/pkg/apis/v1"
)

func TestDisks(t *testing.T) {
	own := []*v1.BlockDeviceMapping{{DeviceName: lo.ToPtr("/dev/sdx")}}
	for name, tc := range map[string]struct {
		family string
		own    []*v1.BlockDeviceMapping
		want   []string // device and size
	}{
		"Ubuntu boots from sda1":                  {family: v1.AMIFamilyUbuntu, want: []string{"/dev/sda1 20Gi"}},
		"the other Linux families boot from xvda": {family: v1.AMIFamilyFlatcar, want: []string{"/dev/xvda 20Gi"}},
		"Bottlerocket keeps its OS apart":         {family: v1.AMIFamilyBottlerocket, want: []string{"/dev/xvda 6Gi", "/dev/xvdb 20Gi"}},
		"Windows is large":                        {family: v1.AMIFamilyWindows2022, want: []string{"/dev/sda1 50Gi"}},
		"Custom has what its image has":           {family: v1.AMIFamilyCustom},
		"the class's own win":                     {family: v1.AMIFamilyUbuntu, own: own, want: []string{"/dev/sdx "}},
	} {
		t.Run(name, func(t *testing.T) {
			class := &v1.EC2NodeClass{Spec: v1.EC2NodeClassSpec{AMIFamily: &tc.family, BlockDeviceMappings: tc.own}}
			var got []string
			for _, disk := range class.Disks() {
				size := ""
				if disk.EBS != nil {
					NewWithT(t).Expect(*disk.EBS.Encrypted).To(BeTrue())
					size = disk.EBS.VolumeSize.String()
				}
				got = append(got, *disk.DeviceName+" "+size)
			}
			NewWithT(t).Expect(got).To(Equal(tc.want))
		})
	}
}
