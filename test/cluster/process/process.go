package process

import (
	"errors"
	"fmt"
	"os"
	"os/exec"
	"path/filepath"
	"syscall"
	"time"
)

// Command is a program to start.
type Command struct {
	// Path of the program's file. Its base name is also the name it is called by.
	Path string
	// Args without the program's own name.
	Args []string
	// Dir is the working directory.
	Dir string
	// Env is the whole environment as "name=value"; nothing is inherited.
	Env []string
}

func (c Command) cmd() *exec.Cmd {
	cmd := exec.Command(c.Path, c.Args...)
	cmd.Dir = c.Dir
	cmd.Env = append([]string{}, c.Env...) // never nil, which would mean this process's own
	return cmd
}

// Process is a program that runs until it is stopped. Group.Start makes it.
type Process struct {
	// Name is the base name of its file.
	Name string

	pid  int
	log  string
	done chan struct{}
	err  error // written before done is closed
}

// Start starts a program that writes what it says to the file log, which is made or extended.
func (g *Group) Start(c Command, log string) (*Process, error) {
	name := filepath.Base(c.Path)
	out, err := os.OpenFile(log, os.O_CREATE|os.O_APPEND|os.O_WRONLY, 0o600)
	if err != nil {
		return nil, fmt.Errorf("opening the log of %s: %w", name, err)
	}
	// The child has its own descriptor from here on. Nothing was written through ours, so closing it cannot lose data.
	defer func() { _ = out.Close() }()
	cmd := c.cmd()
	cmd.Stdout, cmd.Stderr = out, out
	if err := g.start(cmd); err != nil {
		return nil, fmt.Errorf("starting %s: %w", name, err)
	}
	return g.watch(cmd, name, log), nil
}

// watch keeps a started program in the group until it ends.
func (g *Group) watch(cmd *exec.Cmd, name, log string) *Process {
	p := &Process{Name: name, pid: cmd.Process.Pid, log: log, done: make(chan struct{})}
	g.add(p)
	go func() {
		p.err = cmd.Wait()
		g.remove(p)
		close(p.done)
	}()
	return p
}

// Done is closed when the program has ended.
func (p *Process) Done() <-chan struct{} { return p.done }

// Err says how the program ended, with the last lines of its log. It is nil while it runs. A program that was not
// told to stop and ends with code 0 is an error too: all that are started here are meant to stay.
func (p *Process) Err() error {
	select {
	case <-p.done:
	default:
		return nil
	}
	how := p.err
	if how == nil {
		how = errors.New("exit status 0")
	}
	return fmt.Errorf("%s ended: %w%s", p.Name, how, tailOf(p.log))
}

// Stop asks the program to end (SIGTERM), ends it (SIGKILL) when it is still there after grace, and waits until it is
// gone. It may be called more than once.
func (p *Process) Stop(grace time.Duration) {
	if grace > 0 {
		p.signal(syscall.SIGTERM)
		timer := time.NewTimer(grace)
		defer timer.Stop()
		select {
		case <-p.done:
			return
		case <-timer.C:
		}
	}
	p.signal(syscall.SIGKILL)
	<-p.done
}

// signal reaches the whole process group. ESRCH, the only error a signal to one's own child can meet, means that it
// has ended meanwhile.
func (p *Process) signal(s syscall.Signal) {
	select {
	case <-p.done: // reaped: the number may be another process's by now
	default:
		_ = syscall.Kill(-p.pid, s)
	}
}
