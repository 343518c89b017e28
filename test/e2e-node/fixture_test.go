package e2enode_test

import (
	"context"
	"fmt"
	"math/rand/v2"
	"path/filepath"
	"strings"
	"time"

	. "github.com/onsi/ginkgo/v2"
	. "github.com/onsi/gomega"
	"github.com/samber/lo"
	corev1 "k8s.io/api/core/v1"
	"k8s.io/apimachinery/pkg/api/resource"
	metav1 "k8s.io/apimachinery/pkg/apis/meta/v1"
	"sigs.k8s.io/controller-runtime/pkg/client"
	karpv1 "sigs.k8s.io/karpenter/pkg/apis/v1"

	v1 "github.com/karpenter-kubeadm/karpenter-provider-aws/pkg/apis/v1"
	"github.com/karpenter-kubeadm/karpenter-provider-aws/test/env"
	hollow "github.com/karpenter-kubeadm/karpenter-provider-aws/test/hollow/machine"
	"github.com/karpenter-kubeadm/karpenter-provider-aws/test/node/image"
)

// fixture is what one spec makes.
type fixture struct {
	Class *v1.EC2NodeClass
	Pool  *karpv1.NodePool
	Pod   *corev1.Pod
}

// newFixture returns a NodeClass and a NodePool that are not created yet, and are deleted after the spec.
func newFixture(instanceType string) *fixture {
	name := fmt.Sprintf("spec-%08x", rand.Uint32())
	discovery := map[string]string{"karpenter.sh/discovery": "true"}
	in := func(key string, values ...string) karpv1.NodeSelectorRequirementWithMinValues {
		return karpv1.NodeSelectorRequirementWithMinValues{Key: key, Operator: corev1.NodeSelectorOpIn, Values: values}
	}
	f := &fixture{
		Class: &v1.EC2NodeClass{ObjectMeta: metav1.ObjectMeta{Name: name}, Spec: v1.EC2NodeClassSpec{
			AMIFamily: lo.ToPtr("Ubuntu"), InstanceProfile: lo.ToPtr("karpenter-node-profile"),
			SubnetSelectorTerms:        []v1.SubnetSelectorTerm{{Tags: discovery}},
			SecurityGroupSelectorTerms: []v1.SecurityGroupSelectorTerm{{Tags: discovery}},
		}},
		Pool: &karpv1.NodePool{ObjectMeta: metav1.ObjectMeta{Name: name}, Spec: karpv1.NodePoolSpec{
			Template: karpv1.NodeClaimTemplate{
				ObjectMeta: karpv1.ObjectMeta{Labels: map[string]string{"role": "worker"}},
				Spec: karpv1.NodeClaimTemplateSpec{
					NodeClassRef: &karpv1.NodeClassReference{Group: "karpenter.k8s.aws", Kind: "EC2NodeClass", Name: name},
					ExpireAfter:  karpv1.MustParseNillableDuration("Never"),
					Requirements: []karpv1.NodeSelectorRequirementWithMinValues{
						in(corev1.LabelInstanceTypeStable, instanceType), in(karpv1.CapacityTypeLabelKey, karpv1.CapacityTypeOnDemand), in(corev1.LabelArchStable, "amd64"),
					},
					Taints: []corev1.Taint{{Key: "workload", Value: "ai", Effect: corev1.TaintEffectNoSchedule}},
				},
			},
			Disruption: karpv1.Disruption{ConsolidationPolicy: karpv1.ConsolidationPolicyWhenEmpty, ConsolidateAfter: karpv1.MustParseNillableDuration("Never")},
		}},
	}
	DeferCleanup(f.cleanUp, NodeTimeout(3*time.Minute))
	return f
}

// baked has the fixture's nodes boot from the image with everything installed.
func (f *fixture) baked() *fixture {
	f.Class.Spec.AMISelectorTerms = []v1.AMISelectorTerm{{Tags: map[string]string{hollow.BakedTag: run().image.Kubernetes}}}
	return f
}

// seed is the seed manifests as users wrote them, created unmodified.
func seed(ctx context.Context) *fixture {
	GinkgoHelper()
	f := &fixture{Class: &v1.EC2NodeClass{ObjectMeta: metav1.ObjectMeta{Name: "default"}}, Pool: &karpv1.NodePool{ObjectMeta: metav1.ObjectMeta{Name: "worker-scalable"}}}
	DeferCleanup(f.cleanUp, NodeTimeout(3*time.Minute))
	for _, file := range []string{"nodepool.yaml", "ec2nodeclass.yaml"} {
		Expect(env.ApplyFile(ctx, run().env.Admin, filepath.Join(run().env.Binaries.Root, "charts", "karpenter", "examples", "seed", file))).To(Succeed())
	}
	return f
}

// create makes NodeClass and NodePool.
func (f *fixture) create(ctx context.Context) {
	GinkgoHelper()
	Expect(run().env.Admin.Create(ctx, f.Class)).To(Succeed())
	Expect(run().env.Admin.Create(ctx, f.Pool)).To(Succeed())
}

// greeting is what the pod says when it runs.
const greeting = "hello from "

