package join_test

import (
	"context"
	"fmt"
	"net/netip"
	"path/filepath"
	"slices"
	"strings"
	"sync"
	"sync/atomic"
	"testing"
	"time"

	"github.com/awslabs/operatorpkg/status"
	"github.com/go-logr/logr"
	"github.com/go-logr/logr/funcr"
	. "github.com/onsi/gomega"
	corev1 "k8s.io/api/core/v1"
	rbacv1 "k8s.io/api/rbac/v1"
	metav1 "k8s.io/apimachinery/pkg/apis/meta/v1"
	"k8s.io/apimachinery/pkg/types"
	"k8s.io/client-go/kubernetes/scheme"
	"k8s.io/client-go/rest"
	"k8s.io/client-go/tools/clientcmd"
	"k8s.io/utils/clock"
	"k8s.io/utils/ptr"
	controllerruntime "sigs.k8s.io/controller-runtime"
	"sigs.k8s.io/controller-runtime/pkg/client"
	managerconfig "sigs.k8s.io/controller-runtime/pkg/config"
	"sigs.k8s.io/controller-runtime/pkg/envtest"
	"sigs.k8s.io/controller-runtime/pkg/log"
	"sigs.k8s.io/controller-runtime/pkg/metrics/server"
	karpv1 "sigs.k8s.io/karpenter/pkg/apis/v1"
	"sigs.k8s.io/karpenter/pkg/events"

	"github.com/karpenter-kubeadm/karpenter-provider-aws/pkg/apis/crds"
	"github.com/karpenter-kubeadm/karpenter-provider-aws/pkg/controllers/csr"
	"github.com/karpenter-kubeadm/karpenter-provider-aws/pkg/instance"
	"github.com/karpenter-kubeadm/karpenter-provider-aws/pkg/join"
	"github.com/karpenter-kubeadm/karpenter-provider-aws/pkg/kubelet"
	"github.com/karpenter-kubeadm/karpenter-provider-aws/pkg/pool"
	"github.com/karpenter-kubeadm/karpenter-provider-aws/pkg/providers/clusterinfo"
	"github.com/karpenter-kubeadm/karpenter-provider-aws/pkg/providers/token"
	"github.com/karpenter-kubeadm/karpenter-provider-aws/test/env/controlplane"
	"github.com/karpenter-kubeadm/karpenter-provider-aws/test/hollow/cloudinit"
	"github.com/karpenter-kubeadm/karpenter-provider-aws/test/hollow/kubeadm"
	hollowkubelet "github.com/karpenter-kubeadm/karpenter-provider-aws/test/hollow/kubelet"
	"github.com/karpenter-kubeadm/karpenter-provider-aws/test/hollow/machine"
	"github.com/karpenter-kubeadm/karpenter-provider-aws/test/hollow/shell"
)

const (
	home   = "karpenter"
	region = "ap-northeast-2"
	zone   = "ap-northeast-2a"
)

// inventory stands for EC2.
type inventory struct {
	mu    sync.Mutex
	shown map[instance.ID]instance.Instance
}

func (i *inventory) Get(_ context.Context, id instance.ID) (instance.Instance, error) {
	i.mu.Lock()
	defer i.mu.Unlock()
	found, ok := i.shown[id]
	if !ok {
		return found, instance.ErrNotFound
	}
	return found, nil
}

func (i *inventory) show(found instance.Instance) {
	i.mu.Lock()
	defer i.mu.Unlock()
	i.shown[found.ID] = found
}

// journal keeps what the controller says in its log and in events.
type journal struct {
	mu   sync.Mutex
	said strings.Builder
}

func (j *journal) add(parts ...string) {
	j.mu.Lock()
	defer j.mu.Unlock()
	j.said.WriteString(strings.Join(parts, " ") + "\n")
}

func (j *journal) text() string {
	j.mu.Lock()
	defer j.mu.Unlock()
	return j.said.String()
}

