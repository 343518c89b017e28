package machine

import (
	"cmp"
	"errors"
	"fmt"
	"io/fs"
	"path"
	"slices"
	"strconv"
	"strings"

	"github.com/karpenter-kubeadm/karpenter-provider-aws/test/hollow/shell"
)

// pkg is one package of a repository.
type pkg struct {
	name, version string
	unsigned      bool // there is no key that it could be verified with
}

// database is where dpkg and rpm of a hollow machine keep what is installed: a line "name version" each.
const database = "/var/lib/dpkg/status"

// programPackages maps the programs that come with a package to that package. Programs
// that are not here are part of the operating system.
func programPackages() map[string]string {
	return map[string]string{
		"containerd": "containerd", "ctr": "containerd", "runc": "runc", "crictl": "cri-tools",
		"kubelet": "kubelet", "kubeadm": "kubeadm", "kubectl": "kubectl", "mdadm": "mdadm",
	}
}

// archive are packages of the distribution that join scripts install, beside containerd
// and runc; their programs are on the image or do not matter here.
func archive() []string {
	return []string{
		"apt-transport-https", "ca-certificates", "curl", "gnupg", "gnupg2", "gpg", "software-properties-common", "socat", "conntrack", "ebtables", "ethtool",
		"ipset", "ipvsadm", "iptables", "iproute2", "jq", "nfs-common", "open-iscsi", "unzip", "wget", "lsb-release", "bash-completion", "chrony", "nvme-cli",
		"kmod", "linux-modules-extra-aws", "cryptsetup", "vim", "htop", "net-tools", "python3-pip", "tar", "gzip", "less", "git", "conntrack-tools", "iproute-tc",
		"iptables-nft", "libseccomp", "nfs-utils", "iscsi-initiator-utils", "container-selinux", "openssl", "mdadm", "xfsprogs",
	}
}

// The versions of the runtime in the distributions' archives.
const (
	containerdVersion = "1.7.28"
	runcVersion       = "1.3.3"
)

func (m *Machine) packageCommands() map[string]shell.Command {
	return map[string]shell.Command{
		"apt": m.apt, "apt-get": m.apt, "apt-mark": m.aptMark, "apt-cache": m.aptCache, "apt-key": m.aptKey, "add-apt-repository": m.addRepository,
		"dpkg": m.dpkg, "dpkg-query": m.dpkg, "gpg": m.gpg, "dnf": m.dnf, "yum": m.dnf, "rpm": m.dpkg,
		"getenforce": m.getenforce, "setenforce": m.setenforce,
	}
}

// installed returns the version of a package, empty when it is not installed.
func (m *Machine) installed(name string) string {
	content, err := m.FS.ReadFile(database)
	if err != nil {
		return ""
	}
	for _, line := range strings.Split(string(content), "\n") {
		if known, version, _ := strings.Cut(line, " "); known == name {
			return version
		}
	}
	return ""
}

// unpack installs a package: its programs, units and files.
func (m *Machine) unpack(p pkg) error {
	if err := m.removePackage(p.name); err != nil {
		return err
	}
	if err := m.FS.Append(database, []byte(p.name+" "+p.version+"\n"), 0o644); err != nil {
		return err
	}
	version, _, _ := strings.Cut(p.version, "-")
	for program, owner := range programPackages() {
		if owner == p.name || (owner == "containerd" && p.name == "containerd.io") {
			if err := m.FS.WriteFile("/usr/bin/"+program, shell.Program(program, "v"+version), 0o755); err != nil {
				return err
			}
		}
	}
	for name, content := range m.packageFiles(p.name) {
		if err := m.putPackaged(name, content); err != nil {
			return err
		}
	}
	return nil
}

