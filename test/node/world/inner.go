package world

import (
	"context"
	"errors"
	"fmt"
	"io"
	"os"
	"os/exec"
	"os/signal"
	"syscall"

	"golang.org/x/sys/unix"
)

// beginFile is the pipe that ends when the first process has been put where it belongs.
const beginFile = 3

// Main is the world's first process: it lays the network, runs the command and reaps what
// the command leaves behind. args are the working directory and the command.
func Main(ctx context.Context, args []string) (int, error) {
	ctx = context.WithoutCancel(ctx) // signals are the command's, which cleans up: see attend
	if _, err := io.Copy(io.Discard, os.NewFile(beginFile, "begin")); err != nil {
		return 0, err
	}
	// Nothing that is mounted here shows outside, and processes are those of this world.
	if err := unix.Mount("", "/", "", unix.MS_REC|unix.MS_PRIVATE, ""); err != nil {
		return 0, fmt.Errorf("making mounts private: %w", err)
	}
	if err := unix.Mount("proc", "/proc", "proc", unix.MS_NOSUID|unix.MS_NODEV|unix.MS_NOEXEC, ""); err != nil {
		return 0, fmt.Errorf("mounting proc: %w", err)
	}
	if err := layNetwork(ctx); err != nil {
		return 0, err
	}
	signals := make(chan os.Signal, 8)
	signal.Notify(signals, os.Interrupt, syscall.SIGTERM, syscall.SIGCHLD)
	cmd := exec.CommandContext(ctx, args[1], args[2:]...)
	cmd.Dir = args[0]
	cmd.Stdin, cmd.Stdout, cmd.Stderr = os.Stdin, os.Stdout, os.Stderr
	if err := cmd.Start(); err != nil {
		return 0, fmt.Errorf("starting the command: %w", err)
	}
	return attend(signals, cmd.Process)
}

// attend forwards signals to the command and reaps children until the command ends.
func attend(signals <-chan os.Signal, command *os.Process) (int, error) {
	for received := range signals {
		if received != syscall.SIGCHLD {
			_ = command.Signal(received) // it may have ended just now
			continue
		}
		for {
			var status unix.WaitStatus
			pid, err := unix.Wait4(-1, &status, unix.WNOHANG, nil)
			if errors.Is(err, unix.EINTR) {
				continue
			}
			if err != nil || pid == 0 {
				break
			}
			if pid == command.Pid {
				if status.Signaled() {
					return 1, fmt.Errorf("the command ended by signal %s", status.Signal())
				}
				return status.ExitStatus(), nil
			}
		}
	}
	return 1, errors.New("no more signals")
}
