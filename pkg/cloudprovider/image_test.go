package cloudprovider

import (
	"testing"

	. "github.com/onsi/gomega"
	corev1 "k8s.io/api/core/v1"
	karpenter "sigs.k8s.io/karpenter/pkg/cloudprovider"
	"sigs.k8s.io/karpenter/pkg/scheduling"

	v1 "github.com/karpenter-kubeadm/karpenter-provider-aws/pkg/apis/v1"
)

// withDevices is a type with a GPU count, or, as EC2's are read, without.
func withDevices(it *karpenter.InstanceType, gpus ...string) *karpenter.InstanceType {
	operator := corev1.NodeSelectorOpDoesNotExist
	if len(gpus) > 0 {
		operator = corev1.NodeSelectorOpIn
	}
	it.Requirements.Add(
		scheduling.NewRequirement(v1.LabelInstanceGPUCount, operator, gpus...),
		scheduling.NewRequirement(v1.LabelInstanceAcceleratorCount, corev1.NodeSelectorOpDoesNotExist),
	)
	return it
}

// withoutDrivers is an image as an alias leads to.
func withoutDrivers(id string) v1.AMI {
	plain := image(id, "amd64")
	for _, label := range []string{v1.LabelInstanceGPUCount, v1.LabelInstanceAcceleratorCount} {
		plain.Requirements = append(plain.Requirements, corev1.NodeSelectorRequirement{Key: label, Operator: corev1.NodeSelectorOpDoesNotExist})
	}
	return plain
}

func TestATypeWithGPUsNeverStartsFromAnImageWithoutDrivers(t *testing.T) {
	g, p := NewWithT(t), newParts(t)
	p.types = []*karpenter.InstanceType{withDevices(typeOf("g5.xlarge", 4, offer(zoneA, onDemand, 1)), "1")}
	class := ubuntu("default")
	class.Status.AMIs = []v1.AMI{withoutDrivers("ami-plain")}

	_, err := p.provider().render(t.Context(), p.order(t, class))
	g.Expect(core(translate(err))).To(Equal("retried: AMINotFound"))
	g.Expect(err).To(MatchError(And(
		ContainSubstring("no image in the status of EC2NodeClass default runs on any of 1 instance types (g5.xlarge)"),
		ContainSubstring("select an image by id, name, tags or ssmParameter"),
	)))
	g.Expect(p.requests).To(BeEmpty())

	class.Status.AMIs = append(class.Status.AMIs, image("ami-users", "amd64"))
	groups, err := p.provider().render(t.Context(), p.order(t, class))
	g.Expect(err).NotTo(HaveOccurred())
	g.Expect(groups).To(HaveExactElements(HaveField("Template.ImageID", "ami-users")), "of a user's own image nothing is assumed")
}

func TestATypeWithoutGPUsStartsFromAnImageWithoutDrivers(t *testing.T) {
	g, p := NewWithT(t), newParts(t)
	p.types = []*karpenter.InstanceType{withDevices(typeOf("m5.xlarge", 4, offer(zoneA, onDemand, 1)))}
	class := ubuntu("default")
	class.Status.AMIs = []v1.AMI{withoutDrivers("ami-plain")}
	groups, err := p.provider().render(t.Context(), p.order(t, class))
	g.Expect(err).NotTo(HaveOccurred())
	g.Expect(groups).To(HaveExactElements(HaveField("Template.ImageID", "ami-plain")))
}

func TestThatNoImageRunsIsNotBlamedOnGPUsThatAreNone(t *testing.T) {
	g, p := NewWithT(t), newParts(t)
	p.types = []*karpenter.InstanceType{withDevices(typeOf("m5.xlarge", 4, offer(zoneA, onDemand, 1)))}
	class := ubuntu("default")
	class.Status.AMIs = []v1.AMI{image("ami-arm", "arm64")}
	_, err := p.provider().render(t.Context(), p.order(t, class))
	g.Expect(err).To(MatchError(HaveSuffix("runs on any of 1 instance types (m5.xlarge)")))
}
