package machine

import (
	"fmt"
	"maps"
	"regexp"
	"slices"
	"strings"

	"github.com/karpenter-kubeadm/karpenter-provider-aws/test/hollow/shell"
)

// BakedTag on an image says that it has containerd and the Kubernetes programs, and of
// which version, for example "1.36.3". The name of an image can say so too.
const BakedTag = "kubernetes_version"

// bakedName is how image-builder and its likes put the version into an image's name.
var bakedName = regexp.MustCompile(`(?:kubernetes|k8s|kubeadm|capa)[a-z0-9._-]*?v?(1\.\d+\.\d+)`)

// Baked returns the version of the Kubernetes programs that are on the image, empty when none are.
func (f Facts) Baked() string {
	if version := strings.TrimPrefix(f.ImageTags[BakedTag], "v"); version != "" {
		return version
	}
	if match := bakedName.FindStringSubmatch(strings.ToLower(f.ImageName)); match != nil {
		return match[1]
	}
	return ""
}

// paint lays the image down on the disk. The files are few: those that scripts look at.
func (m *Machine) paint() {
	for _, dir := range []string{
		"/boot", "/dev", "/etc/apt/keyrings", "/etc/apt/sources.list.d", "/etc/default", "/etc/modules-load.d", "/etc/profile.d", "/etc/sysctl.d",
		"/etc/systemd/system", "/etc/yum.repos.d", "/home/ubuntu", "/mnt", "/opt", "/proc/sys/kernel", "/proc/sys/net/ipv4", "/root", "/run", "/srv",
		"/sys/fs/cgroup", "/tmp", "/usr/bin", "/usr/lib/systemd/system", "/usr/local/bin", "/usr/local/sbin", "/usr/sbin", "/usr/share/keyrings",
		"/var/lib/apt/lists", "/var/lib/cloud", "/var/lib/dpkg", "/var/log", "/var/tmp",
	} {
		m.must(m.FS.MkdirAll(dir, 0o755))
	}
	for link, target := range map[string]string{"/bin": "usr/bin", "/sbin": "usr/sbin", "/lib": "usr/lib", "/var/run": "/run", "/etc/mtab": "../proc/self/mounts"} {
		m.must(m.FS.Symlink(target, link))
	}
	for _, name := range m.programs() {
		m.must(m.FS.WriteFile("/usr/bin/"+name, shell.Program(name, ""), 0o755))
	}
	for name, content := range m.etc() {
		m.must(m.FS.Put(name, []byte(content), 0o644))
	}
	for _, device := range []string{"console", "kmsg", "null", "zero", "stdin", "stdout", "stderr", "tty0", "ttyS0"} {
		m.must(m.FS.WriteFile("/dev/"+device, nil, 0o666))
	}
	for _, unit := range []string{"ssh", "ufw", "unattended-upgrades", "systemd-resolved", "systemd-networkd", "snapd", "amazon-ssm-agent", "chrony", "apparmor"} {
		m.must(m.FS.WriteFile("/usr/lib/systemd/system/"+unit+".service", []byte(ordinaryUnit), 0o644))
	}
	if m.system.id == "ubuntu" {
		m.must(m.unpack(pkg{name: "mdadm", version: "4.3"}))
	}
	switch version := m.Facts.Baked(); {
	case m.system.containers():
		m.paintContainerOS()
	case version != "":
		m.bake(version)
	}
}

// ordinaryUnit is a service that scripts stop or restart and whose work does not matter here.
const ordinaryUnit = "[Service]\nType=oneshot\nRemainAfterExit=yes\nExecStart=/bin/true\n[Install]\nWantedBy=multi-user.target\n"

// must is for the image only, whose paths are constants: an error is a fault of this package.
func (m *Machine) must(err error) {
	if err != nil {
		panic(fmt.Sprintf("painting image: %v", err))
	}
}