// logger writes to j.
func (j *journal) logger() logr.Logger {
	return funcr.New(func(prefix, args string) { j.add(prefix, args) }, funcr.Options{Verbosity: 1})
}

// Publish is what a recorder of events does.
func (j *journal) Publish(published ...events.Event) {
	for _, e := range published {
		j.add(e.Type, e.Reason, e.Message)
	}
}

// noPods is for machines that run none.
type noPods struct{}

func (noPods) NodeUp(*corev1.Node) {}
func (noPods) NodeDown(string)     {}

// world is a kubeadm cluster with the parts of our controller that have to do with joining.
type world struct {
	config   *rest.Config // administrator's
	admin    client.Client
	control  *controlplane.Cluster
	clusters *clusterinfo.Provider
	tokens   *token.Provider
	keys     *keys
	ec2      *inventory
	eyes     csr.Inventory // with which the approver sees instances
	journal  *journal
	stop     func() // the approver
	held     func(types.UID) (string, bool)
	arrived  atomic.Int32 // instances that arrive gave an address
	info     sync.Mutex   // held while cluster-info is not as it should be
}

// newWorld starts a world; args are those of `cluster up`.
func newWorld(t *testing.T, args ...string) *world {
	t.Helper()
	g := NewWithT(t)
	said := &journal{}
	log.SetLogger(said.logger())
	t.Cleanup(func() {
		if t.Failed() {
			t.Log(said.text())
		}
	})
	program, err := filepath.Abs("../../bin/cluster")
	g.Expect(err).NotTo(HaveOccurred())
	g.Expect(program).To(BeARegularFile(), "run `make tools` first")
	control, err := controlplane.Start(t.Context(), program, t.TempDir(), append([]string{"--dir", t.TempDir()}, args...)...)
	g.Expect(err).NotTo(HaveOccurred())
	t.Cleanup(control.Stop)
	config, err := clientcmd.BuildConfigFromFlags("", control.Kubeconfig)
	g.Expect(err).NotTo(HaveOccurred())
	config.QPS, config.Burst = 200, 300 // as Karpenter has them by default
	definitions, err := crds.List()
	g.Expect(err).NotTo(HaveOccurred())
	_, err = envtest.InstallCRDs(config, envtest.CRDInstallOptions{CRDs: definitions})
	g.Expect(err).NotTo(HaveOccurred())

	w := &world{config: config, control: control, journal: said, ec2: &inventory{shown: map[instance.ID]instance.Instance{}}}
	w.admin, err = client.New(config, client.Options{Scheme: scheme.Scheme})
	g.Expect(err).NotTo(HaveOccurred())
	g.Expect(w.admin.Create(t.Context(), &corev1.Namespace{ObjectMeta: metav1.ObjectMeta{Name: home}})).To(Succeed())
	w.grant(t)
	w.clusters, err = clusterinfo.New(config, clusterinfo.Options{}, clock.RealClock{})
	g.Expect(err).NotTo(HaveOccurred())
	w.tokens, err = token.New(config, token.Options{Namespace: home}, clock.RealClock{})
	g.Expect(err).NotTo(HaveOccurred())
	w.keys, w.eyes = &keys{Provider: w.tokens}, w.ec2
	w.stop = w.approve(t, config)
	return w
}

// keys are the tokens of the world's controller, and of more controllers whose tokens have
// other fates.
type keys struct {
	*token.Provider

	mu   sync.Mutex
	more []*token.Provider
}

func (k *keys) add(more *token.Provider) {
	k.mu.Lock()
	defer k.mu.Unlock()
	k.more = append(k.more, more)
}

// drop makes the tokens unknown again.
func (k *keys) drop(which *token.Provider) {
	k.mu.Lock()
	defer k.mu.Unlock()
	k.more = slices.DeleteFunc(k.more, func(one *token.Provider) bool { return one == which })
}

