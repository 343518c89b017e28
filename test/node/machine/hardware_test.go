package machine

import (
	"os"
	"path/filepath"
	"testing"

	. "github.com/onsi/gomega"
)

func TestMeminfo(t *testing.T) {
	g := NewWithT(t)
	own := "MemTotal:       24576000 kB\nMemFree:         1000 kB\nMemAvailable:    2000 kB\nBuffers:  7 kB\n"
	g.Expect(Spec{MemoryMiB: 4096}.meminfo(own)).To(Equal("MemTotal: 4194304 kB\nMemFree: 3774870 kB\nMemAvailable: 3774870 kB\nBuffers:  7 kB\n"))
}

func TestCpuinfo(t *testing.T) {
	for name, tc := range map[string]struct {
		cpus int64
		own  string
		want string
	}{
		"fewer than there are": {cpus: 1, own: "processor\t: 0\nmodel\t: x\n\nprocessor\t: 1\nmodel\t: x\n\n", want: "processor\t: 0\nmodel\t: x\n\n"},
		"more than there are":  {cpus: 2, own: "processor\t: 0\nmodel\t: x\n\n", want: "processor\t: 0\nmodel\t: x\n\nprocessor\t: 1\nmodel\t: x\n\n"},
	} {
		t.Run(name, func(t *testing.T) {
			NewWithT(t).Expect(Spec{CPUs: tc.cpus}.cpuinfo(tc.own)).To(Equal(tc.want))
		})
	}
}

func TestProcessors(t *testing.T) {
	g := NewWithT(t)
	dir := t.TempDir()
	g.Expect(Spec{CPUs: 4}.writeProcessors(dir)).To(Succeed())
	for name, want := range map[string]string{"online": "0-3\n", "cpu3/topology/core_id": "1\n", "cpu0/topology/core_id": "0\n"} {
		text, err := os.ReadFile(filepath.Join(dir, name))
		g.Expect(err).NotTo(HaveOccurred())
		g.Expect(string(text)).To(Equal(want), name)
	}
	g.Expect(filepath.Join(dir, "cpu4")).NotTo(BeADirectory())
}

func TestCopyReadable(t *testing.T) {
	g := NewWithT(t)
	from, to := t.TempDir(), filepath.Join(t.TempDir(), "copy")
	g.Expect(os.Mkdir(filepath.Join(from, "keys"), 0o700)).To(Succeed())
	g.Expect(os.WriteFile(filepath.Join(from, "keys", "max"), []byte("200\n"), 0o400)).To(Succeed())
	g.Expect(copyReadable(from, to)).To(Succeed())
	text, err := os.ReadFile(filepath.Join(to, "keys", "max"))
	g.Expect(err).NotTo(HaveOccurred())
	g.Expect(string(text)).To(Equal("200\n"))
	// It is the machine's own: writing to it changes the copy alone.
	g.Expect(os.WriteFile(filepath.Join(to, "keys", "max"), []byte("1\n"), 0o644)).To(Succeed())
	text, err = os.ReadFile(filepath.Join(from, "keys", "max"))
	g.Expect(err).NotTo(HaveOccurred())
	g.Expect(string(text)).To(Equal("200\n"))
}

func TestPortFitsTheKernelsLimit(t *testing.T) {
	g := NewWithT(t)
	g.Expect(Spec{ID: "i-0123456789abcdef0"}.port()).To(Equal("m56789abcdef0"))
	g.Expect(len(Spec{ID: "i-0123456789abcdef0"}.port())).To(BeNumerically("<=", 15))
	g.Expect(Spec{ID: "i-01"}.port()).To(Equal("mi-01"))
}

func TestConsoleKeepsWhatSeveralWritersSay(t *testing.T) {
	g := NewWithT(t)
	path := filepath.Join(t.TempDir(), "console")
	c, err := newConsole(path)
	g.Expect(err).NotTo(HaveOccurred())
	for _, line := range []string{"one\n", "two\n"} {
		// As `echo line >/dev/console` does, which truncates files.
		g.Expect(os.WriteFile(path, []byte(line), 0o666)).To(Succeed())
	}
	g.Eventually(c.text).Should(Equal("one\ntwo\n"))
	g.Expect(c.close()).To(Succeed())
}
