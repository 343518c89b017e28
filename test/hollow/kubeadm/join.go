package kubeadm

import (
	"context"
	"errors"
	"fmt"
	"path"
	"slices"
	"strings"
	"time"

	corev1 "k8s.io/api/core/v1"
	apierrors "k8s.io/apimachinery/pkg/api/errors"
	metav1 "k8s.io/apimachinery/pkg/apis/meta/v1"
	"k8s.io/apimachinery/pkg/util/version"
	"k8s.io/client-go/tools/clientcmd"
	clientcmdapi "k8s.io/client-go/tools/clientcmd/api"

	"github.com/karpenter-kubeadm/karpenter-provider-aws/test/hollow/kubeconf"
	"github.com/karpenter-kubeadm/karpenter-provider-aws/test/hollow/machine"
	"github.com/karpenter-kubeadm/karpenter-provider-aws/test/hollow/shell"
)

// bootstrapInterval is how often kubeadm looks whether the kubelet has its certificate.
const bootstrapInterval = time.Second

// joiner is one run of `kubeadm join`.
type joiner struct {
	m *machine.Machine
	p *shell.Proc
	c *joinConfiguration
}

// join runs the phases of a worker in kubeadm's order.
func join(ctx context.Context, m *machine.Machine, p *shell.Proc) error {
	f, err := parseFlags(p.Args[2:])
	if err != nil {
		return err
	}
	c, err := load(m, p, f)
	if err != nil {
		return err
	}
	j := joiner{m: m, p: p, c: c}
	if err := j.phase("preflight", func() error { return preflight(m, p, c) }); err != nil {
		return err
	}
	found, err := j.discover(ctx)
	if err != nil {
		return err
	}
	client, err := kubeconf.New(found, m.Now)
	if err != nil {
		return fmt.Errorf("could not create client from bootstrap kubeconfig: %w", err)
	}
	defer client.Close()
	kubelet, err := j.fetch(ctx, client)
	if err != nil {
		return err
	}
	if err := j.phase("kubelet-start", func() error { return j.start(ctx, client, found, kubelet) }); err != nil {
		return err
	}
	if err := j.phase("kubelet-wait-bootstrap", func() error { return j.await(ctx) }); err != nil {
		return err
	}
	p.Printf("\nThis node has joined the cluster:\n* Certificate signing request was sent to apiserver and a response was received.\n* The Kubelet was informed of the new secure connection details.\n")
	return nil
}

// phase runs a phase unless it is to be skipped.
func (j joiner) phase(name string, run func() error) error {
	if slices.Contains(j.c.SkipPhases, name) {
		return nil
	}
	return run()
}

// fetch reads what kubeadm reads of a cluster with the bootstrap credentials, and returns
// the KubeletConfiguration. A missing kube-proxy configuration is fine: not every cluster has one.
func (j joiner) fetch(ctx context.Context, client *kubeconf.Client) ([]byte, error) {
	j.p.Printf("[preflight] Reading configuration from the \"kubeadm-config\" ConfigMap in namespace \"kube-system\"...\n")
	get := func(name, key string) (string, error) {
		var data map[string]string
		err := j.retry(ctx, bootstrapInterval, j.c.Timeouts.KubernetesAPICall.Duration, func(ctx context.Context) error {
			found, err := client.CoreV1().ConfigMaps(metav1.NamespaceSystem).Get(ctx, name, metav1.GetOptions{})
			if name == "kube-proxy" && apierrors.IsNotFound(err) {
				return nil
			}
			if err != nil {
				return err
			}
			data = found.Data
			return nil
		})
		if err != nil {
			return "", fmt.Errorf("failed to get config map: %w", err)
		}
		if data[key] == "" && name != "kube-proxy" {
			return "", fmt.Errorf("unexpected error when reading %s ConfigMap: %s key value pair missing", name, key)
		}
		return data[key], nil
	}
	cluster, err := get("kubeadm-config", "ClusterConfiguration")
	if err != nil {
		return nil, err
	}
	if err := readable(cluster, j.p.Build()); err != nil {
		return nil, err
	}
	kubelet, err := get("kubelet-config", "kubelet")
	if err != nil {
		return nil, err
	}
	_, err = get("kube-proxy", "config.conf")
	return []byte(kubelet), err
}

// readable refuses a ClusterConfiguration of an API version that a kubeadm of this release
// does not know: v1beta4 came with 1.31.
func readable(configuration, release string) error {
	parsed, err := version.ParseSemantic(release)
	if err != nil {
		return fmt.Errorf("reading kubeadm's own version: %w", err)
	}
	if parsed.LessThan(version.MustParseSemantic("v1.31.0")) && strings.Contains(configuration, "kubeadm.k8s.io/v1beta4") {
		return errors.New(`failed to decode cluster configuration data: no kind "ClusterConfiguration" is registered for version "kubeadm.k8s.io/v1beta4" in scheme`)
	}
	return nil
}

