package kubelet

import (
	"net/netip"
	"strings"
	"testing"

	. "github.com/onsi/gomega"
	corev1 "k8s.io/api/core/v1"

	"github.com/karpenter-kubeadm/karpenter-provider-aws/test/hollow/machine"
	"github.com/karpenter-kubeadm/karpenter-provider-aws/test/hollow/shell"
)

const stock = "apiVersion: kubelet.config.k8s.io/v1beta1\nkind: KubeletConfiguration\ncgroupDriver: systemd\n"

func TestResolve(t *testing.T) {
	for name, tc := range map[string]struct {
		args, file string
		want       OmegaMatcher
		err        OmegaMatcher
	}{
		"stock kubeadm":                {file: stock, want: And(field(func(x settings) any { return x.hostname }, "n1.internal"), field(func(x settings) any { return x.maxPods }, int64(110)), field(func(x settings) any { return x.evictionHard }, HaveKeyWithValue("memory.available", "100Mi")), field(func(x settings) any { return x.failSwapOn }, true)), err: BeNil()},
		"file over defaults":           {file: stock + "maxPods: 29\nproviderID: aws:///a/i-1\nevictionHard: {memory.available: 5%}\n", want: And(field(func(x settings) any { return x.maxPods }, int64(29)), field(func(x settings) any { return x.providerID }, "aws:///a/i-1"), field(func(x settings) any { return x.evictionHard }, Equal(map[string]string{"memory.available": "5%"}))), err: BeNil()},
		"flag over file":               {args: "--max-pods=17 --provider-id=aws:///b/i-2 --kube-reserved=cpu=1 --eviction-hard=memory.available<1Gi", file: stock + "maxPods: 29\nproviderID: x\nkubeReserved: {memory: 1Gi}\nevictionHard: {nodefs.available: 1%}\n", want: And(field(func(x settings) any { return x.maxPods }, int64(17)), field(func(x settings) any { return x.providerID }, "aws:///b/i-2"), field(func(x settings) any { return x.kubeReserved }, HaveLen(1)), field(func(x settings) any { return x.evictionHard }, Equal(map[string]string{"memory.available": "1Gi"}))), err: BeNil()},
		"name is lowered":              {args: "--hostname-override=IP-1.Internal", file: stock, want: field(func(x settings) any { return x.hostname }, "ip-1.internal"), err: BeNil()},
		"taints by flag":               {args: "--register-with-taints=a=b:NoSchedule,karpenter.sh/unregistered:NoExecute", file: stock + "registerWithTaints: [{key: c, effect: NoSchedule}]\n", want: field(func(x settings) any { return x.taints }, ConsistOf(corev1.Taint{Key: "a", Value: "b", Effect: corev1.TaintEffectNoSchedule}, corev1.Taint{Key: "karpenter.sh/unregistered", Effect: corev1.TaintEffectNoExecute})), err: BeNil()},
		"taints by file":               {file: stock + "registerWithTaints: [{key: c, effect: NoSchedule}]\n", want: field(func(x settings) any { return x.taints }, HaveLen(1)), err: BeNil()},
		"labels of several flags":      {args: "--node-labels=a=b,c=d --node-labels=e=f", file: stock, want: field(func(x settings) any { return x.flags.labels }, HaveLen(3)), err: BeNil()},
		"label that is allowed":        {args: "--node-labels=node.kubernetes.io/x=y,topology.kubernetes.io/zone=a,karpenter.sh/nodepool=p", file: stock, want: field(func(x settings) any { return x.flags.labels }, HaveLen(3)), err: BeNil()},
		"label that is not":            {args: "--node-labels=node-role.kubernetes.io/worker=", file: stock, want: Not(BeNil()), err: MatchError(ContainSubstring("unknown 'kubernetes.io' or 'k8s.io' labels specified with --node-labels: [node-role.kubernetes.io/worker]"))},
		"label value that is not":      {args: "--node-labels=a=b/c", file: stock, want: Not(BeNil()), err: MatchError(ContainSubstring("invalid node labels"))},
		"taint without effect":         {args: "--register-with-taints=a=b", file: stock, want: Not(BeNil()), err: MatchError(ContainSubstring("invalid taint spec"))},
		"resource that is not held":    {args: "--kube-reserved=pods=3", file: stock, want: Not(BeNil()), err: MatchError(ContainSubstring(`cannot reserve "pods"`))},
		"unknown signal":               {file: stock + "evictionHard: {memory.free: 1Gi}\n", want: Not(BeNil()), err: MatchError(ContainSubstring("unsupported eviction signal"))},
		"in-tree cloud provider":       {args: "--cloud-provider=aws", file: stock, want: Not(BeNil()), err: MatchError(ContainSubstring("--cloud-provider"))},
		"unknown field is let through": {file: stock + "futureField: 1\nmaxPods: 3\n", want: field(func(x settings) any { return x.maxPods }, int64(3)), err: BeNil()},
		"file of the wrong type":       {file: "maxPods: many\n", want: Not(BeNil()), err: MatchError(ContainSubstring("failed to load kubelet config file"))},
		"swap may be on":               {args: "--fail-swap-on=false", file: stock, want: field(func(x settings) any { return x.failSwapOn }, false), err: BeNil()},
		"two faults at once":           {args: "--cloud-provider=aws --register-with-taints=x", file: stock, want: Not(BeNil()), err: MatchError(And(ContainSubstring("cloud-provider"), ContainSubstring("taint")))},
	} {
		t.Run(name, func(t *testing.T) {
			g := NewWithT(t)
			f, err := parseFlags(strings.Fields(tc.args))
			g.Expect(err).NotTo(HaveOccurred())
			s, err := resolve(f, []byte(tc.file), "n1.internal")
			g.Expect(err).To(tc.err)
			g.Expect(s).To(tc.want)
		})
	}
}

