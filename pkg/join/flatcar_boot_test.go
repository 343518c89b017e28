package join_test

import (
	"io"
	"io/fs"
	"maps"
	"net/http"
	"net/http/httptest"
	"path"
	"strings"
	"testing"
	"time"

	. "github.com/onsi/gomega"

	"github.com/karpenter-kubeadm/karpenter-provider-aws/pkg/cluster"
	"github.com/karpenter-kubeadm/karpenter-provider-aws/pkg/join"
	"github.com/karpenter-kubeadm/karpenter-provider-aws/test/hollow/machine"
	"github.com/karpenter-kubeadm/karpenter-provider-aws/test/hollow/shell"
	"github.com/karpenter-kubeadm/karpenter-provider-aws/test/hollow/vfs"
)

const stockFlatcar = "Flatcar-stable-4230.2.0-hvm"

// tree are the files below a folder, with what is in them.
func tree(disk *vfs.FS, folder string) map[string]string {
	found := map[string]string{}
	entries, err := disk.ReadDir(folder)
	if err != nil {
		return found
	}
	for _, entry := range entries {
		name := path.Join(folder, entry.Name())
		if entry.IsDir() {
			maps.Copy(found, tree(disk, name))
		} else if content, err := disk.ReadFile(name); err == nil {
			found[name] = string(content)
		}
	}
	return found
}

// bootFlatcar boots a Flatcar and waits until the unit of ours has ended.
func bootFlatcar(t *testing.T, s join.Spec, i image) *booted {
	t.Helper()
	s.Family = join.Flatcar
	i.name = stockFlatcar
	b := boot(t, served(t, s), i)
	NewWithT(t).Eventually(func() bool { return b.FS.Exists("/opt/karpenter/join.sh") }, time.Minute, 10*time.Millisecond).
		Should(BeFalse(), "%s", func() string { return b.Console.Text() + b.Journal.Text() })
	return b
}

func TestAStockFlatcarJoins(t *testing.T) {
	for _, arch := range []string{"amd64", "arm64"} {
		t.Run(arch, func(t *testing.T) {
			g := NewWithT(t)
			var before map[string]string
			b := bootFlatcar(t, spec(t, nil), image{arch: arch, before: func(m *machine.Machine) { before = tree(m.FS, "/usr") }})
			console := b.Console.Text()
			g.Expect(b.joins).To(HaveLen(1), console)
			node := b.joins[0].config["nodeRegistration"].(map[string]any)
			g.Expect(node["name"]).To(Equal(ourNode))
			g.Expect(b.joins[0].discovery).To(ContainSubstring("token: abcdef." + secret))
			g.Expect(b.joins[0].patch).To(ContainSubstring(`"/volumePluginDir"`))
			g.Expect(phases(console)).NotTo(ContainElement(ContainSubstring("result=error")))
			g.Expect(phases(console)).To(ContainElement(ContainSubstring("phase=join result=ok")))
			g.Expect(tree(b.FS, "/usr")).To(Equal(before), "it is read-only")
			for _, name := range []string{"/opt/bin/kubelet", "/opt/bin/kubeadm", "/opt/cni/bin/loopback"} {
				info, err := b.FS.Stat(name)
				g.Expect(err).NotTo(HaveOccurred())
				g.Expect(info.Mode().Perm()).To(Equal(fs.FileMode(0o755)), name)
			}
			g.Expect(b.FS.Exists("/opt/bin/crictl")).To(BeFalse(), "kubeadm asks for it before 1.31 only")
			g.Expect(b.file("/etc/containerd/config.toml")).To(ContainSubstring("SystemdCgroup = true"))
			g.Expect(b.Active("containerd")).To(BeTrue())
			for name, content := range tree(b.FS, "/") {
				g.Expect(content).NotTo(ContainSubstring(secret), name)
			}
			g.Expect(console + b.Journal.Text()).NotTo(ContainSubstring(secret))
		})
	}
}

func TestAnOlderKubeadmFindsCrictlOnFlatcar(t *testing.T) {
	g := NewWithT(t)
	b := bootFlatcar(t, spec(t, func(s *join.Spec) { s.Cluster.Version = cluster.Version{Major: 1, Minor: 30, Patch: 3} }), image{})
	g.Expect(b.joins).To(HaveLen(1), b.Console.Text())
	g.Expect(b.FS.Exists("/opt/bin/crictl")).To(BeTrue())
}

func TestAFlatcarRunsNoProgramThatIsNotWhatItsDigestSays(t *testing.T) {
	g := NewWithT(t)
	mirror := httptest.NewServer(http.HandlerFunc(func(w http.ResponseWriter, r *http.Request) {
		if strings.HasSuffix(r.URL.Path, ".sha256") {
			_, _ = io.WriteString(w, strings.Repeat("0", 64))
			return
		}
		_, _ = w.Write(shell.Program(path.Base(r.URL.Path), "v1.36.3"))
	}))
	defer mirror.Close()
	s := served(t, spec(t, func(s *join.Spec) { s.Family, s.Sources.Binaries = join.Flatcar, mirror.URL }))
	b := boot(t, s, image{name: stockFlatcar})
	g.Eventually(func() []string { return phases(b.Console.Text()) }, time.Minute, 10*time.Millisecond).
		Should(ContainElement(HavePrefix("karpenter-join phase=packages result=error")), b.Journal.Text())
	g.Expect(b.joins).To(BeEmpty())
	g.Expect(b.FS.Exists("/opt/bin/kubelet")).To(BeFalse())
}

func TestAFlatcarBootsWithTheUsersIgnitionToo(t *testing.T) {
	g := NewWithT(t)
	b := bootFlatcar(t, spec(t, func(s *join.Spec) {
		s.UserData = `{"ignition":{"version":"3.4.0"},"storage":{"files":[{"path":"/etc/mine","contents":{"source":"data:,hi"}}]},
			"systemd":{"units":[{"name":"mine.service","enabled":true,"contents":"[Service]\nType=oneshot\nExecStart=/bin/touch /etc/ran\n[Install]\nWantedBy=multi-user.target\n"}]}}`
	}), image{})
	g.Expect(b.joins).To(HaveLen(1), b.Console.Text())
	g.Expect(b.file("/etc/mine")).To(Equal("hi"))
	g.Eventually(func() bool { return b.FS.Exists("/etc/ran") }, time.Minute).Should(BeTrue())
	g.Expect(strings.Count(strings.Join(phases(b.Console.Text()), "\n"), "phase=join")).To(Equal(1))
}
