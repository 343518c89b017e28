package cloudprovider

import (
	"testing"

	. "github.com/onsi/gomega"
	corev1 "k8s.io/api/core/v1"
	karpv1 "sigs.k8s.io/karpenter/pkg/apis/v1"
	karpenter "sigs.k8s.io/karpenter/pkg/cloudprovider"

	v1 "github.com/karpenter-kubeadm/karpenter-provider-aws/pkg/apis/v1"
	"github.com/karpenter-kubeadm/karpenter-provider-aws/pkg/instance"
)

func hashes(hash, version string) map[string]string {
	out := map[string]string{}
	if hash != "" {
		out[v1.AnnotationEC2NodeClassHash] = hash
	}
	if version != "" {
		out[v1.AnnotationEC2NodeClassHashVersion] = version
	}
	return out
}

func TestClassDrift(t *testing.T) {
	for name, tc := range map[string]struct {
		claim, class map[string]string
		want         karpenter.DriftReason
	}{
		"equal hashes":                               {hashes("1", "v"), hashes("1", "v"), notDrifted},
		"other hashes":                               {hashes("1", "v"), hashes("2", "v"), NodeClassDrift},
		"hashes of other versions say nothing":       {hashes("1", "v"), hashes("2", "w"), notDrifted},
		"a claim of before there were hashes":        {nil, hashes("2", "v"), notDrifted},
		"a class that was not hashed yet":            {hashes("1", "v"), nil, notDrifted},
		"a claim whose hash does not say its origin": {hashes("1", ""), hashes("2", "v"), notDrifted},
	} {
		t.Run(name, func(t *testing.T) {
			claim, class := &karpv1.NodeClaim{}, &v1.EC2NodeClass{}
			claim.Annotations, class.Annotations = tc.claim, tc.class
			NewWithT(t).Expect(classDrift(claim, class)).To(Equal(tc.want))
		})
	}
}

func image(id, arch string) v1.AMI {
	return v1.AMI{ID: id, Requirements: []corev1.NodeSelectorRequirement{
		{Key: corev1.LabelArchStable, Operator: corev1.NodeSelectorOpIn, Values: []string{arch}},
	}}
}

func TestImageDrift(t *testing.T) {
	amd := typeOf("t3.small", 2)
	for name, tc := range map[string]struct {
		image string
		known []v1.AMI
		it    *karpenter.InstanceType
		want  karpenter.DriftReason
		err   OmegaMatcher
	}{
		"the newest that runs on the type":            {"ami-2", []v1.AMI{image("ami-arm", "arm64"), image("ami-2", "amd64"), image("ami-1", "amd64")}, amd, notDrifted, BeNil()},
		"an older one":                                {"ami-1", []v1.AMI{image("ami-2", "amd64"), image("ami-1", "amd64")}, amd, AMIDrift, BeNil()},
		"one that the class has no more":              {"ami-0", []v1.AMI{image("ami-2", "amd64")}, amd, AMIDrift, BeNil()},
		"no image runs on the type any more":          {"ami-1", []v1.AMI{image("ami-arm", "arm64")}, amd, AMIDrift, BeNil()},
		"a class without images is a fault, no drift": {"ami-1", nil, amd, notDrifted, MatchError(ContainSubstring("has no images"))},
		"a claim without an image is one too":         {"", []v1.AMI{image("ami-2", "amd64")}, amd, notDrifted, MatchError(ContainSubstring("has no image"))},
		"a type that is not known is one too":         {"ami-2", []v1.AMI{image("ami-2", "amd64")}, nil, notDrifted, MatchError(ContainSubstring("is not known"))},
	} {
		t.Run(name, func(t *testing.T) {
			g := NewWithT(t)
			claim, class := &karpv1.NodeClaim{}, &v1.EC2NodeClass{}
			claim.Status.ImageID, class.Status.AMIs = tc.image, tc.known
			got, err := imageDrift(claim, class, tc.it)
			g.Expect(err).To(tc.err)
			g.Expect(got).To(Equal(tc.want))
		})
	}
}

func TestNetworkDrift(t *testing.T) {
	class := &v1.EC2NodeClass{}
	class.Status.Subnets = []v1.Subnet{{ID: "subnet-1"}, {ID: "subnet-2"}}
	class.Status.SecurityGroups = []v1.SecurityGroup{{ID: "sg-1"}, {ID: "sg-2"}}
	for name, tc := range map[string]struct {
		is   instance.Instance
		want karpenter.DriftReason
	}{
		"as the class says":                     {instance.Instance{SubnetID: "subnet-2", SecurityGroupIDs: []string{"sg-2", "sg-1"}}, notDrifted},
		"a subnet that is not selected":         {instance.Instance{SubnetID: "subnet-3", SecurityGroupIDs: []string{"sg-1", "sg-2"}}, SubnetDrift},
		"a group too few":                       {instance.Instance{SubnetID: "subnet-1", SecurityGroupIDs: []string{"sg-1"}}, SecurityGroupDrift},
		"a group too many, in a foreign subnet": {instance.Instance{SubnetID: "subnet-3", SecurityGroupIDs: []string{"sg-1", "sg-2", "sg-3"}}, SecurityGroupDrift},
	} {
		t.Run(name, func(t *testing.T) {
			g := NewWithT(t)
			got, err := networkDrift(tc.is, class)
			g.Expect(err).NotTo(HaveOccurred())
			g.Expect(got).To(Equal(tc.want))
		})
	}
	_, err := networkDrift(instance.Instance{}, &v1.EC2NodeClass{})
	NewWithT(t).Expect(err).To(MatchError(ContainSubstring("no security groups or no subnets")), "what is not resolved is no drift")
}