// Epoch asks all of them.
func (k *keys) Epoch(ctx context.Context, id string) (token.Epoch, bool, error) {
	k.mu.Lock()
	all := append([]*token.Provider{k.Provider}, k.more...)
	k.mu.Unlock()
	for _, one := range all {
		if found, ok, err := one.Epoch(ctx, id); ok || err != nil {
			return found, ok, err
		}
	}
	return token.Epoch{}, false, nil
}

// grant gives our tokens' group what the chart gives it.
func (w *world) grant(t *testing.T) {
	t.Helper()
	g := NewWithT(t)
	group := []rbacv1.Subject{{APIGroup: rbacv1.GroupName, Kind: "Group", Name: token.Group}}
	for name, role := range map[string]string{"a": "system:node-bootstrapper", "b": "kubeadm:get-nodes"} {
		g.Expect(w.admin.Create(t.Context(), &rbacv1.ClusterRoleBinding{
			ObjectMeta: metav1.ObjectMeta{Name: "bootstrappers-" + name}, Subjects: group,
			RoleRef: rbacv1.RoleRef{APIGroup: rbacv1.GroupName, Kind: "ClusterRole", Name: role},
		})).To(Succeed())
	}
	for name, role := range map[string]string{"a": "kubeadm:nodes-kubeadm-config", "b": "kubeadm:kubelet-config", "c": "kube-proxy"} {
		g.Expect(w.admin.Create(t.Context(), &rbacv1.RoleBinding{
			ObjectMeta: metav1.ObjectMeta{Name: "bootstrappers-" + name, Namespace: "kube-system"}, Subjects: group,
			RoleRef: rbacv1.RoleRef{APIGroup: rbacv1.GroupName, Kind: "Role", Name: role},
		})).To(Succeed())
	}
}

// approve runs the approver until t ends or the function that it returns is called.
func (w *world) approve(t *testing.T, config *rest.Config) (stop func()) {
	t.Helper()
	g := NewWithT(t)
	manager, err := controllerruntime.NewManager(config, controllerruntime.Options{
		Scheme: scheme.Scheme, Logger: w.journal.logger(), Metrics: server.Options{BindAddress: "0"}, HealthProbeBindAddress: "0",
		Controller: managerconfig.Controller{SkipNameValidation: ptr.To(true)}, // each world of a test run has its own
	})
	g.Expect(err).NotTo(HaveOccurred())
	approver := csr.New(manager.GetClient(), w.journal, csr.Options{Inventory: w.eyes, Tokens: w.keys, Region: region, Clock: clock.RealClock{}})
	w.held = approver.Held
	g.Expect(approver.Register(t.Context(), manager)).To(Succeed())
	ctx, cancel := context.WithCancel(context.WithoutCancel(t.Context()))
	done := make(chan error, 1)
	go func() { done <- manager.Start(ctx) }()
	stop = sync.OnceFunc(func() {
		cancel()
		NewWithT(t).Eventually(done, time.Minute).Should(Receive(BeNil()))
	})
	t.Cleanup(stop)
	return stop
}

// arrive launches an instance with an address that no other has.
func (w *world) arrive(t *testing.T) instance.Instance {
	t.Helper()
	n := w.arrived.Add(1)
	id := instance.ID(fmt.Sprintf("i-0b%06x", n))
	return w.launch(t, id, netip.AddrFrom4([4]byte{10, 1, byte(n / 250), byte(n%250 + 1)}).String())
}

// launch makes a NodeClaim with an instance of the given address, as a launch does.
func (w *world) launch(t *testing.T, id instance.ID, address string) instance.Instance {
	t.Helper()
	g := NewWithT(t)
	launched := instance.Instance{
		ID: id, Pool: pool.Pool{InstanceType: "t3.xlarge", Zone: zone}, State: instance.StateRunning, Launched: time.Now(),
		PrivateIP: netip.MustParseAddr(address),
	}
	claim := &karpv1.NodeClaim{
		ObjectMeta: metav1.ObjectMeta{Name: "claim-" + string(id)},
		Spec: karpv1.NodeClaimSpec{
			NodeClassRef: &karpv1.NodeClassReference{Group: "karpenter.k8s.aws", Kind: "EC2NodeClass", Name: "default"},
			Requirements: []karpv1.NodeSelectorRequirementWithMinValues{},
		},
	}
	g.Expect(w.admin.Create(t.Context(), claim)).To(Succeed())
	claim.Status.ProviderID = launched.ProviderID()
	claim.StatusConditions(status.WithClock(clock.RealClock{})).SetTrue(karpv1.ConditionTypeLaunched)
	g.Expect(w.admin.Status().Update(t.Context(), claim)).To(Succeed())
	w.ec2.show(launched)
	return launched
}