func (m *Machine) removePackage(name string) error {
	content, err := m.FS.ReadFile(database)
	if errors.Is(err, fs.ErrNotExist) {
		return nil
	}
	if err != nil {
		return err
	}
	kept := slices.DeleteFunc(strings.SplitAfter(string(content), "\n"), func(line string) bool { return strings.HasPrefix(line, name+" ") })
	return m.FS.WriteFile(database, []byte(strings.Join(kept, "")), 0o644)
}

// units are the services that a package starts when it is installed, as Debian's policy has it.
func units(name string) []string {
	switch name {
	case "containerd", "containerd.io":
		return []string{"containerd"}
	case "kubelet":
		return []string{"kubelet"}
	}
	return nil
}

// Debian's containerd comes with a configuration, in which nothing is said of cgroups.
const debianContainerdConfig = `version = 2

[plugins]
  [plugins."io.containerd.grpc.v1.cri"]
    [plugins."io.containerd.grpc.v1.cri".cni]
      bin_dir = "/usr/lib/cni"
      conf_dir = "/etc/cni/net.d"
`

// packageFiles are the files of a package beside its programs.
func (m *Machine) packageFiles(name string) map[string]string {
	containerd := map[string]string{"/usr/lib/systemd/system/containerd.service": "[Unit]\nDescription=containerd container runtime\nAfter=network.target\n[Service]\nType=notify\nExecStart=/usr/bin/containerd\nRestart=always\nRestartSec=5\n[Install]\nWantedBy=multi-user.target\n"}
	switch name {
	case "containerd":
		if m.system.id == "debian" {
			containerd["/etc/containerd/config.toml"] = debianContainerdConfig
		}
		return containerd
	case "containerd.io":
		// Docker's package comes with its CRI switched off.
		containerd["/etc/containerd/config.toml"] = "disabled_plugins = [\"cri\"]\n"
		return containerd
	case "kubelet":
		return map[string]string{
			"/usr/lib/systemd/system/kubelet.service": "[Unit]\nDescription=kubelet: The Kubernetes Node Agent\nWants=network-online.target\nAfter=network-online.target\n[Service]\nExecStart=/usr/bin/kubelet\nRestart=always\nStartLimitInterval=0\nRestartSec=10\n[Install]\nWantedBy=multi-user.target\n",
			m.kubeletEnvironment():                    "KUBELET_EXTRA_ARGS=\n",
		}
	case "kubeadm":
		return map[string]string{"/usr/lib/systemd/system/kubelet.service.d/10-kubeadm.conf": fmt.Sprintf(kubeadmDropIn, m.kubeletEnvironment())}
	case "cri-tools":
		return map[string]string{"/etc/crictl.yaml": "runtime-endpoint: unix:///var/run/containerd/containerd.sock\n"}
	}
	return nil
}

// kubeletEnvironment is where kubelet's package looks for an administrator's arguments.
func (m *Machine) kubeletEnvironment() string {
	if m.system.debian() {
		return "/etc/default/kubelet"
	}
	return "/etc/sysconfig/kubelet"
}

// kubeadmDropIn tells the kubelet where kubeadm puts its files.
const kubeadmDropIn = `[Service]
Environment="KUBELET_KUBECONFIG_ARGS=--bootstrap-kubeconfig=/etc/kubernetes/bootstrap-kubelet.conf --kubeconfig=/etc/kubernetes/kubelet.conf"
Environment="KUBELET_CONFIG_ARGS=--config=/var/lib/kubelet/config.yaml"
EnvironmentFile=-/var/lib/kubelet/kubeadm-flags.env
EnvironmentFile=-%s
ExecStart=
ExecStart=/usr/bin/kubelet $KUBELET_KUBECONFIG_ARGS $KUBELET_CONFIG_ARGS $KUBELET_KUBEADM_ARGS $KUBELET_EXTRA_ARGS
`

// repository is one configured source of packages.
type repository struct{ url, keyring string }

