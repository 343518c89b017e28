package trace

import (
	"os"
	"path/filepath"
	"testing"

	. "github.com/onsi/gomega"
)

func TestSinceNamesWhatCameAndWent(t *testing.T) {
	g := NewWithT(t)
	before := Trace{"mounts": {"a", "b"}, "iptables-save": {"-P FORWARD ACCEPT"}}
	after := Trace{"mounts": {"a", "c"}, "iptables-save": {"-P FORWARD DROP"}}
	g.Expect(before.Since(before)).To(BeEmpty())
	g.Expect(after.Since(before)).To(Equal([]string{
		"iptables-save: + -P FORWARD DROP", "iptables-save: - -P FORWARD ACCEPT", "mounts: + c", "mounts: - b",
	}))
}

func TestProcessesAreThoseOfContainerEngines(t *testing.T) {
	g := NewWithT(t)
	proc := t.TempDir()
	for number, p := range map[string]struct{ comm, space string }{
		"self": {"test", "pid:[1]"}, "10": {"dockerd", "pid:[1]"}, "11": {"bash", "pid:[1]"}, "12": {"containerd", "pid:[2]"},
	} {
		g.Expect(os.MkdirAll(filepath.Join(proc, number, "ns"), 0o700)).To(Succeed())
		g.Expect(os.WriteFile(filepath.Join(proc, number, "comm"), []byte(p.comm+"\n"), 0o600)).To(Succeed())
		g.Expect(os.Symlink(p.space, filepath.Join(proc, number, "ns", "pid"))).To(Succeed())
	}
	g.Expect(processes(proc)).To(ConsistOf("10 dockerd"))
}

func TestGroupsLeaveWorldsOut(t *testing.T) {
	g := NewWithT(t)
	root := t.TempDir()
	for _, dir := range []string{"cpu/docker/1", "cpu/kubelet", "cpu/session", "cpu/karpenter-world-1/docker"} {
		g.Expect(os.MkdirAll(filepath.Join(root, dir), 0o700)).To(Succeed())
	}
	found := Trace{}
	g.Expect(found.groups(root)).To(Succeed())
	g.Expect(found["control groups"]).To(Equal([]string{filepath.Join(root, "cpu/docker"), filepath.Join(root, "cpu/kubelet")}))
}