func TestParseFlags(t *testing.T) {
	for name, tc := range map[string]struct {
		args string
		err  OmegaMatcher
	}{
		"those of kubeadm's unit": {"--bootstrap-kubeconfig=/a --kubeconfig=/b --config=/c --container-runtime-endpoint=unix:///x --v=2", BeNil()},
		"switches without value":  {"--rotate-certificates --protect-kernel-defaults", BeNil()},
		"removed with dockershim": {"--network-plugin=cni", MatchError(ContainSubstring("unknown flag: --network-plugin"))},
		"removed with cloud code": {"--cloud-config=/x", MatchError(ContainSubstring("unknown flag"))},
		"a stray word":            {"run", MatchError(ContainSubstring("unknown command"))},
		"pair that is none":       {"--node-labels=a", MatchError(ContainSubstring("--node-labels"))},
		"number that is none":     {"--max-pods=x", MatchError(ContainSubstring("invalid argument"))},
	} {
		t.Run(name, func(t *testing.T) {
			_, err := parseFlags(strings.Fields(tc.args))
			NewWithT(t).Expect(err).To(tc.err)
		})
	}
}

func TestNode(t *testing.T) {
	m := machine.New(machine.Facts{ID: "i-0123456789abcdef0", Arch: "amd64", PrivateIP: netip.MustParseAddr("10.0.0.9"), CPUs: 4, MemoryMiB: 16384, DiskGiB: 40}, machine.Config{Pipes: t.TempDir()},
		func(*machine.Machine) map[string]shell.Command { return nil })
	node := func(args, file string) *corev1.Node {
		f, err := parseFlags(strings.Fields(args))
		NewWithT(t).Expect(err).NotTo(HaveOccurred())
		s, err := resolve(f, []byte(stock+file), "n1")
		NewWithT(t).Expect(err).NotTo(HaveOccurred())
		return s.node(m, "v1.36.3", 0.05)
	}
	g := NewWithT(t)

	plain := node("", "kubeReserved: {cpu: 100m, memory: 1Gi}\nsystemReserved: {memory: 500Mi}\nevictionHard: {memory.available: 5%, nodefs.available: 10%}\n")
	promised := float64(16384 << 20)
	memory := int64(promised*0.95) >> 10 << 10
	g.Expect(plain.Status.Capacity.Memory().Value()).To(Equal(memory))
	g.Expect(plain.Status.Allocatable.Memory().Value()).To(Equal(memory - 1<<30 - 500<<20 - memory*5/100))
	g.Expect(plain.Status.Allocatable.Cpu().MilliValue()).To(Equal(int64(3900)))
	disk := plain.Status.Capacity.StorageEphemeral().Value()
	g.Expect(plain.Status.Allocatable.StorageEphemeral().Value()).To(Equal(disk - disk/10))
	g.Expect(plain.Status.Addresses).To(ConsistOf(corev1.NodeAddress{Type: corev1.NodeInternalIP, Address: "10.0.0.9"}, corev1.NodeAddress{Type: corev1.NodeHostName, Address: "n1"}))

	external := node("--cloud-provider=external", "")
	g.Expect(external.Spec.Taints).To(ContainElement(HaveField("Key", "node.cloudprovider.kubernetes.io/uninitialized")))
	g.Expect(external.Status.Addresses).To(BeEmpty())

	greedy := node("", "kubeReserved: {memory: 1Ti}\n")
	g.Expect(greedy.Status.Allocatable.Memory().Sign()).To(BeZero())
}

// field matches what get returns with want, a matcher or a value.
func field[T any](get func(T) any, want any) OmegaMatcher {
	matcher, ok := want.(OmegaMatcher)
	if !ok {
		matcher = Equal(want)
	}
	return WithTransform(get, matcher)
}
