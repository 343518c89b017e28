package e2enode_test

import (
	"context"
	"strings"
	"time"

	. "github.com/onsi/ginkgo/v2"
	. "github.com/onsi/gomega"
	"github.com/samber/lo"
	corev1 "k8s.io/api/core/v1"
	"sigs.k8s.io/controller-runtime/pkg/client"
	karpv1 "sigs.k8s.io/karpenter/pkg/apis/v1"

	v1 "github.com/karpenter-kubeadm/karpenter-provider-aws/pkg/apis/v1"
	"github.com/karpenter-kubeadm/karpenter-provider-aws/test/env"
	"github.com/karpenter-kubeadm/karpenter-provider-aws/test/node/image"
)

// readyBudget is generous: the machine may be busy compiling. What it took is in the report.
const readyBudget = 30 * time.Second

var _ = Describe("A NodeClass without user data", func() {
	It("makes a machine with everything installed a node within seconds, and pods run there", Label(everyMinor), func(ctx SpecContext) {
		f := newFixture("t3.large").baked()
		f.create(ctx)
		f.pod(ctx)
		took := bootToReady(ctx, f)
		AddReportEntry("boot to Ready", took.String())
		GinkgoWriter.Println("boot to Ready:", took)
		node, instance := f.running(ctx)
		expectOurs(ctx, node, instance)
		expectSize(node, 2, 8)
		Expect(took).To(BeNumerically("<", readyBudget))
	}, SpecTimeout(5*time.Minute))

	It("makes a stock Debian machine a node from the repository of the cluster's minor", func(ctx SpecContext) {
		f := newFixture("t3.medium")
		f.Class.Spec.AMIFamily = lo.ToPtr(v1.AMIFamilyDebian)
		f.Class.Spec.AMISelectorTerms = []v1.AMISelectorTerm{{Name: debianImage}}
		f.create(ctx)
		f.pod(ctx)
		node, instance := f.running(ctx)
		expectOurs(ctx, node, instance)
		expectSize(node, 2, 4)
		Expect(run().packages.Seen()).To(ContainElement(packagesOfMinor() + "Release.key"))
		Expect(in(ctx, instance, "apt-mark", "showhold")).To(ContainSubstring("kubelet"))
	}, SpecTimeout(6*time.Minute))

	It("makes a machine with more processors than this one a node", func(ctx SpecContext) {
		f := newFixture("t3.xlarge").baked()
		f.create(ctx)
		f.pod(ctx)
		node, instance := f.running(ctx)
		expectOurs(ctx, node, instance)
		expectSize(node, 4, 16)
	}, SpecTimeout(5*time.Minute))
})

var _ = Describe("The seed's short script", func() {
	It("installs real packages, joins, and is the node that was asked for", Label(everyMinor), func(ctx SpecContext) {
		f := seed(ctx)
		f.pod(ctx)
		node, instance := f.running(ctx)
		expectOurs(ctx, node, instance)
		Expect(node.Labels).To(HaveKeyWithValue("managed-by", "karpenter"))
		Expect(run().packages.Seen()).To(ContainElements(
			HavePrefix("deb.debian.org/debian/containerd_"), HavePrefix(packagesOfMinor()+"kubeadm_"+run().image.Kubernetes)))
		// `containerd config default` in the script wrote false; kubelet-config says systemd. A kubelet follows
		// containerd 2 in this, so false would have worked as well, with two managers of one machine's groups.
		Expect(in(ctx, instance, "cat", "/etc/containerd/config.toml")).To(ContainSubstring("SystemdCgroup = true"))
		Expect(in(ctx, instance, "journalctl", "--no-pager", "--unit=kubelet", "--grep=cgroup driver setting received from the CRI runtime")).
			To(ContainSubstring(`cgroupDriver="systemd"`))
	}, SpecTimeout(6*time.Minute))
})

// packagesOfMinor is the repository of the cluster's minor version.
func packagesOfMinor() string {
	return "pkgs.k8s.io/core:/stable:/v" + image.Minor(run().image.Kubernetes) + "/deb/"
}