// minor returns the Kubernetes minor that a repository of Kubernetes' packages holds, "v1.36".
func (c Config) minor(url string) (string, bool) {
	rest, ok := strings.CutPrefix(url, cmp.Or(c.Packages, "https://pkgs.k8s.io/core:/stable:")+"/")
	minor, kind, _ := strings.Cut(strings.Trim(rest, "/"), "/")
	return minor, ok && strings.HasPrefix(minor, "v1.") && (kind == "deb" || kind == "rpm")
}

// serves reports whether there is such a repository at all.
func (c Config) serves(url string) bool {
	_, kubernetes := c.minor(url)
	host := hostOf(url)
	return kubernetes || slices.Contains([]string{"archive.ubuntu.com", "security.ubuntu.com", "ports.ubuntu.com", "deb.debian.org", "security.debian.org", "download.docker.com", "cdn.amazonlinux.com"}, host) ||
		strings.HasSuffix(host, ".ec2.archive.ubuntu.com")
}

// find returns the package that a repository has under name, of the given version when
// one is asked for; the version may end in "*".
func (m *Machine) find(r repository, name, version string) (pkg, bool) {
	if minor, ok := m.config.minor(r.url); ok {
		if !slices.Contains([]string{"kubelet", "kubeadm", "kubectl", "cri-tools", "kubernetes-cni"}, name) {
			return pkg{}, false
		}
		return m.kubernetesPackage(minor, name, version)
	}
	if strings.Contains(r.url, "download.docker.com") {
		return pkg{name: name, version: "1.7.28-1"}, name == "containerd.io" && version == ""
	}
	switch name {
	case "containerd":
		return pkg{name: name, version: containerdVersion}, version == ""
	case "runc":
		return pkg{name: name, version: runcVersion}, version == ""
	}
	return pkg{name: name, version: "1.0"}, slices.Contains(archive(), name)
}

// kubernetesPackage finds a package in the repository of one minor. The repository holds
// every patch up to the newest; which that is, Config says for the minor that it names.
func (m *Machine) kubernetesPackage(minor, name, version string) (pkg, bool) {
	newest := minor + ".0"
	if strings.HasPrefix(m.config.Kubernetes, minor+".") {
		newest = m.config.Kubernetes
	}
	newest = strings.TrimPrefix(newest, "v") + "-1.1"
	if version == "" || name == "cri-tools" || name == "kubernetes-cni" {
		return pkg{name: name, version: newest}, true
	}
	if strings.Contains(version, "*") {
		return matching(minor, name, version, newest)
	}
	if !strings.Contains(version, "-") && !m.system.debian() {
		version += "-1.1" // rpm takes a version without its revision, apt does not
	}
	patch, ok := patchOf(minor, version)
	limit, _ := patchOf(minor, newest)
	return pkg{name: name, version: version}, ok && patch <= limit
}

// matching returns the newest version up to newest that a pattern like "1.36.2-*" matches.
func matching(minor, name, pattern, newest string) (pkg, bool) {
	limit, _ := patchOf(minor, newest)
	for patch := limit; patch >= 0; patch-- {
		version := fmt.Sprintf("%s.%d-1.1", strings.TrimPrefix(minor, "v"), patch)
		if ok, err := path.Match(pattern, version); err == nil && ok {
			return pkg{name: name, version: version}, true
		}
	}
	return pkg{}, false
}

// patchOf returns the patch in a version like "1.36.3-1.1" of a minor like "v1.36".
func patchOf(minor, version string) (int, bool) {
	rest, ofMinor := strings.CutPrefix("v"+version, minor+".")
	number, released := strings.CutSuffix(rest, "-1.1")
	patch, err := strconv.Atoi(number)
	return patch, ofMinor && released && err == nil
}

// depends are the packages that come with one.
func depends(name string) []string {
	switch name {
	case "containerd", "containerd.io":
		return []string{"runc"}
	case "kubelet":
		return []string{"kubernetes-cni"}
	case "kubeadm":
		return []string{"cri-tools"}
	}
	return nil
}
