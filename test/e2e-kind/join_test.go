package e2ekind_test

import (
	"context"
	"fmt"
	"math/rand/v2"
	"strings"
	"time"

	. "github.com/onsi/ginkgo/v2"
	. "github.com/onsi/gomega"
	"github.com/samber/lo"
	corev1 "k8s.io/api/core/v1"
	"k8s.io/apimachinery/pkg/api/resource"
	metav1 "k8s.io/apimachinery/pkg/apis/meta/v1"
	kubeclient "k8s.io/client-go/kubernetes"
	"k8s.io/client-go/tools/clientcmd"
	"sigs.k8s.io/controller-runtime/pkg/client"
	karpv1 "sigs.k8s.io/karpenter/pkg/apis/v1"

	v1 "github.com/karpenter-kubeadm/karpenter-provider-aws/pkg/apis/v1"
	"github.com/karpenter-kubeadm/karpenter-provider-aws/test/env"
	"github.com/karpenter-kubeadm/karpenter-provider-aws/test/kind/booter"
	"github.com/karpenter-kubeadm/karpenter-provider-aws/test/node/image"
)

// greeting is what the pod says when it runs.
const greeting = "hello from "

// objects are what a user makes: a NodeClass, a NodePool, a pod that fits nowhere else.
func objects(name string) (*v1.EC2NodeClass, *karpv1.NodePool, *corev1.Pod) {
	discovery := map[string]string{"karpenter.sh/discovery": "true"}
	class := &v1.EC2NodeClass{ObjectMeta: metav1.ObjectMeta{Name: name}, Spec: v1.EC2NodeClassSpec{
		AMIFamily: lo.ToPtr("Ubuntu"), AMISelectorTerms: []v1.AMISelectorTerm{{ID: world().Image}}, InstanceProfile: lo.ToPtr("karpenter-node-profile"),
		SubnetSelectorTerms:        []v1.SubnetSelectorTerm{{Tags: discovery}},
		SecurityGroupSelectorTerms: []v1.SecurityGroupSelectorTerm{{Tags: discovery}},
	}}
	in := func(key string, values ...string) karpv1.NodeSelectorRequirementWithMinValues {
		return karpv1.NodeSelectorRequirementWithMinValues{Key: key, Operator: corev1.NodeSelectorOpIn, Values: values}
	}
	pool := &karpv1.NodePool{ObjectMeta: metav1.ObjectMeta{Name: name}, Spec: karpv1.NodePoolSpec{
		Template: karpv1.NodeClaimTemplate{Spec: karpv1.NodeClaimTemplateSpec{
			NodeClassRef: &karpv1.NodeClassReference{Group: "karpenter.k8s.aws", Kind: "EC2NodeClass", Name: name},
			ExpireAfter:  karpv1.MustParseNillableDuration("Never"),
			Requirements: []karpv1.NodeSelectorRequirementWithMinValues{
				in(corev1.LabelInstanceTypeStable, "t3.medium"), in(karpv1.CapacityTypeLabelKey, karpv1.CapacityTypeOnDemand),
			},
		}},
		Disruption: karpv1.Disruption{
			ConsolidationPolicy: karpv1.ConsolidationPolicyWhenEmpty, ConsolidateAfter: karpv1.MustParseNillableDuration("1s"),
			Budgets: []karpv1.Budget{
				{Nodes: "100%"},
				// LocalStack forgets a fleet's security groups, which is drift and would replace the node.
				{Nodes: "0", Reasons: []karpv1.DisruptionReason{karpv1.DisruptionReasonDrifted}},
			},
		},
	}}
	grace := int64(0)
	pod := &corev1.Pod{
		ObjectMeta: metav1.ObjectMeta{Name: name, Namespace: metav1.NamespaceDefault},
		Spec: corev1.PodSpec{
			NodeSelector:                  map[string]string{karpv1.NodePoolLabelKey: name},
			TerminationGracePeriodSeconds: &grace,
			Containers: []corev1.Container{{
				Name: "shell", Image: image.Busybox, ImagePullPolicy: corev1.PullNever,
				Command:   []string{"/bin/sh", "-c", "echo " + greeting + "$NODE; exec busybox sleep 3600"},
				Env:       []corev1.EnvVar{{Name: "NODE", ValueFrom: &corev1.EnvVarSource{FieldRef: &corev1.ObjectFieldSelector{FieldPath: "spec.nodeName"}}}},
				Resources: corev1.ResourceRequirements{Requests: corev1.ResourceList{corev1.ResourceCPU: resource.MustParse("500m"), corev1.ResourceMemory: resource.MustParse("256Mi")}},
			}},
		},
	}
	return class, pool, pod
}

