package machine

import (
	"context"
	"errors"
	"io/fs"
	"slices"
	"strings"

	"github.com/pelletier/go-toml/v2"

	"github.com/karpenter-kubeadm/karpenter-provider-aws/test/hollow/shell"
)

// CRISocket is where containerd serves.
const CRISocket = "unix:///run/containerd/containerd.sock"

// containerdSocket is the file of CRISocket.
const containerdSocket = "/run/containerd/containerd.sock"

// defaultContainerdConfig is the part of `containerd config default` that scripts edit.
const defaultContainerdConfig = `disabled_plugins = []
imports = []
root = "/var/lib/containerd"
state = "/run/containerd"
version = 2

[grpc]
  address = "/run/containerd/containerd.sock"

[plugins]

  [plugins."io.containerd.grpc.v1.cri"]
    sandbox_image = "registry.k8s.io/pause:3.8"

    [plugins."io.containerd.grpc.v1.cri".cni]
      bin_dir = "/opt/cni/bin"
      conf_dir = "/etc/cni/net.d"

    [plugins."io.containerd.grpc.v1.cri".containerd]
      default_runtime_name = "runc"

      [plugins."io.containerd.grpc.v1.cri".containerd.runtimes.runc]
        runtime_type = "io.containerd.runc.v2"

        [plugins."io.containerd.grpc.v1.cri".containerd.runtimes.runc.options]
          BinaryName = ""
          Root = ""
          SystemdCgroup = false

    [plugins."io.containerd.grpc.v1.cri".registry]
      config_path = ""
`

func (m *Machine) runtimeCommands() map[string]shell.Command {
	return map[string]shell.Command{"containerd": m.containerd, "ctr": m.client, "crictl": m.client, "runc": func(context.Context, *shell.Proc) int { return 0 }, "openssl": m.openssl}
}

// containerd prints its default configuration, or serves until ctx ends.
func (m *Machine) containerd(ctx context.Context, p *shell.Proc) int {
	file := "/etc/containerd/config.toml"
	for words := p.Args[1:]; len(words) > 0; words = words[1:] {
		value := append(slices.Clone(words), "")[1]
		switch {
		case words[0] == "config" && value == "default":
			p.Printf("%s", defaultContainerdConfig)
			return 0
		case words[0] == "-c" || words[0] == "--config":
			file = value
		case words[0] == "--version" || words[0] == "-v":
			p.Printf("containerd github.com/containerd/containerd %s\n", p.Build())
			return 0
		}
	}
	state, err := m.runtimeConfig(file)
	if err != nil {
		return p.Fail(1, "failed to load TOML: %s: %v", file, err)
	}
	if err := m.FS.Put(containerdSocket, state, 0o660); err != nil {
		return p.Fail(1, "%v", err)
	}
	ready(ctx)
	<-ctx.Done()
	_ = m.FS.RemoveAll(containerdSocket)
	return 0
}

// What the socket file of a running containerd says about it: the kubelet would ask over the socket.
const (
	criServed    = "cri"
	systemdGroup = "systemd-cgroup"
)

// runtimeConfig reads a containerd configuration as the daemon would at start.
func (m *Machine) runtimeConfig(file string) ([]byte, error) {
	content, err := m.FS.ReadFile(file)
	if errors.Is(err, fs.ErrNotExist) {
		return []byte(criServed), nil
	}
	if err != nil {
		return nil, err
	}
	var config struct {
		Disabled []string       `toml:"disabled_plugins"`
		Plugins  map[string]any `toml:"plugins"`
	}
	if err := toml.Unmarshal(content, &config); err != nil {
		return nil, err
	}
	var state []string
	if !slices.ContainsFunc(config.Disabled, func(name string) bool { return name == "cri" || strings.HasPrefix(name, "io.containerd.grpc.v1.cri") }) {
		state = append(state, criServed)
	}
	if anySystemdCgroup(config.Plugins) {
		state = append(state, systemdGroup)
	}
	return []byte(strings.Join(state, " ")), nil
}

// anySystemdCgroup reports whether SystemdCgroup is on anywhere, since the table it is
// in moved between versions of containerd.
func anySystemdCgroup(table map[string]any) bool {
	for key, value := range table {
		if on, ok := value.(bool); ok && key == "SystemdCgroup" && on {
			return true
		}
		if below, ok := value.(map[string]any); ok && anySystemdCgroup(below) {
			return true
		}
	}
	return false
}

// Runtime says whether a CRI is served on the socket of containerd, and whether it puts
// containers in systemd's cgroups.
func (m *Machine) Runtime() (serves, systemdCgroup bool) {
	state, err := m.FS.ReadFile(containerdSocket)
	if err != nil {
		return false, false
	}
	return strings.Contains(string(state), criServed), strings.Contains(string(state), systemdGroup)
}

// client is ctr and crictl: they answer while the runtime serves.
func (m *Machine) client(_ context.Context, p *shell.Proc) int {
	if serves, _ := m.Runtime(); !serves && len(p.Args) > 1 && p.Args[1] != "config" && p.Args[1] != "--version" {
		return p.Fail(1, "connect: connection refused: %s", containerdSocket)
	}
	return 0
}

// KubeletHealth is a file that is there while a kubelet's health endpoint would answer.
const KubeletHealth = "/run/kubelet/healthz"
