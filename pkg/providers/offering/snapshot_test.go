package offering_test

import (
	"errors"
	"testing"
	"time"

	. "github.com/onsi/gomega"
	corev1 "k8s.io/api/core/v1"

	v1 "github.com/karpenter-kubeadm/karpenter-provider-aws/pkg/apis/v1"
	"github.com/karpenter-kubeadm/karpenter-provider-aws/pkg/cluster"
	"github.com/karpenter-kubeadm/karpenter-provider-aws/pkg/pool"
)

func TestWhatRenewsTheTypes(t *testing.T) {
	for name, tc := range map[string]struct {
		change  func(*world, *v1.EC2NodeClass)
		renewed bool
	}{
		"nothing":                         {change: func(*world, *v1.EC2NodeClass) {}},
		"time":                            {change: func(w *world, _ *v1.EC2NodeClass) { w.clock.Step(24 * time.Hour) }},
		"a condition of the class":        {change: func(_ *world, c *v1.EC2NodeClass) { c.ResourceVersion = "11"; c.StatusConditions().SetTrue("Ready") }},
		"a label of the class":            {change: func(_ *world, c *v1.EC2NodeClass) { c.ResourceVersion = "11"; c.Labels = map[string]string{"a": "b"} }},
		"a subnet of the class":           {change: func(_ *world, c *v1.EC2NodeClass) { c.ResourceVersion = "11"; c.Status.Subnets[0].ID = "subnet-a9" }, renewed: true},
		"an image of the class":           {change: func(_ *world, c *v1.EC2NodeClass) { c.ResourceVersion = "11"; c.Status.AMIs = []v1.AMI{{ID: "ami-1"}} }, renewed: true},
		"the class's spec":                {change: func(_ *world, c *v1.EC2NodeClass) { c.ResourceVersion = "11"; c.Spec.Role = "other" }, renewed: true},
		"another class of the same name":  {change: func(_ *world, c *v1.EC2NodeClass) { c.UID = "uid-2" }, renewed: true},
		"EC2's types":                     {change: func(w *world, _ *v1.EC2NodeClass) { w.types.version++ }, renewed: true},
		"the cluster's kubelet-config":    {change: func(w *world, _ *v1.EC2NodeClass) { w.cluster.Kubelet = []byte("maxPods: 60") }, renewed: true},
		"the network of pods":             {change: func(w *world, _ *v1.EC2NodeClass) { w.cluster.Pods.VPC = true }, renewed: true},
		"the cluster's mode":              {change: func(w *world, _ *v1.EC2NodeClass) { w.cluster.Mode = cluster.EKS }, renewed: true},
		"the cluster's version":           {change: func(w *world, _ *v1.EC2NodeClass) { w.cluster.Version = cluster.Version{Major: 1, Minor: 37} }},
		"a refusal of a pool nobody has":  {change: func(w *world, _ *v1.EC2NodeClass) { w.Refuse([]pool.Pool{od("x9.mega", zoneA)}, "none") }},
		"a class that is not stored, too": {change: func(_ *world, c *v1.EC2NodeClass) { c.ResourceVersion = "" }},
	} {
		t.Run(name, func(t *testing.T) {
			g, w, class := NewWithT(t), newWorld(t), newClass()
			before := w.ask(t, class)
			changed := class.DeepCopy()
			tc.change(w, changed)
			after := w.ask(t, changed)

			for name := range before {
				g.Expect(after[name] != before[name]).To(Equal(tc.renewed), name)
			}
			// Whatever came of it, it stays.
			again := w.ask(t, changed)
			for name := range after {
				g.Expect(again[name]).To(BeIdenticalTo(after[name]), name)
			}
		})
	}
}

func TestANewResourceVersionIsComparedOnce(t *testing.T) {
	g, w, class := NewWithT(t), newWorld(t), newClass()
	w.ask(t, class)
	class.ResourceVersion = "11"
	class.Annotations = map[string]string{"a": "b"}
	w.ask(t, class)
	w.ask(t, class)
	g.Expect(w.types.resolved).To(Equal(1))
}

