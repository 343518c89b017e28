package kubelet

import (
	"cmp"
	"context"
	"encoding/json"
	"errors"
	"fmt"
	"strings"
	"time"

	"github.com/go-logr/logr/funcr"
	coordinationv1 "k8s.io/api/coordination/v1"
	corev1 "k8s.io/api/core/v1"
	apierrors "k8s.io/apimachinery/pkg/api/errors"
	metav1 "k8s.io/apimachinery/pkg/apis/meta/v1"
	"k8s.io/apimachinery/pkg/types"
	"k8s.io/klog/v2"
	"k8s.io/utils/ptr"

	"github.com/karpenter-kubeadm/karpenter-provider-aws/test/hollow/kubeconf"
	"github.com/karpenter-kubeadm/karpenter-provider-aws/test/hollow/machine"
	"github.com/karpenter-kubeadm/karpenter-provider-aws/test/hollow/shell"
)

// Pods plays the pods of nodes.
type Pods interface {
	// NodeUp says that pods bound to node run from now on. It may come again for a node that is up.
	NodeUp(node *corev1.Node)
	// NodeDown says that nothing happens to the pods of this node any more.
	NodeDown(name string)
}

// Options are what hollow kubelets share.
type Options struct {
	Pods Pods
	// MemoryOverhead is the share of the catalogue's memory that the machine's kernel keeps.
	MemoryOverhead float64
	// LeaseInterval is the time between two renewals; zero is a quarter of the lease, as in life.
	LeaseInterval time.Duration
	// StatusInterval is the time between two reports of an unchanged status; zero is five minutes, as in life.
	StatusInterval time.Duration
}

// statusInterval is nodeStatusReportFrequency's default.
const statusInterval = 5 * time.Minute

// Command returns the program for one machine.
func Command(m *machine.Machine, o Options) shell.Command {
	return func(ctx context.Context, p *shell.Proc) int {
		f, err := parseFlags(p.Args[1:])
		if err != nil {
			return p.Fail(1, "E %v", err)
		}
		version := cmp.Or(p.Build(), "v0.0.0")
		if f.version {
			p.Printf("Kubernetes %s\n", version)
			return 0
		}
		if err := run(ctx, m, o, f, version); err != nil {
			return p.Fail(1, "E %v", err)
		}
		return 0
	}
}

// run is a kubelet's life; it ends with ctx.
func run(ctx context.Context, m *machine.Machine, o Options, f flags, version string) error {
	s, err := start(m, f)
	if err != nil {
		return err
	}
	if err := m.FS.Put(machine.KubeletHealth, []byte("ok"), 0o644); err != nil {
		return err
	}
	defer func() { _ = m.FS.RemoveAll(machine.KubeletHealth) }()
	// What client-go has to say goes to the journal of the machine, not to the log of the test.
	ctx = klog.NewContext(ctx, funcr.New(func(prefix, args string) { m.Journalf("kubelet: %s %s", prefix, args) }, funcr.Options{}))
	who := identity{s: s, m: m, disk: m.FS}
	client, err := who.client(ctx)
	if err != nil {
		return err
	}
	defer client.Close()
	node := s.node(m, version, o.MemoryOverhead)
	o.Pods.NodeUp(node)
	defer o.Pods.NodeDown(node.Name)
	k := kubelet{m: m, o: o, s: s, client: client, node: node}
	if f.register {
		if err := k.register(ctx); err != nil {
			return err
		}
	}
	if s.servingCSR {
		stop, err := who.serving(ctx, client, node.Status.Addresses)
		if err != nil {
			return err
		}
		defer stop()
	}
	k.beat(ctx)
	return nil
}

// start reads the configuration and checks what a kubelet checks before it does anything.
func start(m *machine.Machine, f flags) (settings, error) {
	var file []byte
	if f.config != "" {
		var err error
		if file, err = m.FS.ReadFile(f.config); err != nil {
			return settings{}, fmt.Errorf("failed to load kubelet config file, path: %s, error: %w", f.config, err)
		}
	}
	s, err := resolve(f, file, m.Hostname())
	if err != nil {
		return settings{}, err
	}
	swaps, err := m.FS.ReadFile("/proc/swaps")
	if err == nil && s.failSwapOn && strings.Count(strings.TrimSpace(string(swaps)), "\n") > 0 {
		return settings{}, errors.New("failed to run Kubelet: running with swap on is not supported, please disable swap or set --fail-swap-on flag to false")
	}
	serves, systemdCgroup := m.Runtime()
	if !serves {
		return settings{}, fmt.Errorf("failed to run Kubelet: validate service connection: validate CRI v1 runtime API for endpoint %q: connection refused", machine.CRISocket)
	}
	if (s.cgroupDriver == "systemd") != systemdCgroup {
		m.Journalf("kubelet: WARNING: cgroup driver %q differs from the runtime's; pods would be killed at random", s.cgroupDriver)
	}
	return s, nil
}

// kubelet is one that has its certificate.
type kubelet struct {
	m      *machine.Machine
	o      Options
	s      settings
	client *kubeconf.Client
	node   *corev1.Node
	uid    types.UID
	lease  *coordinationv1.Lease
}