// spec is what a launch would render user data from.
func (w *world) spec(t *testing.T, userData string) join.Spec {
	t.Helper()
	g := NewWithT(t)
	known, err := w.clusters.Get(t.Context())
	g.Expect(err).NotTo(HaveOccurred())
	current, err := w.tokens.Current(t.Context())
	g.Expect(err).NotTo(HaveOccurred())
	return join.Spec{
		Family: join.Ubuntu, Cluster: known, Token: current, Region: region,
		Sizes:    kubelet.Sizes{MaxPods: 42, EvictionHard: map[string]string{"memory.available": "100Mi"}},
		Labels:   map[string]string{"role": "worker", "node-restriction.kubernetes.io/team": "ai"},
		Taints:   []corev1.Taint{{Key: "workload", Value: "ai", Effect: corev1.TaintEffectNoSchedule}},
		UserData: userData,
	}
}

// boot boots a hollow machine of i that runs what s renders to, until t ends. Each edit
// changes what the machine is and reaches.
func boot(t *testing.T, i instance.Instance, s join.Spec, edits ...func(*machine.Facts, *machine.Config)) *machine.Machine {
	t.Helper()
	m := assemble(t, i, s, edits...)
	switchOn(t, m)
	return m
}

// assemble makes the machine that boot boots.
func assemble(t *testing.T, i instance.Instance, s join.Spec, edits ...func(*machine.Facts, *machine.Config)) *machine.Machine {
	t.Helper()
	data, err := join.Render(s)
	NewWithT(t).Expect(err).NotTo(HaveOccurred())
	facts := machine.Facts{
		ID: string(i.ID), Type: i.Pool.InstanceType, Zone: zone, Region: region, Arch: "amd64", ImageID: "ami-1",
		ImageName: "ubuntu/images/hvm-ssd-gp3/ubuntu-noble-24.04-amd64-server-1",
		PrivateIP: i.PrivateIP, PrivateDNS: "ip-10-0-0-1.corp.example.com", MAC: "02:00:00:00:00:01",
		CPUs: 4, MemoryMiB: 16384, DiskGiB: 40, TokensRequired: true, UserData: data.Bytes(),
	}
	config := machine.Config{
		Kubernetes: "v" + s.Cluster.Version.String(), Speed: 10, Pipes: t.TempDir(), Reachable: []string{hostOf(s)},
	}
	for _, edit := range edits {
		edit(&facts, &config)
	}
	return machine.New(facts, config, func(m *machine.Machine) map[string]shell.Command {
		return map[string]shell.Command{
			"kubeadm": kubeadm.Command(m),
			"kubelet": hollowkubelet.Command(m, hollowkubelet.Options{Pods: noPods{}, LeaseInterval: time.Second}),
		}
	})
}

// switchOn boots m, which runs its user data, until t ends.
func switchOn(t *testing.T, m *machine.Machine) {
	t.Helper()
	ctx, cancel := context.WithCancel(context.WithoutCancel(t.Context()))
	done := make(chan struct{})
	go func() {
		defer close(done)
		m.Boot(ctx)
		if err := cloudinit.Run(ctx, m, m.FS, m.Facts.UserData); err != nil {
			m.Logf("cloud-init: %v", err)
		}
		<-ctx.Done()
		m.Halt()
	}()
	t.Cleanup(func() { cancel(); <-done })
}
