package world

import (
	"os"
	"path/filepath"
	"testing"

	. "github.com/onsi/gomega"
	"golang.org/x/sys/unix"

	"github.com/karpenter-kubeadm/karpenter-provider-aws/test/node/cgroup"
)

func TestSweepRemovesWhatKilledWorldsLeft(t *testing.T) {
	g := NewWithT(t)
	dir := t.TempDir()
	// A folder is as good as a cgroup hierarchy for what sweep does with one.
	own := cgroup.Group{{Controllers: "cpu", Dir: filepath.Join(dir, "cgroup")}}
	for _, name := range []string{"dead", "alive"} {
		for _, part := range []string{"logs", "machines/i-0", "tmp"} {
			g.Expect(os.MkdirAll(filepath.Join(dir, homePrefix+name, part), 0o700)).To(Succeed())
		}
		g.Expect(os.WriteFile(filepath.Join(dir, homePrefix+name, lockName), nil, 0o600)).To(Succeed())
		g.Expect(os.MkdirAll(filepath.Join(own[0].Dir, homePrefix+name, "i-0"), 0o700)).To(Succeed())
	}
	g.Expect(os.MkdirAll(filepath.Join(dir, homePrefix+"beginning"), 0o700)).To(Succeed())
	lock, err := os.Open(filepath.Join(dir, homePrefix+"alive", lockName))
	g.Expect(err).NotTo(HaveOccurred())
	t.Cleanup(func() { _ = lock.Close() })
	g.Expect(unix.Flock(int(lock.Fd()), unix.LOCK_EX)).To(Succeed())

	g.Expect(sweep(t.Context(), dir, own)).To(Succeed())

	g.Expect(filepath.Join(dir, homePrefix+"dead", "logs")).To(BeADirectory(), "logs are for people")
	g.Expect(filepath.Join(dir, homePrefix+"dead", "machines")).NotTo(BeADirectory())
	g.Expect(filepath.Join(own[0].Dir, homePrefix+"dead")).NotTo(BeADirectory())
	g.Expect(filepath.Join(dir, homePrefix+"alive", "machines", "i-0")).To(BeADirectory())
	g.Expect(filepath.Join(own[0].Dir, homePrefix+"alive", "i-0")).To(BeADirectory())
	g.Expect(filepath.Join(dir, homePrefix+"beginning")).To(BeADirectory())
}

func TestHomeIsLockedUntilReleased(t *testing.T) {
	g := NewWithT(t)
	t.Setenv("TMPDIR", t.TempDir())
	home, release, err := makeHome()
	g.Expect(err).NotTo(HaveOccurred())
	lock, err := os.Open(filepath.Join(home, lockName))
	g.Expect(err).NotTo(HaveOccurred())
	t.Cleanup(func() { _ = lock.Close() })
	g.Expect(unix.Flock(int(lock.Fd()), unix.LOCK_EX|unix.LOCK_NB)).To(MatchError(unix.EWOULDBLOCK))
	release()
	g.Expect(unix.Flock(int(lock.Fd()), unix.LOCK_EX|unix.LOCK_NB)).To(Succeed())

	g.Expect(tidy(home, false)).To(Succeed())
	g.Expect(filepath.Join(home, logsName)).To(BeADirectory())
	g.Expect(filepath.Join(home, "tmp")).NotTo(BeADirectory())
	g.Expect(tidy(home, true)).To(Succeed())
	g.Expect(home).NotTo(BeADirectory())
}
