package ccm_test

import (
	"context"
	"strings"
	"time"

	. "github.com/onsi/ginkgo/v2"
	. "github.com/onsi/gomega"
	"github.com/samber/lo"
	appsv1 "k8s.io/api/apps/v1"
	corev1 "k8s.io/api/core/v1"
	metav1 "k8s.io/apimachinery/pkg/apis/meta/v1"
	"sigs.k8s.io/controller-runtime/pkg/client"
	karpv1 "sigs.k8s.io/karpenter/pkg/apis/v1"

	"github.com/karpenter-kubeadm/karpenter-provider-aws/test/env"
)

const (
	// zoneID is a label that AWS's cloud controller manager sets, and Karpenter.
	zoneID = "topology.k8s.aws/zone-id"
	// uninitialized is the taint with which a kubelet waits for a cloud controller manager.
	uninitialized = "node.cloudprovider.kubernetes.io/uninitialized"
)

var _ = Describe("Nodes", Ordered, func() {
	var (
		world *env.Env
		logs  string
		stop  func() // the cloud controller manager
		alone corev1.Node
	)

	BeforeAll(func(ctx SpecContext) {
		world, logs = newWorld(ctx)
		DeferCleanup(func() {
			if stop != nil {
				stop()
			}
		})
	}, NodeTimeout(2*time.Minute))

	It("have, without a cloud controller manager, all that one would have set", func(ctx SpecContext) {
		Expect(world.StartController(ctx, nil)).To(Succeed())
		alone = running(ctx, world, "alone")
		expectInitialised(ctx, world, alone)
		Expect(addresses(alone)).NotTo(HaveKey(corev1.NodeInternalDNS), "that comes of a cloud controller manager only")
	}, SpecTimeout(2*time.Minute))

	It("wait for one that was announced and is late, say so, and come up when it does", func(ctx SpecContext) {
		restart(ctx, world, map[string]string{"CLOUD_PROVIDER": "external"})
		deploy(ctx, world, "late")

		var claim karpv1.NodeClaim
		Eventually(func(g Gomega) {
			claim = claimWithout(ctx, g, world, alone.Name)
			initialized := claim.StatusConditions().Get(karpv1.ConditionTypeInitialized)
			g.Expect(initialized.Reason).To(Equal("KnownEphemeralTaintsExist"))
			g.Expect(initialized.Message).To(ContainSubstring(uninitialized))
		}).WithContext(ctx).Should(Succeed())
		node := get(ctx, world, claim.Status.NodeName)
		Expect(keys(node.Spec.Taints)).To(ContainElement(uninitialized))
		Expect(node.Spec.ProviderID).To(Equal(claim.Status.ProviderID), "kubelet sets it, whoever does the rest")
		Expect(node.Status.Addresses).To(BeEmpty(), "kubelet leaves them to whom it waits for")
		Expect(claim.StatusConditions().IsTrue(karpv1.ConditionTypeRegistered)).To(BeTrue())
		Expect(workload("late").Running(ctx, world.Admin)).To(BeZero())

		stop = startManager(world, logs)
		node = running(ctx, world, "late")
		expectInitialised(ctx, world, node)
		Expect(addresses(node)).To(HaveKeyWithValue(corev1.NodeInternalDNS, node.Name), "it knows the instance by the node's name, too")
		expectClaimInitialised(ctx, world, claim.Name)
	}, SpecTimeout(3*time.Minute))

	It("are left to one that is found in the cluster, and have as many pods as addresses where the VPC CNI is found", func(ctx SpecContext) {
		Expect(world.Admin.Create(ctx, daemonSet("aws-cloud-controller-manager"))).To(Succeed())
		Expect(world.Admin.Create(ctx, daemonSet("aws-node"))).To(Succeed())
		restart(ctx, world, nil)
		Expect(world.Controller().Output()).To(ContainSubstring(`"cloud-provider":"external"`))
		node := running(ctx, world, "found")
		expectInitialised(ctx, world, node)
		Expect(addresses(node)).To(HaveKeyWithValue(corev1.NodeInternalDNS, node.Name))
		Expect(node.Status.Capacity.Pods().Value()).To(BeEquivalentTo(17), "t3.medium: 3 interfaces of 6 addresses")
		Expect(alone.Status.Capacity.Pods().Value()).To(BeEquivalentTo(110))
	}, SpecTimeout(2*time.Minute))

	It("that came up without one are left alone by one that came later", func(ctx SpecContext) {
		node := get(ctx, world, alone.Name)
		Expect(node.UID).To(Equal(alone.UID))
		Expect(node.Spec).To(Equal(alone.Spec))
		expectInitialised(ctx, world, node)
	}, SpecTimeout(time.Minute))

	It("go when their instance does, though a cloud controller manager deletes them, too", func(ctx SpecContext) {
		for _, name := range []string{"alone", "late", "found"} {
			Expect(world.Admin.Delete(ctx, workload(name).Deployment())).To(Succeed())
		}
		instances, err := world.Instances(ctx, map[string]string{karpv1.NodePoolLabelKey: "ccm"})
		Expect(err).NotTo(HaveOccurred())
		Expect(instances).To(HaveLen(3))
		for _, instance := range instances {
			Expect(world.Terminate(ctx, instance.ID)).To(Succeed())
		}
		Eventually(func(g Gomega) {
			var claims karpv1.NodeClaimList
			g.Expect(world.Admin.List(ctx, &claims)).To(Succeed())
			g.Expect(claims.Items).To(BeEmpty())
		}).WithContext(ctx).Should(Succeed())
	}, SpecTimeout(2*time.Minute))
})

