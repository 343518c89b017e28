package process

import (
	"bytes"
	"context"
	"fmt"
	"io"
	"path/filepath"
	"syscall"
	"time"
)

// interruptGrace is how long a program may take to end after SIGINT before it is killed: the Go command needs a moment
// to remove its work folder, and a user who pressed Ctrl-C waits no longer than this gladly.
const interruptGrace = 5 * time.Second

// Run runs a program to its end and returns what it wrote to standard output. What it writes to standard error goes to
// stderr as it comes, where that is not nil, and its end into the error. When ctx ends first, the program and all it
// started are interrupted and, after a grace, killed.
func (g *Group) Run(ctx context.Context, c Command, stderr io.Writer) ([]byte, error) {
	name := filepath.Base(c.Path)
	var out, said bytes.Buffer
	cmd := c.cmd()
	cmd.Stdout, cmd.Stderr = &out, &said
	if stderr != nil {
		cmd.Stderr = io.MultiWriter(&said, stderr)
	}
	if err := ctx.Err(); err != nil {
		return nil, fmt.Errorf("running %s: %w", name, err)
	}
	if err := g.start(cmd); err != nil {
		return nil, fmt.Errorf("starting %s: %w", name, err)
	}
	p := g.watch(cmd, name, "")
	select {
	case <-p.done:
	case <-ctx.Done():
		p.interrupt()
		return nil, fmt.Errorf("running %s: %w", name, context.Cause(ctx))
	}
	if p.err != nil {
		return nil, fmt.Errorf("running %s: %w%s", name, p.err, tail(said.Bytes()))
	}
	return out.Bytes(), nil
}

func (p *Process) interrupt() {
	p.signal(syscall.SIGINT)
	timer := time.NewTimer(interruptGrace)
	defer timer.Stop()
	select {
	case <-p.done:
	case <-timer.C:
		p.Stop(0)
	}
}