// programs are those of the operating system itself.
func (m *Machine) programs() []string {
	theirs := m.packageCommands()
	names := slices.DeleteFunc(slices.Collect(maps.Keys(m.shell.Commands)), func(name string) bool {
		_, packaged := programPackages()[name]
		_, manager := theirs[name]
		return packaged || manager
	})
	managers := []string{"dnf", "yum", "rpm", "gpg", "getenforce", "setenforce"}
	switch {
	case m.system.containers():
		managers = nil
	case m.system.debian():
		managers = []string{"apt", "apt-get", "apt-mark", "apt-key", "apt-cache", "add-apt-repository", "dpkg", "dpkg-query", "gpg"}
	}
	return append(names, managers...)
}

// etc are the files of the image that have content.
func (m *Machine) etc() map[string]string {
	files := map[string]string{
		"/etc/os-release": fmt.Sprintf("PRETTY_NAME=%q\nNAME=%q\nVERSION_ID=%q\nVERSION_CODENAME=%s\nID=%s\n",
			m.system.pretty, strings.Fields(m.system.pretty)[0], m.system.version, m.system.codename, m.system.id),
		"/etc/hosts":                        "127.0.0.1 localhost\n",
		"/etc/fstab":                        "LABEL=cloudimg-rootfs / ext4 discard,commit=30,errors=remount-ro 0 1\n",
		"/etc/machine-id":                   m.ID() + "\n",
		"/etc/resolv.conf":                  "nameserver 127.0.0.53\n",
		"/etc/passwd":                       "root:x:0:0:root:/root:/bin/bash\nubuntu:x:1000:1000:Ubuntu:/home/ubuntu:/bin/bash\n",
		"/etc/group":                        "root:x:0:\nubuntu:x:1000:\n",
		"/sys/fs/cgroup/cgroup.controllers": "cpuset cpu io memory hugetlb pids rdma misc\n",
		"/sys/class/dmi/id/sys_vendor":      "Amazon EC2\n",
		"/sys/class/dmi/id/product_name":    m.Facts.Type + "\n",
		"/sys/class/dmi/id/board_asset_tag": m.Facts.ID + "\n",
		"/sys/class/net/ens5/address":       m.Facts.MAC + "\n",
		"/proc/self/mounts":                 "/dev/root / ext4 rw 0 0\n",
	}
	switch m.system.id {
	case "ubuntu":
		files["/etc/apt/sources.list"] = "deb http://archive.ubuntu.com/ubuntu " + m.system.codename + " main universe\n"
	case "debian":
		files["/etc/apt/sources.list"] = "deb http://deb.debian.org/debian " + m.system.codename + " main\n"
	case "amzn":
		files["/etc/yum.repos.d/amazonlinux.repo"] = "[amazonlinux]\nname=Amazon Linux 2023\nbaseurl=https://cdn.amazonlinux.com/al2023/core/\nenabled=1\n"
		files["/etc/dnf/dnf.conf"] = "[main]\ngpgcheck=1\ninstallonly_limit=3\nclean_requirements_on_remove=True\nbest=False\nskip_if_unavailable=True\n"
		files["/etc/selinux/config"] = "SELINUX=permissive\nSELINUXTYPE=targeted\n"
		files[enforce] = "0\n"
	}
	return files
}

// bake installs what a node image of its own has: runtime, Kubernetes programs and kernel settings.
func (m *Machine) bake(version string) {
	for _, name := range []string{"containerd", "runc", "kubernetes-cni", "cri-tools", "kubelet", "kubeadm", "kubectl"} {
		m.must(m.unpack(pkg{name: name, version: version}))
	}
	m.must(m.FS.Put("/etc/containerd/config.toml", []byte(strings.ReplaceAll(defaultContainerdConfig, "SystemdCgroup = false", "SystemdCgroup = true")), 0o644))
	m.must(m.FS.Put("/etc/modules-load.d/k8s.conf", []byte("overlay\nbr_netfilter\n"), 0o644))
	m.must(m.FS.Put("/etc/sysctl.d/99-kubernetes-cri.conf", []byte("net.bridge.bridge-nf-call-iptables = 1\nnet.bridge.bridge-nf-call-ip6tables = 1\nnet.ipv4.ip_forward = 1\n"), 0o644))
	m.must(m.systemd.enable("containerd"))
	m.must(m.systemd.enable("kubelet"))
}
