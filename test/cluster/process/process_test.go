package process

import (
	"bufio"
	"context"
	"errors"
	"fmt"
	"os"
	"os/exec"
	"path/filepath"
	"strconv"
	"strings"
	"syscall"
	"testing"
	"time"

	. "github.com/onsi/gomega"
)

// patience is for a kernel that is busy with other processes.
const patience = 20 * time.Second

// asOwner makes the test program be an owner of a child, which a test then kills.
const asOwner = "PROCESS_TEST_OWNER"

func TestMain(m *testing.M) {
	if os.Getenv(asOwner) != "" {
		own()
		return
	}
	os.Exit(m.Run())
}

// own starts a child, prints its process id, and stays.
func own() {
	child, err := New().Start(shell("exec sleep 600"), os.DevNull)
	if err != nil {
		fmt.Println(err)
		os.Exit(1)
	}
	fmt.Println(child.pid)
	<-child.Done()
}

func shell(script string) Command {
	return Command{Path: "/bin/sh", Args: []string{"-c", script}, Dir: os.TempDir(), Env: []string{"PATH=/usr/bin:/bin"}}
}

func newGroup(t *testing.T) *Group {
	g := New()
	t.Cleanup(g.Close)
	return g
}

// alive says whether a process runs. One that has ended and waits for its parent to ask how does not.
func alive(pid int) bool {
	stat, err := os.ReadFile(fmt.Sprintf("/proc/%d/stat", pid))
	if err != nil {
		return false
	}
	_, state, _ := strings.Cut(string(stat), ") ")
	return !strings.HasPrefix(state, "Z")
}

func TestRun(t *testing.T) {
	cases := map[string]struct {
		script string
		out    string
		err    string
	}{
		"standard output is returned":                  {script: "echo out; echo noise >&2", out: "out\n"},
		"nothing of our environment is inherited":      {script: `echo "[$HOME]"`, out: "[]\n"},
		"a failure carries the end of standard error":  {script: "echo lost; echo reason >&2; exit 3", err: "exit status 3:\n  reason"},
		"a failure without a word is still a failure":  {script: "exit 4", err: "exit status 4"},
		"of a long report the last lines are kept":     {script: "seq 100 >&2; exit 1", err: "\n  86\n"},
		"of a long report the first lines are dropped": {script: "seq 100 | sed s/^/line/ >&2; exit 1", err: "exit status 1:\n  line86"},
	}
	for name, c := range cases {
		t.Run(name, func(t *testing.T) {
			g := NewWithT(t)
			out, err := newGroup(t).Run(t.Context(), shell(c.script), nil)
			if c.err != "" {
				g.Expect(err).To(MatchError(ContainSubstring(c.err)))
				return
			}
			g.Expect(err).NotTo(HaveOccurred())
			g.Expect(string(out)).To(Equal(c.out))
		})
	}
}

func TestRunPassesStandardErrorOn(t *testing.T) {
	g := NewWithT(t)
	var said strings.Builder
	_, err := newGroup(t).Run(t.Context(), shell("echo first >&2; echo second >&2"), &said)
	g.Expect(err).NotTo(HaveOccurred())
	g.Expect(said.String()).To(Equal("first\nsecond\n"))
}

func TestRunEndsWhatItStartedWithTheContext(t *testing.T) {
	g := NewWithT(t)
	pidFile := filepath.Join(t.TempDir(), "pid")
	ctx, cancel := context.WithCancelCause(t.Context())
	reason := errors.New("no longer wanted")
	var grandchild int
	go func() {
		for grandchild == 0 {
			text, _ := os.ReadFile(pidFile)
			grandchild, _ = strconv.Atoi(strings.TrimSpace(string(text)))
		}
		cancel(reason)
	}()
	_, err := newGroup(t).Run(ctx, shell("sh -c 'echo $$ >"+pidFile+"; exec sleep 600'; true"), nil)
	g.Expect(err).To(MatchError(reason))
	g.Eventually(alive).WithArguments(grandchild).WithTimeout(patience).Should(BeFalse())
}

func TestStop(t *testing.T) {
	cases := map[string]struct {
		script string
		grace  time.Duration
		how    string
	}{
		"a program that listens ends by itself":        {script: "trap 'echo bye; exit 0' TERM; echo up; while :; do sleep 0.01; done", grace: time.Minute, how: "exit status 0:\n  up\n"},
		"a program that does not listen is killed":     {script: "trap '' TERM; echo up; while :; do sleep 0.01; done", grace: time.Millisecond, how: "signal: killed"},
		"without grace a program is killed right away": {script: "trap 'exit 0' TERM; echo up; while :; do sleep 0.01; done", how: "signal: killed"},
	}
	for name, c := range cases {
		t.Run(name, func(t *testing.T) {
			g := NewWithT(t)
			log := filepath.Join(t.TempDir(), "log")
			p, err := newGroup(t).Start(shell(c.script), log)
			g.Expect(err).NotTo(HaveOccurred())
			g.Eventually(os.ReadFile).WithArguments(log).WithTimeout(patience).Should(ContainSubstring("up"))
			g.Expect(p.Err()).To(Succeed())
			p.Stop(c.grace)
			p.Stop(c.grace)
			g.Expect(p.Done()).To(BeClosed())
			g.Expect(p.Err()).To(MatchError(ContainSubstring(c.how)))
		})
	}
}

func TestStartOfNoProgram(t *testing.T) {
	g := NewWithT(t)
	_, err := newGroup(t).Start(Command{Path: filepath.Join(t.TempDir(), "absent")}, os.DevNull)
	g.Expect(err).To(MatchError(os.ErrNotExist))
}

func TestClosedGroup(t *testing.T) {
	g := NewWithT(t)
	group := New()
	p, err := group.Start(shell("exec sleep 600"), os.DevNull)
	g.Expect(err).NotTo(HaveOccurred())
	group.Close()
	g.Expect(p.Done()).To(BeClosed())
	_, err = group.Start(shell("true"), os.DevNull)
	g.Expect(err).To(MatchError(ErrClosed))
	_, err = group.Run(t.Context(), shell("true"), nil)
	g.Expect(err).To(MatchError(ErrClosed))
	group.Close()
}

func TestChildDiesWithAKilledOwner(t *testing.T) {
	g := NewWithT(t)
	owner := exec.CommandContext(t.Context(), os.Args[0])
	owner.Env = append(os.Environ(), asOwner+"=yes")
	out, err := owner.StdoutPipe()
	g.Expect(err).NotTo(HaveOccurred())
	g.Expect(owner.Start()).To(Succeed())
	line, err := bufio.NewReader(out).ReadString('\n')
	g.Expect(err).NotTo(HaveOccurred())
	child, err := strconv.Atoi(strings.TrimSpace(line))
	g.Expect(err).NotTo(HaveOccurred(), line)
	g.Expect(alive(child)).To(BeTrue())

	g.Expect(owner.Process.Signal(syscall.SIGKILL)).To(Succeed())
	g.Expect(owner.Wait()).To(MatchError(ContainSubstring("killed")))
	g.Eventually(alive).WithArguments(child).WithTimeout(patience).Should(BeFalse())
}