// register creates the Node or, when there is one of this name, takes it over, and tries
// again until that works or ctx ends.
func (k *kubelet) register(ctx context.Context) error {
	step := 100 * time.Millisecond
	for {
		err := k.tryRegister(ctx)
		if err == nil {
			k.m.Journalf("kubelet: Successfully registered node %s", k.node.Name)
			return nil
		}
		k.m.Journalf("kubelet: Unable to register node with API server: %v", err)
		select {
		case <-ctx.Done():
			return nil
		case <-time.After(step):
			step = min(2*step, 7*time.Second)
		}
	}
}

func (k *kubelet) tryRegister(ctx context.Context) error {
	fresh := k.node.DeepCopy()
	fresh.Status.Conditions = conditions(metav1.Now())
	created, err := k.client.CoreV1().Nodes().Create(ctx, fresh, metav1.CreateOptions{})
	if apierrors.IsAlreadyExists(err) {
		created, err = k.client.CoreV1().Nodes().Get(ctx, k.node.Name, metav1.GetOptions{})
		if err == nil {
			err = k.takeOver(ctx)
		}
	}
	if err != nil {
		return err
	}
	k.uid = created.UID
	return k.report(ctx)
}

// takeOver updates the labels that a kubelet reconciles on a Node it finds; taints and
// provider id of the Node stay as they are.
func (k *kubelet) takeOver(ctx context.Context) error {
	labels := map[string]string{}
	for _, key := range []string{corev1.LabelHostname, corev1.LabelOSStable, corev1.LabelArchStable, corev1.LabelTopologyZone, corev1.LabelTopologyRegion, corev1.LabelInstanceTypeStable} {
		if value, ok := k.node.Labels[key]; ok {
			labels[key] = value
		}
	}
	return k.patch(ctx, map[string]any{"metadata": map[string]any{"labels": labels, "annotations": map[string]string{InstanceAnnotation: k.m.Facts.ID}}})
}

// report writes the whole status.
func (k *kubelet) report(ctx context.Context) error {
	status := k.node.Status.DeepCopy()
	status.Conditions = conditions(metav1.Now())
	return k.patch(ctx, map[string]any{"status": status}, "status")
}

func (k *kubelet) patch(ctx context.Context, change map[string]any, subresources ...string) error {
	data, err := json.Marshal(change)
	if err != nil {
		return err
	}
	_, err = k.client.CoreV1().Nodes().Patch(ctx, k.node.Name, types.StrategicMergePatchType, data, metav1.PatchOptions{}, subresources...)
	return err
}

// beat renews the lease and reports the status until ctx ends. A Node that somebody
// deleted is not made again: a real kubelet registers once in its life.
func (k *kubelet) beat(ctx context.Context) {
	leases := time.NewTicker(cmp.Or(k.o.LeaseInterval, time.Duration(k.s.leaseSeconds)*time.Second/4))
	defer leases.Stop()
	reports := time.NewTicker(cmp.Or(k.o.StatusInterval, statusInterval))
	defer reports.Stop()
	for {
		if err := k.renew(ctx); err != nil && ctx.Err() == nil {
			k.m.Journalf("kubelet: Failed to update lease: %v", err)
		}
		select {
		case <-ctx.Done():
			return
		case <-leases.C:
		case <-reports.C:
			if err := k.report(ctx); err != nil && ctx.Err() == nil {
				k.m.Journalf("kubelet: Unable to update node status: %v", err)
			}
		}
	}
}

// renew creates or updates the node's lease, from what the last call returned.
func (k *kubelet) renew(ctx context.Context) error {
	leases := k.client.CoordinationV1().Leases(corev1.NamespaceNodeLease)
	now := metav1.NewMicroTime(time.Now())
	if k.lease != nil {
		next := k.lease.DeepCopy()
		next.Spec.RenewTime = &now
		updated, err := leases.Update(ctx, next, metav1.UpdateOptions{})
		if err == nil {
			k.lease = updated
			return nil
		}
		k.lease = nil
		if !apierrors.IsConflict(err) && !apierrors.IsNotFound(err) {
			return err
		}
	}
	wanted := &coordinationv1.Lease{
		ObjectMeta: metav1.ObjectMeta{Name: k.node.Name, Namespace: corev1.NamespaceNodeLease},
		Spec:       coordinationv1.LeaseSpec{HolderIdentity: &k.node.Name, LeaseDurationSeconds: ptr.To(k.s.leaseSeconds), RenewTime: &now},
	}
	if k.uid != "" {
		wanted.OwnerReferences = []metav1.OwnerReference{{APIVersion: "v1", Kind: "Node", Name: k.node.Name, UID: k.uid}}
	}
	created, err := leases.Create(ctx, wanted, metav1.CreateOptions{})
	if err == nil {
		k.lease = created
		return nil
	}
	if !apierrors.IsAlreadyExists(err) {
		return err
	}
	found, err := leases.Get(ctx, k.node.Name, metav1.GetOptions{})
	if err != nil {
		return err
	}
	found.Spec = wanted.Spec
	updated, err := leases.Update(ctx, found, metav1.UpdateOptions{})
	if err == nil {
		k.lease = updated
	}
	return err
}
