package process

import (
	"errors"
	"os/exec"
	"runtime"
	"sync"
	"syscall"
)

// Group starts programs that the kernel ends when this process ends, however it ends. Make one with New.
type Group struct {
	starts chan start
	closed chan struct{}
	ended  chan struct{}
	close  sync.Once

	mu      sync.Mutex
	running map[*Process]struct{}
}

type start struct {
	cmd    *exec.Cmd
	result chan error
}

// ErrClosed is what starting a program in a closed group returns.
var ErrClosed = errors.New("process group is closed")

// New returns a group that is ready to start programs, until Close.
func New() *Group {
	g := &Group{
		starts:  make(chan start),
		closed:  make(chan struct{}),
		ended:   make(chan struct{}),
		running: map[*Process]struct{}{},
	}
	go g.serve()
	return g
}

// serve starts all children from one thread, which lives as long as the group: the kernel takes the end of the
// *thread* that started a child for the end of its parent (prctl(2), PR_SET_PDEATHSIG), and Go ends threads at will.
func (g *Group) serve() {
	runtime.LockOSThread()
	defer runtime.UnlockOSThread()
	defer close(g.ended)
	for {
		select {
		case s := <-g.starts:
			s.result <- s.cmd.Start()
		case <-g.closed:
			return
		}
	}
}

func (g *Group) start(cmd *exec.Cmd) error {
	cmd.SysProcAttr = &syscall.SysProcAttr{Setpgid: true, Pdeathsig: syscall.SIGKILL}
	s := start{cmd: cmd, result: make(chan error, 1)}
	select {
	case g.starts <- s:
		return <-s.result
	case <-g.closed:
		return ErrClosed
	}
}

// Close kills what still runs and waits until it is gone. No program can be started afterwards.
func (g *Group) Close() {
	g.close.Do(func() { close(g.closed) })
	<-g.ended
	for _, p := range g.list() {
		p.Stop(0)
	}
}

func (g *Group) list() []*Process {
	g.mu.Lock()
	defer g.mu.Unlock()
	list := make([]*Process, 0, len(g.running))
	for p := range g.running {
		list = append(list, p)
	}
	return list
}

func (g *Group) add(p *Process) {
	g.mu.Lock()
	defer g.mu.Unlock()
	g.running[p] = struct{}{}
}

func (g *Group) remove(p *Process) {
	g.mu.Lock()
	defer g.mu.Unlock()
	delete(g.running, p)
}