// start writes the kubelet's files and starts it.
func (j joiner) start(ctx context.Context, client *kubeconf.Client, found *clientcmdapi.Config, kubelet []byte) error {
	data, err := clientcmd.Write(*found)
	if err != nil {
		return fmt.Errorf("couldn't save bootstrap-kubelet.conf to disk: %w", err)
	}
	if err := j.m.FS.Put(bootstrapConfig, data, 0o600); err != nil {
		return fmt.Errorf("couldn't save bootstrap-kubelet.conf to disk: %w", err)
	}
	cluster, err := clusterOf(found)
	if err != nil {
		return err
	}
	if !j.m.FS.Exists(j.c.CACertPath) {
		if err := j.m.FS.Put(j.c.CACertPath, cluster.CertificateAuthorityData, 0o644); err != nil {
			return fmt.Errorf("couldn't save the CA certificate to disk: %w", err)
		}
	}
	if err := j.nameIsFree(ctx, client); err != nil {
		return err
	}
	j.m.Systemctl(ctx, "stop", "kubelet")
	if err := j.writeKubelet(kubelet); err != nil {
		return err
	}
	j.p.Printf("[kubelet-start] Starting the kubelet\n")
	// kubeadm only warns when this fails; the wait for the kubelet then does.
	if j.m.Systemctl(ctx, "start", "kubelet") != 0 {
		_, _ = fmt.Fprintln(j.p.Stderr, "W unable to start the kubelet service")
	}
	return nil
}

// nodeName is the name that the node will register with.
func (j joiner) nodeName() string {
	name := j.c.NodeRegistration.Name
	for _, one := range j.c.NodeRegistration.KubeletExtraArgs {
		if one.Name == "hostname-override" {
			name = one.Value
		}
	}
	return name
}

func (j joiner) nameIsFree(ctx context.Context, client *kubeconf.Client) error {
	node, err := client.CoreV1().Nodes().Get(ctx, j.nodeName(), metav1.GetOptions{})
	if apierrors.IsNotFound(err) {
		return nil
	}
	if err != nil {
		return fmt.Errorf("cannot get Node %q: %w", j.nodeName(), err)
	}
	for _, condition := range node.Status.Conditions {
		if condition.Type == corev1.NodeReady && condition.Status == corev1.ConditionTrue {
			return fmt.Errorf("a Node with name %q and status \"Ready\" already exists in the cluster. You must delete the existing Node or change the name of this new joining Node", j.nodeName())
		}
	}
	return nil
}

// writeKubelet writes the kubelet's configuration and flags.
func (j joiner) writeKubelet(kubelet []byte) error {
	directory := ""
	if j.c.Patches != nil {
		directory = j.c.Patches.Directory
	}
	patched, err := applyPatches(j.p, kubelet, directory)
	if err != nil {
		return fmt.Errorf("could not apply patches to the KubeletConfiguration: %w", err)
	}
	instance := fmt.Sprintf("containerRuntimeEndpoint: %q\n", j.c.NodeRegistration.CRISocket)
	if patched, err = strategic(patched, []byte(instance)); err != nil {
		return fmt.Errorf("could not apply kubelet instance configuration: %w", err)
	}
	for name, content := range map[string]string{
		"instance-config.yaml": instance, "config.yaml": string(patched), "kubeadm-flags.env": fmt.Sprintf("KUBELET_KUBEADM_ARGS=%q\n", strings.Join(j.kubeletArgs(), " ")),
	} {
		j.p.Printf("[kubelet-start] Writing %q\n", path.Join(kubeletDir, name))
		if err := j.m.FS.Put(path.Join(kubeletDir, name), []byte(content), 0o644); err != nil {
			return err
		}
	}
	return nil
}

// kubeletArgs are the flags that kubeadm gives the kubelet; the user's replace its own.
func (j joiner) kubeletArgs() []string {
	own := []arg{}
	if name := j.nodeName(); name != j.m.Hostname() {
		own = append(own, arg{"hostname-override", name})
	}
	if taints := j.c.NodeRegistration.Taints; len(taints) > 0 {
		texts := make([]string, 0, len(taints))
		for _, taint := range taints {
			texts = append(texts, taint.ToString())
		}
		own = append(own, arg{"register-with-taints", strings.Join(texts, ",")})
	}
	extra := j.c.NodeRegistration.KubeletExtraArgs
	own = slices.DeleteFunc(own, func(a arg) bool {
		return slices.ContainsFunc(extra, func(e arg) bool { return e.Name == a.Name })
	})
	args := make([]string, 0, len(own)+len(extra))
	for _, one := range append(own, extra...) {
		args = append(args, "--"+one.Name+"="+one.Value)
	}
	return args
}

// await waits until the kubelet is up and has exchanged the bootstrap credentials for a
// certificate. The bootstrap credentials leave the disk either way.
func (j joiner) await(ctx context.Context) error {
	defer func() { _ = j.m.FS.RemoveAll(bootstrapConfig) }()
	err := j.retry(ctx, bootstrapInterval, j.c.Timeouts.KubeletHealthCheck.Duration, func(context.Context) error {
		if !j.m.FS.Exists(machine.KubeletHealth) {
			return errors.New("the kubelet is not healthy")
		}
		return nil
	})
	if err != nil {
		return fmt.Errorf("failed while waiting for the kubelet to start: %w", err)
	}
	j.p.Printf("[kubelet-start] Waiting for the kubelet to perform the TLS Bootstrap\n")
	err = j.retry(ctx, bootstrapInterval, j.c.Timeouts.TLSBootstrap.Duration, func(context.Context) error {
		_, err := kubeconf.Load(j.m.FS, kubeletConfig)
		return err
	})
	if err != nil {
		return fmt.Errorf("failed while waiting for TLS bootstrap: %w", err)
	}
	return nil
}