// restart ends the controller and starts another, with changes to its environment.
func restart(ctx context.Context, world *env.Env, changes map[string]string) {
	GinkgoHelper()
	world.Controller().Stop(10 * time.Second)
	Expect(world.StartController(ctx, changes)).To(Succeed())
}

// workload is one pod that fills a node.
func workload(name string) env.Workload {
	return env.Workload{Name: name, Replicas: 1, CPU: "1500m", Memory: "1Gi", NodeSelector: map[string]string{karpv1.NodePoolLabelKey: "ccm"}}
}

func deploy(ctx context.Context, world *env.Env, name string) {
	GinkgoHelper()
	Expect(world.Admin.Create(ctx, workload(name).Deployment())).To(Succeed())
}

// running deploys the workload unless it is there, and returns the node that its pod runs on.
func running(ctx context.Context, world *env.Env, name string) corev1.Node {
	GinkgoHelper()
	Expect(client.IgnoreAlreadyExists(world.Admin.Create(ctx, workload(name).Deployment()))).To(Succeed())
	Eventually(func() (int, error) { return workload(name).Running(ctx, world.Admin) }).WithContext(ctx).Should(Equal(1))
	pods, err := workload(name).Pods(ctx, world.Admin)
	Expect(err).NotTo(HaveOccurred())
	return get(ctx, world, pods[0].Spec.NodeName)
}

func get(ctx context.Context, world *env.Env, name string) corev1.Node {
	GinkgoHelper()
	var node corev1.Node
	Expect(world.Admin.Get(ctx, client.ObjectKey{Name: name}, &node)).To(Succeed())
	return node
}

// expectInitialised checks what whoever initialises nodes has to set against what EC2 says of the instance.
func expectInitialised(ctx context.Context, world *env.Env, node corev1.Node) {
	GinkgoHelper()
	instances, err := world.Instances(ctx, nil)
	Expect(err).NotTo(HaveOccurred())
	instance, found := lo.Find(instances, func(i env.Instance) bool { return i.ProviderID == node.Spec.ProviderID })
	Expect(found).To(BeTrue(), "provider id %q is no instance's", node.Spec.ProviderID)
	Expect(node.Name).To(Equal("ip-" + strings.ReplaceAll(instance.PrivateIP, ".", "-") + "." + region + ".compute.internal"))
	Expect(node.Labels).To(And(
		HaveKeyWithValue(corev1.LabelTopologyZone, instance.Zone),
		HaveKeyWithValue(corev1.LabelTopologyRegion, region),
		HaveKeyWithValue(corev1.LabelInstanceTypeStable, instance.Type),
		HaveKeyWithValue(zoneID, Not(BeEmpty())),
	))
	Expect(addresses(node)).To(And(
		HaveKeyWithValue(corev1.NodeInternalIP, instance.PrivateIP),
		HaveKeyWithValue(corev1.NodeHostName, node.Name),
	))
	Expect(keys(node.Spec.Taints)).To(BeEmpty())
}

func expectClaimInitialised(ctx context.Context, world *env.Env, name string) {
	GinkgoHelper()
	Eventually(func(g Gomega) {
		var claim karpv1.NodeClaim
		g.Expect(world.Admin.Get(ctx, client.ObjectKey{Name: name}, &claim)).To(Succeed())
		g.Expect(claim.StatusConditions().IsTrue(karpv1.ConditionTypeInitialized)).To(BeTrue())
	}).WithContext(ctx).Should(Succeed())
}

// claimWithout returns the one claim that is not of the node.
func claimWithout(ctx context.Context, g Gomega, world *env.Env, node string) karpv1.NodeClaim {
	var claims karpv1.NodeClaimList
	g.Expect(world.Admin.List(ctx, &claims)).To(Succeed())
	others := lo.Filter(claims.Items, func(c karpv1.NodeClaim, _ int) bool { return c.Status.NodeName != node })
	g.Expect(others).To(HaveLen(1))
	return others[0]
}

func addresses(node corev1.Node) map[corev1.NodeAddressType]string {
	return lo.SliceToMap(node.Status.Addresses, func(a corev1.NodeAddress) (corev1.NodeAddressType, string) { return a.Type, a.Address })
}

func keys(taints []corev1.Taint) []string {
	return lo.Map(taints, func(t corev1.Taint, _ int) string { return t.Key })
}

// daemonSet is what users deploy, as far as others see it; its pods run nowhere.
func daemonSet(name string) *appsv1.DaemonSet {
	labels := map[string]string{"k8s-app": name}
	set := &appsv1.DaemonSet{ObjectMeta: metav1.ObjectMeta{Name: name, Namespace: metav1.NamespaceSystem}}
	set.Spec.Selector = &metav1.LabelSelector{MatchLabels: labels}
	set.Spec.Template.Labels = labels
	set.Spec.Template.Spec.NodeSelector = map[string]string{"node-role.kubernetes.io/control-plane": ""}
	set.Spec.Template.Spec.Containers = []corev1.Container{{Name: name, Image: "registry.example.com/" + name}}
	return set
}
