package folder

import (
	"context"
	"io"
	"os"
	"os/exec"
	"os/signal"
	"path/filepath"
	"strconv"
	"strings"
	"syscall"
	"testing"

	. "github.com/onsi/gomega"
)

// The arguments that make the test program a janitor, or an owner that a test can kill.
const (
	asJanitor = "janitor-of-a-test"
	asOwner   = "owner-of-a-test"
)

func TestMain(m *testing.M) {
	switch {
	case len(os.Args) == 3 && os.Args[1] == asJanitor:
		if err := Guard(context.Background(), os.Stdin, os.Args[2]); err != nil {
			os.Exit(1)
		}
	case len(os.Args) == 3 && os.Args[1] == asOwner:
		own(os.Args[2])
	default:
		os.Exit(m.Run())
	}
}

// own makes a folder under parent, prints its path, and stays until SIGTERM, upon which it removes it.
func own(parent string) {
	f, err := New(parent, []string{os.Args[0], asJanitor})
	if err != nil {
		os.Exit(1)
	}
	term := make(chan os.Signal, 1)
	signal.Notify(term, syscall.SIGTERM)
	_, _ = os.Stdout.WriteString(f.Path + "\n")
	<-term
	if err := f.Remove(); err != nil {
		os.Exit(1)
	}
}

// startOwner returns a running owner and its folder.
func startOwner(t *testing.T) (*exec.Cmd, string) {
	g := NewWithT(t)
	owner := exec.CommandContext(t.Context(), os.Args[0], asOwner, t.TempDir())
	out, err := owner.StdoutPipe()
	g.Expect(err).NotTo(HaveOccurred())
	g.Expect(owner.Start()).To(Succeed())
	line := make([]byte, 4096)
	n, err := out.Read(line)
	g.Expect(err).NotTo(HaveOccurred())
	return owner, strings.TrimSpace(string(line[:n]))
}

// occupy starts a process that works in the folder.
func occupy(t *testing.T, path string) *exec.Cmd {
	cmd := exec.CommandContext(t.Context(), "sleep", "600")
	cmd.Dir = path
	NewWithT(t).Expect(cmd.Start()).To(Succeed())
	return cmd
}

func TestRemove(t *testing.T) {
	g := NewWithT(t)
	f, err := New(t.TempDir(), []string{os.Args[0], asJanitor})
	g.Expect(err).NotTo(HaveOccurred())
	g.Expect(os.WriteFile(filepath.Join(f.Path, "data"), []byte("x"), 0o600)).To(Succeed())
	g.Expect(f.Remove()).To(Succeed())
	g.Expect(f.Path).NotTo(BeAnExistingFile())
	g.Expect(f.janitor.ProcessState.Success()).To(BeTrue())
}

func TestRemoveWithoutJanitor(t *testing.T) {
	g := NewWithT(t)
	f, err := New(t.TempDir(), []string{os.Args[0], asJanitor})
	g.Expect(err).NotTo(HaveOccurred())
	g.Expect(f.janitor.Process.Kill()).To(Succeed())
	g.Expect(f.Remove()).To(Succeed())
	g.Expect(f.Path).NotTo(BeAnExistingFile())
}

func TestNewWithoutJanitorLeavesNothing(t *testing.T) {
	g := NewWithT(t)
	parent := t.TempDir()
	_, err := New(parent, []string{filepath.Join(parent, "absent")})
	g.Expect(err).To(MatchError(os.ErrNotExist))
	g.Expect(filepath.Glob(filepath.Join(parent, "*"))).To(BeEmpty())
}

func TestJanitorRemovesTheFolderOfAKilledOwner(t *testing.T) {
	g := NewWithT(t)
	owner, path := startOwner(t)
	g.Expect(filepath.Join(path, lockName)).To(BeAnExistingFile())
	occupant := occupy(t, path)
	g.Expect(owner.Process.Kill()).To(Succeed())
	g.Expect(owner.Wait()).NotTo(Succeed())
	g.Consistently(path, 5*lookEvery).Should(BeADirectory(), "a process still works in it")
	g.Expect(occupant.Process.Kill()).To(Succeed())
	g.Expect(occupant.Wait()).NotTo(Succeed())
	g.Eventually(path, patience).ShouldNot(BeAnExistingFile())
}

