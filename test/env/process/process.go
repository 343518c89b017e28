// Package process runs the programs under test as plain child processes whose output
// goes to a file, and makes sure that none outlives the test that started it.
//
// It remembers one process; it fails when the program is missing or ends before it was told to.
package process

import (
	"context"
	"errors"
	"fmt"
	"io"
	"os"
	"os/exec"
	"runtime"
	"syscall"
	"time"
)

// Spec says what to run.
type Spec struct {
	Path string
	Args []string
	Env  []string // the whole environment
	Log  string   // file that output is appended to
	// Stdout, where set, gets standard output in place of Log.
	Stdout io.Writer
	// Leash keeps the child's standard input open until Stop: a child that watches for
	// its end learns even of this process's death by SIGKILL.
	Leash bool
}

// Process is a running child.
type Process struct {
	cmd   *exec.Cmd
	log   *os.File
	leash io.Closer
	done  chan struct{}
	err   error // why it ended; read after done
}

// Start starts a child that dies with this process.
func Start(spec Spec) (*Process, error) {
	log, err := os.OpenFile(spec.Log, os.O_CREATE|os.O_APPEND|os.O_WRONLY, 0o600)
	if err != nil {
		return nil, fmt.Errorf("opening log of %s: %w", spec.Path, err)
	}
	cmd := exec.Command(spec.Path, spec.Args...)
	cmd.Env, cmd.Stdout, cmd.Stderr = spec.Env, log, log
	if spec.Stdout != nil {
		cmd.Stdout = spec.Stdout
	}
	cmd.SysProcAttr = &syscall.SysProcAttr{Pdeathsig: syscall.SIGKILL}
	p := &Process{cmd: cmd, log: log, done: make(chan struct{})}
	if spec.Leash {
		if p.leash, err = cmd.StdinPipe(); err != nil {
			return nil, errors.Join(fmt.Errorf("opening standard input of %s: %w", spec.Path, err), log.Close())
		}
	}
	started := make(chan error, 1)
	go p.run(started)
	if err := <-started; err != nil {
		return nil, errors.Join(fmt.Errorf("starting %s: %w", spec.Path, err), log.Close())
	}
	return p, nil
}

// run keeps the thread that starts the child for as long as the child lives: the kernel
// sends the parent-death signal when the starting thread ends, not the process.
func (p *Process) run(started chan<- error) {
	runtime.LockOSThread()
	err := p.cmd.Start()
	started <- err
	if err != nil {
		return
	}
	p.err = p.cmd.Wait()
	_ = p.log.Close()
	close(p.done)
}

// Done is closed when the child has ended.
func (p *Process) Done() <-chan struct{} { return p.done }

// ExitCode waits for the end and returns the exit code, -1 for a signal.
func (p *Process) ExitCode(ctx context.Context) (int, error) {
	select {
	case <-p.done:
		return p.cmd.ProcessState.ExitCode(), nil
	case <-ctx.Done():
		return 0, fmt.Errorf("waiting for %s to end: %w", p.cmd.Path, ctx.Err())
	}
}

// PID is the child's process id.
func (p *Process) PID() int { return p.cmd.Process.Pid }

// Kill ends the child between two of its instructions and waits until it is gone.
func (p *Process) Kill() {
	_ = p.cmd.Process.Kill()
	<-p.done
}

// Stop asks the child to end and, after patience, ends it.
func (p *Process) Stop(patience time.Duration) {
	if p.leash != nil {
		_ = p.leash.Close()
	}
	_ = p.cmd.Process.Signal(syscall.SIGTERM)
	timer := time.NewTimer(patience)
	defer timer.Stop()
	select {
	case <-p.done:
	case <-timer.C:
		p.Kill()
	}
}
