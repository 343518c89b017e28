package plane

import (
	"bytes"
	"fmt"
	"net"
	"net/netip"
	"strconv"

	metav1 "k8s.io/apimachinery/pkg/apis/meta/v1"
	kubeadmv1 "k8s.io/kubernetes/cmd/kubeadm/app/apis/kubeadm/v1beta4"
	"sigs.k8s.io/yaml"
)

const (
	apiPort         = 6443
	etcdClientPort  = 2379
	etcdPeerPort    = 2380
	etcdMetricsPort = 2381

	// advertised is the API server's address in the endpoints of the Service kubernetes. It exists nowhere (RFC 5737).
	advertised = "192.0.2.10"
	// nodeName is the control plane node's, in certificates and in etcd's member list. No such Node is registered.
	nodeName = "control-plane"
	// criSocket keeps kubeadm from looking for a container runtime on this machine.
	criSocket = "unix:///run/containerd/containerd.sock"
)

// Ports are those a cluster listens on, all on its own address: API server, etcd (clients, peers, metrics),
// controller manager, scheduler.
func Ports() []int {
	return []int{apiPort, etcdClientPort, etcdPeerPort, etcdMetricsPort, 10257, 10259}
}

// Arg is a flag of a Kubernetes program without its dashes, and its value.
type Arg struct {
	Name, Value string
}

// Config is what may differ from cluster to cluster.
type Config struct {
	// Addr is the address to listen on, with the ports of Ports free.
	Addr netip.Addr
	// ServiceCIDR and PodCIDR as kubeadm takes them. Without PodCIDR nodes get no podCIDR, as in stock kubeadm.
	ServiceCIDR, PodCIDR string
	// Flags that kubeadm gives the programs, and writes into kubeadm-config, as for a user who sets extraArgs.
	APIServer, ControllerManager, Scheduler []Arg
}

// Endpoint is the API server's "address:port".
func (c Config) Endpoint() string {
	return net.JoinHostPort(c.Addr.String(), strconv.Itoa(apiPort))
}

// render writes the file that kubeadm reads. What it does not name is kubeadm's stock value.
func (c Config) render(version string) ([]byte, error) {
	documents := []any{
		kubeadmv1.InitConfiguration{
			TypeMeta:         metav1.TypeMeta{APIVersion: kubeadmv1.SchemeGroupVersion.String(), Kind: "InitConfiguration"},
			LocalAPIEndpoint: kubeadmv1.APIEndpoint{AdvertiseAddress: advertised, BindPort: apiPort},
			NodeRegistration: kubeadmv1.NodeRegistrationOptions{Name: nodeName, CRISocket: criSocket},
		},
		kubeadmv1.ClusterConfiguration{
			TypeMeta:             metav1.TypeMeta{APIVersion: kubeadmv1.SchemeGroupVersion.String(), Kind: "ClusterConfiguration"},
			KubernetesVersion:    version,
			ControlPlaneEndpoint: c.Endpoint(),
			Networking:           kubeadmv1.Networking{ServiceSubnet: c.ServiceCIDR, PodSubnet: c.PodCIDR},
			APIServer:            kubeadmv1.APIServer{ControlPlaneComponent: component(c.APIServer)},
			ControllerManager:    component(c.ControllerManager),
			Scheduler:            component(c.Scheduler),
			Etcd: kubeadmv1.Etcd{Local: &kubeadmv1.LocalEtcd{
				ServerCertSANs: []string{c.Addr.String()},
				PeerCertSANs:   []string{c.Addr.String()},
			}},
		},
	}
	var file bytes.Buffer
	for _, document := range documents {
		text, err := yaml.Marshal(document)
		if err != nil {
			return nil, fmt.Errorf("rendering kubeadm's configuration: %w", err)
		}
		file.WriteString("---\n")
		file.Write(text)
	}
	return file.Bytes(), nil
}

func component(args []Arg) kubeadmv1.ControlPlaneComponent {
	var c kubeadmv1.ControlPlaneComponent
	for _, a := range args {
		c.ExtraArgs = append(c.ExtraArgs, kubeadmv1.Arg{Name: a.Name, Value: a.Value})
	}
	return c
}