var _ = Describe("An instance of somebody else's EC2", func() {
	It("boots, joins kind's cluster by its user data, runs a pod, and goes with it", func(ctx SpecContext) {
		admin := world().Admin
		class, pool, pod := objects(fmt.Sprintf("spec-%08x", rand.Uint32()))
		for _, object := range []client.Object{class, pool, pod} {
			Expect(admin.Create(ctx, object)).To(Succeed())
			DeferCleanup(func(ctx SpecContext) { Expect(client.IgnoreNotFound(admin.Delete(ctx, object))).To(Succeed()) })
		}
		Eventually(func(g Gomega) {
			g.Expect(admin.Get(ctx, client.ObjectKeyFromObject(pod), pod)).To(Succeed())
			g.Expect(pod.Status.Phase).To(Equal(corev1.PodRunning))
		}).WithContext(ctx).WithTimeout(5*time.Minute).Should(Succeed(), func() string { return journal(pool.Name) })
		Eventually(said).WithContext(ctx).WithArguments(pod).Should(Equal(greeting + pod.Spec.NodeName + "\n"))

		running := instances(ctx, pool.Name)
		Expect(running).To(HaveLen(1))
		expectMachine(ctx, pod.Spec.NodeName, running[0])

		Expect(admin.Delete(ctx, pod)).To(Succeed())
		Eventually(func(g Gomega) {
			var nodes corev1.NodeList
			g.Expect(admin.List(ctx, &nodes, client.MatchingLabels{karpv1.NodePoolLabelKey: pool.Name})).To(Succeed())
			g.Expect(nodes.Items).To(BeEmpty())
			g.Expect(instances(ctx, pool.Name)).To(BeEmpty())
			g.Expect(machines().Run(ctx, nil, "ps", "--all", "--quiet", "--filter", "name="+booter.Container(running[0].ID))).To(BeEmpty())
		}).WithContext(ctx).Should(Succeed())
	}, SpecTimeout(10*time.Minute))
})

// expectMachine checks that the node is the instance, and that the instance is a machine on
// which kubeadm itself has been.
func expectMachine(ctx context.Context, name string, instance env.Instance) {
	GinkgoHelper()
	node := &corev1.Node{}
	Expect(world().Admin.Get(ctx, client.ObjectKey{Name: name}, node)).To(Succeed())
	Expect(name).To(Equal("ip-" + strings.ReplaceAll(instance.PrivateIP, ".", "-") + ".ec2.internal"))
	Expect(node.Spec.ProviderID).To(Equal(instance.ProviderID))
	Expect(node.Labels).To(And(
		HaveKeyWithValue(corev1.LabelInstanceTypeStable, instance.Type), HaveKeyWithValue(corev1.LabelTopologyZone, instance.Zone),
		HaveKeyWithValue(karpv1.NodeRegisteredLabelKey, "true"),
	))
	Expect(node.Status.Addresses).To(ContainElement(corev1.NodeAddress{Type: corev1.NodeInternalIP, Address: instance.PrivateIP}))
	Expect(node.Status.NodeInfo.ContainerRuntimeVersion).To(HavePrefix("containerd://"))
	inside := func(command ...string) string {
		out, err := machines().Run(ctx, nil, append([]string{"exec", booter.Container(instance.ID)}, command...)...)
		Expect(err).NotTo(HaveOccurred())
		return out
	}
	Expect(inside("cat", "/proc/1/comm")).To(Equal("systemd"))
	Expect(inside("systemctl", "is-active", "kubelet")).To(Equal("active"))
	Expect(inside("cat", "/var/log/cloud-init-output.log")).To(ContainSubstring("This node has joined the cluster"))
}

// instances are those of a NodePool that EC2 does not call shutting-down or terminated.
func instances(ctx context.Context, pool string) []env.Instance {
	GinkgoHelper()
	all, err := world().Instances(ctx, map[string]string{"karpenter.sh/nodepool": pool})
	Expect(err).NotTo(HaveOccurred())
	return lo.Filter(all, func(i env.Instance, _ int) bool { return i.Alive() })
}

// said is what a pod has written, which its kubelet is asked for.
func said(ctx context.Context, pod *corev1.Pod) (string, error) {
	config, err := clientcmd.BuildConfigFromFlags("", world().Kubeconfig())
	if err != nil {
		return "", err
	}
	kube, err := kubeclient.NewForConfig(config)
	if err != nil {
		return "", err
	}
	text, err := kube.CoreV1().Pods(pod.Namespace).GetLogs(pod.Name, &corev1.PodLogOptions{}).DoRaw(ctx)
	return string(text), err
}

// journal is what the pool's machines have written, for a failure's report.
func journal(pool string) string {
	var text strings.Builder
	for _, i := range instances(context.Background(), pool) {
		out, err := machines().Run(context.Background(), nil, "exec", booter.Container(i.ID), "sh", "-c",
			"cat /var/log/cloud-init-output.log; journalctl --no-pager --lines=60 --unit=kubelet")
		fmt.Fprintf(&text, "%s (%v):\n%s\n", i.ID, err, out)
	}
	return text.String()
}