func TestClassesDoNotDisturbEachOther(t *testing.T) {
	g, w, one := NewWithT(t), newWorld(t), newClass()
	two := newClass(func(c *v1.EC2NodeClass) { c.UID = "uid-2" })
	first, second := w.ask(t, one), w.ask(t, two)
	w.Refuse([]pool.Pool{od("m5.large", zoneA)}, "none")

	// Each class learns of the refusal, whichever asks first.
	g.Expect(w.ask(t, one)["m5.large"]).NotTo(BeIdenticalTo(first["m5.large"]))
	g.Expect(w.ask(t, two)["m5.large"]).NotTo(BeIdenticalTo(second["m5.large"]))
	g.Expect(w.types.resolved).To(Equal(2))
}

func TestARefusalRenewsItsTypeOnly(t *testing.T) {
	g, w, class := NewWithT(t), newWorld(t), newClass()
	before := w.ask(t, class)
	w.Refuse([]pool.Pool{od("m5.large", zoneA)}, "none")
	after := w.ask(t, class)

	g.Expect(after["m5.large"]).NotTo(BeIdenticalTo(before["m5.large"]))
	g.Expect(after["t3.medium"]).To(BeIdenticalTo(before["t3.medium"]))
	g.Expect(before["m5.large"].Offerings.Available()).To(HaveLen(4), "an answer given before stays as it was")
	g.Expect(w.types.resolved).To(Equal(1))
}

func TestTheSliceIsTheCallers(t *testing.T) {
	g, w, class := NewWithT(t), newWorld(t), newClass()
	one, err := w.InstanceTypes(t.Context(), class)
	g.Expect(err).NotTo(HaveOccurred())
	one[0], one[1] = one[1], one[0]

	two, err := w.InstanceTypes(t.Context(), class)
	g.Expect(err).NotTo(HaveOccurred())
	g.Expect(two[0]).To(BeIdenticalTo(one[1]))
}

func TestASnapshotThatNobodyAsksForIsDropped(t *testing.T) {
	g, w, class := NewWithT(t), newWorld(t), newClass()
	w.ask(t, class)
	w.clock.Step(2 * time.Hour)
	w.ask(t, newClass(func(c *v1.EC2NodeClass) { c.UID = "uid-2" })) // building another sweeps
	w.ask(t, class)
	g.Expect(w.types.resolved).To(Equal(3))
}

func TestSizesComeFromTheSameInputs(t *testing.T) {
	g, w, class := NewWithT(t), newWorld(t), newClass()
	sizes, err := w.Sizes(t.Context(), class, "m5.large")
	g.Expect(err).NotTo(HaveOccurred())
	g.Expect(sizes.MaxPods).To(Equal(int64(len("maxPods: 50"))))

	w.cluster.Kubelet = []byte("maxPods: 100")
	sizes, err = w.Sizes(t.Context(), class, "t3.medium")
	g.Expect(err).NotTo(HaveOccurred())
	g.Expect(sizes.MaxPods).To(Equal(int64(len("maxPods: 100"))))

	_, err = w.Sizes(t.Context(), class, "x9.mega")
	g.Expect(err).To(MatchError(ContainSubstring(`"x9.mega"`)))
}

func TestFailuresArePassedOnAndNotKept(t *testing.T) {
	g, w, class := NewWithT(t), newWorld(t), newClass()
	w.types.err = errors.New("spec.kubelet.maxPods is wrong")
	_, err := w.InstanceTypes(t.Context(), class)
	g.Expect(err).To(MatchError(ContainSubstring(`EC2NodeClass "default": spec.kubelet.maxPods is wrong`)))

	w.types.err, w.cluster.err = nil, errors.New("no API server")
	_, err = w.InstanceTypes(t.Context(), class)
	g.Expect(err).To(MatchError(ContainSubstring("no API server")))
	_, err = w.Sizes(t.Context(), class, "m5.large")
	g.Expect(err).To(MatchError(ContainSubstring("no API server")))

	w.cluster.err = nil
	g.Expect(w.ask(t, class)).To(HaveLen(2))
}

func TestCapacityIsHandedThrough(t *testing.T) {
	g, w := NewWithT(t), newWorld(t)
	allocatable := w.ask(t, newClass())["m5.large"].Allocatable()
	g.Expect(allocatable).To(HaveKey(corev1.ResourceCPU))
}