// bootToReady measures from the start of the fixture's machine to its node's Ready.
func bootToReady(ctx context.Context, f *fixture) time.Duration {
	GinkgoHelper()
	var started time.Time
	Eventually(func(g Gomega) {
		instances := f.instances(ctx)
		g.Expect(instances).To(HaveLen(1))
		machine := run().machines.Machine(instances[0].ID)
		g.Expect(machine).NotTo(BeNil())
		started = machine.Started
	}).WithContext(ctx).Should(Succeed())
	Eventually(func(g Gomega) {
		var nodes corev1.NodeList
		g.Expect(run().env.Admin.List(ctx, &nodes, client.MatchingLabels{karpv1.NodePoolLabelKey: f.Pool.Name})).To(Succeed())
		g.Expect(nodes.Items).To(ContainElement(HaveField("Status.Conditions", ContainElement(And(
			HaveField("Type", corev1.NodeReady), HaveField("Status", corev1.ConditionTrue))))))
	}).WithContext(ctx).Should(Succeed(), f.consoles)
	return time.Since(started)
}

// nodeName is the one that an instance's node must have.
func nodeName(i env.Instance) string {
	return "ip-" + strings.ReplaceAll(i.PrivateIP, ".", "-") + "." + region + ".compute.internal"
}

// expectOurs checks that node is what Karpenter asked for, that our approver let it in, and
// that its pods are under systemd's control groups, as kubeadm has it.
func expectOurs(ctx context.Context, node *corev1.Node, instance env.Instance) {
	GinkgoHelper()
	Expect(node.Name).To(Equal(nodeName(instance)))
	Expect(node.Spec.ProviderID).To(Equal(instance.ProviderID))
	Expect(node.Labels).To(And(
		HaveKeyWithValue("role", "worker"), HaveKeyWithValue(corev1.LabelInstanceTypeStable, instance.Type),
		HaveKeyWithValue(corev1.LabelTopologyZone, instance.Zone), HaveKeyWithValue(karpv1.NodeRegisteredLabelKey, "true"),
	))
	Expect(node.Spec.Taints).To(ContainElement(And(HaveField("Key", "workload"), HaveField("Value", "ai"), HaveField("Effect", corev1.TaintEffectNoSchedule))))
	Expect(node.Spec.Taints).NotTo(ContainElement(HaveField("Key", "karpenter.sh/unregistered")))
	Expect(node.Status.NodeInfo.KubeletVersion).To(Equal("v" + run().image.Kubernetes))
	Expect(node.Status.NodeInfo.ContainerRuntimeVersion).To(HavePrefix("containerd://2."))

	expectApprovedByUs(ctx, node.Name)
	Eventually(servingRequests).WithContext(ctx).WithArguments(node.Name).Should(And(Not(BeEmpty()), HaveEach(approved(ourReason))))
	Expect(in(ctx, instance, "cat", "/proc/1/comm")).To(Equal("systemd\n"))
	Expect(in(ctx, instance, "systemd-cgls", "--unit", "kubepods.slice", "--no-pager")).To(ContainSubstring("sleep 3600"))
}

// expectSize checks that the node is as large as its instance type: processors, and GiB of memory.
func expectSize(node *corev1.Node, cpus, memory int64) {
	GinkgoHelper()
	Expect(node.Status.Capacity.Cpu().Value()).To(Equal(cpus))
	Expect(node.Status.Capacity.Memory().Value()).To(Equal(memory << 30))
	Expect(node.Status.Capacity.Pods().Value()).To(Equal(int64(110)))
}

// in runs a program on the instance's machine and returns what it says.
func in(ctx context.Context, instance env.Instance, command ...string) string {
	GinkgoHelper()
	machine := run().machines.Machine(instance.ID)
	Expect(machine).NotTo(BeNil())
	out, err := machine.Command(ctx, command...).CombinedOutput()
	Expect(err).NotTo(HaveOccurred(), string(out))
	return string(out)
}