func TestGuardGivesUpOnAFolderInUse(t *testing.T) {
	g := NewWithT(t)
	path := abandoned(t)
	occupant := occupy(t, path)
	ctx, cancel := context.WithTimeout(t.Context(), 2*lookEvery)
	defer cancel()
	g.Expect(Guard(ctx, strings.NewReader(""), path)).To(MatchError(ContainSubstring("waiting for the processes")))
	g.Expect(path).To(BeADirectory())
	g.Expect(occupant.Process.Kill()).To(Succeed())
	_ = occupant.Wait()
}

// abandoned is a folder whose owner has ended and whose janitor did not work. Its owner's number is this process's by
// now, so a signal to it would end the test.
func abandoned(t *testing.T) string {
	g := NewWithT(t)
	path := filepath.Join(t.TempDir(), "cluster")
	g.Expect(os.Mkdir(path, 0o700)).To(Succeed())
	g.Expect(os.WriteFile(filepath.Join(path, lockName), []byte(strconv.Itoa(os.Getpid())), 0o600)).To(Succeed())
	return path
}

func TestDown(t *testing.T) {
	t.Run("a folder that does not exist is down", func(t *testing.T) {
		NewWithT(t).Expect(Down(t.Context(), filepath.Join(t.TempDir(), "absent"))).To(Succeed())
	})
	t.Run("a folder that is no cluster's is left alone", func(t *testing.T) {
		g := NewWithT(t)
		path := t.TempDir()
		g.Expect(Down(t.Context(), path)).To(MatchError(ErrForeign))
		g.Expect(path).To(BeADirectory())
	})
	t.Run("what a dead owner left is removed, and no process is signalled", func(t *testing.T) {
		g := NewWithT(t)
		path := abandoned(t)
		g.Expect(Down(t.Context(), path)).To(Succeed())
		g.Expect(path).NotTo(BeAnExistingFile())
	})
	t.Run("a living owner is asked to end", func(t *testing.T) {
		g := NewWithT(t)
		owner, path := startOwner(t)
		g.Expect(Down(t.Context(), path)).To(Succeed())
		g.Expect(path).NotTo(BeAnExistingFile())
		g.Expect(owner.Wait()).To(Succeed())
	})
	t.Run("waiting for an owner that does not listen ends with the context", func(t *testing.T) {
		g := NewWithT(t)
		owner, path := startOwner(t)
		g.Expect(owner.Process.Signal(syscall.SIGSTOP)).To(Succeed())
		ctx, cancel := context.WithTimeout(t.Context(), 2*lookEvery)
		defer cancel()
		g.Expect(Down(ctx, path)).To(MatchError(context.DeadlineExceeded))
		g.Expect(owner.Process.Signal(syscall.SIGCONT)).To(Succeed())
		g.Expect(owner.Wait()).To(Succeed())
	})
}

func TestGuardWaitsForTheOwner(t *testing.T) {
	g := NewWithT(t)
	path := abandoned(t)
	life, owner := io.Pipe()
	done := make(chan error, 1)
	go func() { done <- Guard(t.Context(), life, path) }()
	g.Consistently(done, 2*lookEvery).ShouldNot(Receive())
	g.Expect(owner.Close()).To(Succeed())
	g.Eventually(done, patience).Should(Receive(BeNil()))
	g.Expect(path).NotTo(BeAnExistingFile())
}

func TestOccupants(t *testing.T) {
	g := NewWithT(t)
	path := t.TempDir()
	sub := filepath.Join(path, "sub")
	g.Expect(os.Mkdir(sub, 0o700)).To(Succeed())
	g.Expect(os.Mkdir(path+"-other", 0o700)).To(Succeed())
	t.Cleanup(func() { _ = os.Remove(path + "-other") })
	in, below, beside := occupy(t, path), occupy(t, sub), occupy(t, path+"-other")
	g.Expect(Occupants(path)).To(ConsistOf(in.Process.Pid, below.Process.Pid))
	for _, cmd := range []*exec.Cmd{in, below, beside} {
		g.Expect(cmd.Process.Kill()).To(Succeed())
		_ = cmd.Wait()
	}
	g.Expect(Occupants(path)).To(BeEmpty())
}
