package plane

import (
	"errors"
	"fmt"
	"path/filepath"
	"strings"

	corev1 "k8s.io/api/core/v1"
	"sigs.k8s.io/yaml"
)

const (
	// Where kubeadm's manifests expect certificates and kubeconfigs. Its dry run puts both into one folder.
	pkiDir        = "/etc/kubernetes/pki/"
	kubernetesDir = "/etc/kubernetes/"

	etcd              = "etcd"
	apiServer         = "kube-apiserver"
	controllerManager = "kube-controller-manager"
	scheduler         = "kube-scheduler"
)

var errNoCommand = errors.New("the first container has no command")

// command reads the command line out of a static pod's manifest.
func command(manifest []byte) ([]string, error) {
	var pod corev1.Pod
	if err := yaml.UnmarshalStrict(manifest, &pod); err != nil {
		return nil, fmt.Errorf("reading a static pod: %w", err)
	}
	if len(pod.Spec.Containers) == 0 || len(pod.Spec.Containers[0].Command) == 0 {
		return nil, fmt.Errorf("reading static pod %q: %w", pod.Name, errNoCommand)
	}
	container := pod.Spec.Containers[0]
	return append(container.Command, container.Args...), nil
}

// relocate makes the paths of a command line point into the folder that kubeadm's dry run wrote.
func relocate(command []string, kubernetes string) []string {
	moved := make([]string, len(command))
	for i, argument := range command {
		flag, value, _ := strings.Cut(argument, "=")
		for _, dir := range []string{pkiDir, kubernetesDir} {
			if rest, found := strings.CutPrefix(value, dir); found {
				argument = flag + "=" + filepath.Join(kubernetes, rest)
				break
			}
		}
		moved[i] = argument
	}
	return moved
}

// override sets flags of a command line: in their place where it has them, else at its end.
func override(command []string, flags []Arg) []string {
	set := append([]string{}, command...)
next:
	for _, f := range flags {
		for i, argument := range set {
			if name, _, _ := strings.Cut(argument, "="); name == "--"+f.Name {
				set[i] = "--" + f.Name + "=" + f.Value
				continue next
			}
		}
		set = append(set, "--"+f.Name+"="+f.Value)
	}
	return set
}

// ownFlags are what a plain process needs beside the command of its static pod: listeners on the cluster's address,
// files in the cluster's folder, and nothing spent on what a cluster of one that is thrown away does not need.
func ownFlags(c Config, dir string) map[string][]Arg {
	host := c.Addr.String()
	client := fmt.Sprintf("https://%s:%d", host, etcdClientPort)
	peer := fmt.Sprintf("https://%s:%d", host, etcdPeerPort)
	// There is one of each, so an election has no rival and only costs a write every two seconds.
	alone := Arg{"leader-elect", "false"}
	return map[string][]Arg{
		etcd: {
			{"data-dir", filepath.Join(dir, "etcd")},
			{"listen-client-urls", client},
			{"advertise-client-urls", client},
			{"listen-peer-urls", peer},
			{"initial-advertise-peer-urls", peer},
			{"initial-cluster", nodeName + "=" + peer},
			{"listen-metrics-urls", fmt.Sprintf("http://%s:%d", host, etcdMetricsPort)},
			// The data is removed with the cluster, so it need not survive a power cut.
			{"unsafe-no-fsync", "true"},
			// A member elects itself after the timeout, here 0.1 s instead of 1 s. Alone, it cannot lose to another.
			{"heartbeat-interval", "10"}, {"election-timeout", "100"},
		},
		apiServer: {{"bind-address", host}, {"etcd-servers", client}},
		controllerManager: {
			{"bind-address", host}, alone,
			// The stock folder is under /usr/libexec, and the controller manager makes it where it may.
			{"flex-volume-plugin-dir", filepath.Join(dir, "tmp", "flexvolume")},
			// It makes two requests for each of its controllers before the first one starts: five seconds at the
			// stock 20 a second.
			{"kube-api-qps", "400"}, {"kube-api-burst", "400"},
		},
		scheduler: {{"bind-address", host}, alone},
	}
}
