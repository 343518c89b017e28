package world

import (
	"os"
	"path/filepath"
	"testing"

	. "github.com/onsi/gomega"
)

func TestWhatScriptsDoToTheHostIsSeen(t *testing.T) {
	write := func(content string, path ...string) func(Gomega, string) {
		return func(g Gomega, root string) {
			file := filepath.Join(append([]string{root}, path...)...)
			g.Expect(os.MkdirAll(filepath.Dir(file), 0o700)).To(Succeed())
			g.Expect(os.WriteFile(file, []byte(content), 0o600)).To(Succeed())
		}
	}
	for name, tc := range map[string]struct {
		change func(Gomega, string)
		seen   OmegaMatcher
	}{
		"nothing":                 {change: func(Gomega, string) {}, seen: BeNil()},
		"a file":                  {change: write("overlay", "etc/modules-load.d/k8s.conf"), seen: MatchError(ContainSubstring("files: now /etc/modules-load.d/k8s.conf -rw------- 7 bytes of "))},
		"a file written over":     {change: write("127.0.0.1 node", "etc/hosts"), seen: MatchError(And(ContainSubstring("files: no longer /etc/hosts"), ContainSubstring("files: now /etc/hosts")))},
		"a kubelet's folder":      {change: write("", "var/lib/kubelet/config.yaml"), seen: MatchError(ContainSubstring("files: now /var/lib/kubelet drwx"))},
		"a setting of the kernel": {change: write("1\n", "proc/sys/net/ipv4/ip_forward"), seen: MatchError(And(ContainSubstring("settings: now net/ipv4/ip_forward=1"), ContainSubstring("settings: no longer net/ipv4/ip_forward=0")))},
		"a mount":                 {change: write("1 / overlay\n2 /mnt overlay\n", "proc/self/mountinfo"), seen: MatchError(ContainSubstring("mounts: now 2 /mnt overlay"))},
		"swap switched off":       {change: write("Filename\n", "proc/swaps"), seen: MatchError(ContainSubstring("swaps: no longer /dev/sda2"))},
		"an interface":            {change: write("", "sys/class/net/vpc"), seen: MatchError(ContainSubstring("interfaces: now vpc"))},
		"what nobody looks at":    {change: write("", "var/log/messages"), seen: BeNil()},
	} {
		t.Run(name, func(t *testing.T) {
			g := NewWithT(t)
			root := t.TempDir()
			for file, content := range map[string]string{
				"etc/hosts": "127.0.0.1 localhost\n", "proc/self/mountinfo": "1 / overlay\n", "proc/swaps": "Filename\n/dev/sda2\n",
				"proc/sys/net/ipv4/ip_forward": "0\n",
			} {
				write(content, file)(g, root)
			}
			before, err := look(t.Context(), root)
			g.Expect(err).NotTo(HaveOccurred())
			tc.change(g, root)
			after, err := look(t.Context(), root)
			g.Expect(err).NotTo(HaveOccurred())
			g.Expect(before.compare(after)).To(tc.seen)
		})
	}
}
