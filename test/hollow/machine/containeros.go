package machine

import (
	"archive/tar"
	"bytes"
	"compress/gzip"
	"regexp"
	"strings"

	"github.com/karpenter-kubeadm/karpenter-provider-aws/test/hollow/shell"
)

// The operating systems that are made for containers: what they need is on the image, and
// their user data is not for cloud-init.
const (
	systemBottlerocket = "bottlerocket"
	systemFlatcar      = "flatcar"
)

// Flatcar reports whether the machine reads Ignition before its first boot.
func (m *Machine) Flatcar() bool { return m.system.id == systemFlatcar }

// Bottlerocket reports whether the machine has an API in place of a shell.
func (m *Machine) Bottlerocket() bool { return m.system.id == systemBottlerocket }

// variant is how Bottlerocket's images are named: the Kubernetes minor is in it.
var variant = regexp.MustCompile(`aws-k8s-(1\.\d+)`)

// paintContainerOS lays down what such an image has where others have packages.
func (m *Machine) paintContainerOS() {
	for _, program := range []string{"containerd", "ctr", "runc"} {
		m.must(m.FS.WriteFile("/usr/bin/"+program, shell.Program(program, "v"+containerdVersion), 0o755))
	}
	m.must(m.FS.Put("/usr/share/containerd/config.toml", []byte(strings.ReplaceAll(defaultContainerdConfig, "SystemdCgroup = false", "SystemdCgroup = true")), 0o644))
	m.must(m.FS.Put("/usr/lib/systemd/system/containerd.service", []byte("[Service]\nType=notify\nEnvironment=CONTAINERD_CONFIG=/usr/share/containerd/config.toml\n"+
		"ExecStart=/usr/bin/containerd --config ${CONTAINERD_CONFIG}\nRestart=always\n[Install]\nWantedBy=multi-user.target\n"), 0o644))
	m.must(m.FS.MkdirAll("/usr/lib/systemd/system", 0o755))
	if m.Flatcar() {
		m.must(m.FS.WriteFile("/usr/bin/mdadm", shell.Program("mdadm", ""), 0o755))
		return
	}
	m.must(m.systemd.enable("containerd"))
	version := m.config.Kubernetes
	if found := variant.FindStringSubmatch(m.Facts.ImageName); found != nil && !strings.HasPrefix(version, "v"+found[1]+".") {
		version = "v" + found[1] + ".0"
	}
	m.must(m.FS.WriteFile("/usr/bin/kubelet", shell.Program("kubelet", version), 0o755))
}

// project is a file of a release on GitHub, nil when there is none: the plugins that pod
// networks share, crictl, or the digest of one of them.
func (n *network) project(path string) []byte {
	words := strings.Split(path, "/")
	if len(words) != 6 || words[2] != "releases" || words[3] != "download" {
		return nil
	}
	switch repo, version := words[0]+"/"+words[1], words[4]; {
	case repo == "containernetworking/plugins" && words[5] == "cni-plugins-linux-"+n.arch+"-"+version+".tgz":
		return tarball("./loopback", "./bridge", "./host-local", "./portmap")
	case repo == "kubernetes-sigs/cri-tools" && words[5] == "crictl-"+version+"-linux-"+n.arch+".tar.gz":
		return tarball("crictl")
	}
	return nil
}

// tarball is an archive of programs.
func tarball(names ...string) []byte {
	var out bytes.Buffer
	packed := gzip.NewWriter(&out)
	files := tar.NewWriter(packed)
	for _, name := range names {
		content := shell.Program(strings.TrimPrefix(name, "./"), "")
		// Nothing of this fails: the archive is in memory.
		_ = files.WriteHeader(&tar.Header{Name: name, Typeflag: tar.TypeReg, Mode: 0o755, Size: int64(len(content))})
		_, _ = files.Write(content)
	}
	_, _ = files.Close(), packed.Close()
	return out.Bytes()
}
