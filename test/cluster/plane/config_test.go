package plane

import (
	"net/netip"
	"testing"

	. "github.com/onsi/gomega"
)

func TestRender(t *testing.T) {
	cases := map[string]struct {
		config Config
		want   string
	}{
		"what nobody asked for is left to kubeadm": {
			config: Config{Addr: netip.MustParseAddr("127.70.1.2")},
			want: `---
apiVersion: kubeadm.k8s.io/v1beta4
kind: InitConfiguration
localAPIEndpoint:
  advertiseAddress: 192.0.2.10
  bindPort: 6443
nodeRegistration:
  criSocket: unix:///run/containerd/containerd.sock
  name: control-plane
  taints: null
---
apiServer: {}
apiVersion: kubeadm.k8s.io/v1beta4
controlPlaneEndpoint: 127.70.1.2:6443
controllerManager: {}
dns: {}
etcd:
  local:
    dataDir: ""
    peerCertSANs:
    - 127.70.1.2
    serverCertSANs:
    - 127.70.1.2
kind: ClusterConfiguration
kubernetesVersion: v1.36.3
networking: {}
proxy: {}
scheduler: {}
`,
		},
		"networks and flags are passed on": {
			config: Config{
				Addr: netip.MustParseAddr("127.70.1.2"), ServiceCIDR: "10.97.0.0/16", PodCIDR: "10.1.0.0/16",
				APIServer:         []Arg{{"anonymous-auth", "false"}},
				ControllerManager: []Arg{{"node-monitor-grace-period", "8s"}, {"v", "4"}},
				Scheduler:         []Arg{{"v", "5"}},
			},
			want: `---
apiVersion: kubeadm.k8s.io/v1beta4
kind: InitConfiguration
localAPIEndpoint:
  advertiseAddress: 192.0.2.10
  bindPort: 6443
nodeRegistration:
  criSocket: unix:///run/containerd/containerd.sock
  name: control-plane
  taints: null
---
apiServer:
  extraArgs:
  - name: anonymous-auth
    value: "false"
apiVersion: kubeadm.k8s.io/v1beta4
controlPlaneEndpoint: 127.70.1.2:6443
controllerManager:
  extraArgs:
  - name: node-monitor-grace-period
    value: 8s
  - name: v
    value: "4"
dns: {}
etcd:
  local:
    dataDir: ""
    peerCertSANs:
    - 127.70.1.2
    serverCertSANs:
    - 127.70.1.2
kind: ClusterConfiguration
kubernetesVersion: v1.36.3
networking:
  podSubnet: 10.1.0.0/16
  serviceSubnet: 10.97.0.0/16
proxy: {}
scheduler:
  extraArgs:
  - name: v
    value: "5"
`,
		},
	}
	for name, c := range cases {
		t.Run(name, func(t *testing.T) {
			g := NewWithT(t)
			file, err := c.config.render("v1.36.3")
			g.Expect(err).NotTo(HaveOccurred())
			g.Expect(string(file)).To(Equal(c.want))
		})
	}
}
