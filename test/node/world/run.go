package world

import (
	"context"
	"errors"
	"fmt"
	"os"
	"os/exec"
	"path/filepath"
	"runtime"
	"syscall"
	"time"

	"github.com/karpenter-kubeadm/karpenter-provider-aws/test/node/cgroup"
)

const (
	// Inner is the command that Run has this program call itself with.
	Inner = "world"
	// Folder is the variable that tells a command the world's folder.
	Folder = "KARPENTER_WORLD"
	// Program is the variable that tells a command which program to boot nodes with.
	Program = "KARPENTER_NODE"

	// stopPatience is how long the command may clean up after an interrupt.
	stopPatience = 2 * time.Minute
)

// Logs is where a command in a world writes what is to be kept when it fails.
func Logs() string { return filepath.Join(os.Getenv(Folder), logsName) }

// Machines is where machines have their disks.
func Machines() string { return filepath.Join(os.Getenv(Folder), "machines") }

// Run runs a command in a world of its own, in dir, and returns its exit code. The command
// is interrupted when ctx ends. Run fails when the machine around the world is not as it was.
func Run(ctx context.Context, dir string, command []string) (int, error) {
	if err := Check(); err != nil {
		return 0, err
	}
	if err := checkWatches("/proc"); err != nil {
		return 0, err
	}
	before, err := look(ctx, "/")
	if err != nil {
		return 0, err
	}
	code, err := run(ctx, dir, command)
	after, lookErr := look(context.WithoutCancel(ctx), "/")
	if lookErr == nil {
		lookErr = before.compare(after)
	}
	return code, errors.Join(err, lookErr)
}

func run(ctx context.Context, dir string, command []string) (code int, err error) {
	own, err := cgroup.Own()
	if err != nil {
		return 0, err
	}
	if err := sweep(ctx, os.TempDir(), own); err != nil {
		return 0, err
	}
	home, release, err := makeHome()
	if err != nil {
		return 0, err
	}
	defer release()
	defer func() { err = errors.Join(err, tidy(home, code == 0 && err == nil)) }()
	group, err := own.Child(filepath.Base(home))
	if err != nil {
		return 0, err
	}
	defer func() { err = errors.Join(err, group.Remove(context.WithoutCancel(ctx))) }()
	return hold(ctx, home, group, append([]string{dir}, command...))
}

// hold starts the world's first process and waits for its end.
func hold(ctx context.Context, home string, group cgroup.Group, args []string) (int, error) {
	// The kernel takes the end of this thread for the end of the parent.
	runtime.LockOSThread()
	defer runtime.UnlockOSThread()
	self, err := os.Executable()
	if err != nil {
		return 0, fmt.Errorf("finding this program's file: %w", err)
	}
	start, begin, err := os.Pipe()
	if err != nil {
		return 0, err
	}
	cmd := exec.CommandContext(ctx, self, append([]string{Inner}, args...)...)
	cmd.Stdin, cmd.Stdout, cmd.Stderr = os.Stdin, os.Stdout, os.Stderr
	cmd.Env = append(os.Environ(), Folder+"="+home, Program+"="+self, "TMPDIR="+filepath.Join(home, "tmp"))
	cmd.ExtraFiles = []*os.File{start}
	cmd.Cancel = func() error { return cmd.Process.Signal(os.Interrupt) }
	cmd.WaitDelay = stopPatience
	cmd.SysProcAttr = &syscall.SysProcAttr{
		Cloneflags: syscall.CLONE_NEWNET | syscall.CLONE_NEWNS | syscall.CLONE_NEWPID,
		Setpgid:    true, // a terminal's interrupt comes through us, once
		Pdeathsig:  syscall.SIGKILL,
	}
	err = cmd.Start()
	_ = start.Close()
	if err != nil {
		_ = begin.Close()
		return 0, fmt.Errorf("starting the world: %w", err)
	}
	entered := group.Enter(cmd.Process.Pid)
	if entered != nil {
		_ = cmd.Process.Kill()
	}
	_ = begin.Close()
	err = errors.Join(entered, cmd.Wait())
	if _, ended := errors.AsType[*exec.ExitError](err); ended && entered == nil {
		err = nil // the command has said why
	}
	return cmd.ProcessState.ExitCode(), err
}