// pod makes a pod that needs a node of the fixture's and says where it runs.
func (f *fixture) pod(ctx context.Context) {
	GinkgoHelper()
	grace := int64(0)
	f.Pod = &corev1.Pod{
		ObjectMeta: metav1.ObjectMeta{Name: f.Pool.Name, Namespace: metav1.NamespaceDefault},
		Spec: corev1.PodSpec{
			NodeSelector:                  map[string]string{karpv1.NodePoolLabelKey: f.Pool.Name},
			Tolerations:                   []corev1.Toleration{{Key: "workload", Operator: corev1.TolerationOpExists}},
			TerminationGracePeriodSeconds: &grace,
			Containers: []corev1.Container{{
				Name: "shell", Image: image.Busybox, ImagePullPolicy: corev1.PullNever,
				Command:   []string{"/bin/sh", "-c", "echo " + greeting + "$NODE; exec busybox sleep 3600"},
				Env:       []corev1.EnvVar{{Name: "NODE", ValueFrom: &corev1.EnvVarSource{FieldRef: &corev1.ObjectFieldSelector{FieldPath: "spec.nodeName"}}}},
				Resources: corev1.ResourceRequirements{Requests: corev1.ResourceList{corev1.ResourceCPU: resource.MustParse("500m"), corev1.ResourceMemory: resource.MustParse("256Mi")}},
			}},
		},
	}
	Expect(run().env.Admin.Create(ctx, f.Pod)).To(Succeed())
}

// launched waits until the pod's claim is written down as launched and its machine is on.
func (f *fixture) launched(ctx context.Context) env.Instance {
	GinkgoHelper()
	Eventually(func(g Gomega) {
		var claims karpv1.NodeClaimList
		g.Expect(run().env.Admin.List(ctx, &claims, client.MatchingLabels{karpv1.NodePoolLabelKey: f.Pool.Name})).To(Succeed())
		g.Expect(claims.Items).To(ConsistOf(HaveField("Status.Conditions", ContainElement(And(
			HaveField("Type", karpv1.ConditionTypeLaunched), HaveField("Status", metav1.ConditionTrue))))))
		instances := f.instances(ctx)
		g.Expect(instances).To(HaveLen(1))
		g.Expect(run().machines.Machine(instances[0].ID)).NotTo(BeNil())
	}).WithContext(ctx).Should(Succeed())
	return f.instances(ctx)[0]
}

// running waits until the pod runs, has said so, and returns its node and the instance.
func (f *fixture) running(ctx context.Context) (*corev1.Node, env.Instance) {
	GinkgoHelper()
	Eventually(func(g Gomega) {
		g.Expect(run().env.Admin.Get(ctx, client.ObjectKeyFromObject(f.Pod), f.Pod)).To(Succeed())
		g.Expect(f.Pod.Status.Phase).To(Equal(corev1.PodRunning))
	}).WithContext(ctx).WithTimeout(3*time.Minute).Should(Succeed(), f.consoles)
	Eventually(func() (string, error) {
		said, err := run().kube.CoreV1().Pods(f.Pod.Namespace).GetLogs(f.Pod.Name, &corev1.PodLogOptions{}).DoRaw(ctx)
		return string(said), err
	}).WithContext(ctx).Should(Equal(greeting + f.Pod.Spec.NodeName + "\n"))
	node := &corev1.Node{}
	Expect(run().env.Admin.Get(ctx, client.ObjectKey{Name: f.Pod.Spec.NodeName}, node)).To(Succeed())
	instances := f.instances(ctx)
	Expect(instances).To(HaveLen(1))
	return node, instances[0]
}

// consoles is what the fixture's machines have written, for a failure's report.
func (f *fixture) consoles() string {
	var text strings.Builder
	for _, i := range f.instances(context.Background()) {
		if m := run().machines.Machine(i.ID); m != nil {
			journal, err := m.Command(context.Background(), "journalctl", "--no-pager", "--lines=60", "--unit=kubelet", "--unit=init.scope").CombinedOutput()
			fmt.Fprintf(&text, "console of %s:\n%s\njournal (%v):\n%s\n", i.ID, m.Console(), err, journal)
		}
	}
	return text.String()
}

func (f *fixture) instances(ctx context.Context) []env.Instance {
	GinkgoHelper()
	all, err := run().env.Instances(ctx, map[string]string{"karpenter.sh/nodepool": f.Pool.Name})
	Expect(err).NotTo(HaveOccurred())
	return lo.Filter(all, func(i env.Instance, _ int) bool { return i.Alive() })
}

// cleanUp removes all that the spec made, and the machines that came of it.
func (f *fixture) cleanUp(ctx SpecContext) {
	admin := run().env.Admin
	if f.Pod != nil {
		Expect(client.IgnoreNotFound(admin.Delete(ctx, f.Pod))).To(Succeed())
	}
	Expect(client.IgnoreNotFound(admin.Delete(ctx, f.Pool))).To(Succeed())
	// Its claims would follow, when the garbage collector has learned of their kind.
	Expect(admin.DeleteAllOf(ctx, &karpv1.NodeClaim{}, client.MatchingLabels{karpv1.NodePoolLabelKey: f.Pool.Name})).To(Succeed())
	Eventually(func(g Gomega) {
		var claims karpv1.NodeClaimList
		g.Expect(admin.List(ctx, &claims, client.MatchingLabels{karpv1.NodePoolLabelKey: f.Pool.Name})).To(Succeed())
		g.Expect(claims.Items).To(BeEmpty())
		g.Expect(f.instances(ctx)).To(BeEmpty())
	}).WithContext(ctx).Should(Succeed())
	Expect(client.IgnoreNotFound(admin.Delete(ctx, f.Class))).To(Succeed())
}
