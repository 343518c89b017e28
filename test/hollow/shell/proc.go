package shell

import (
	"context"
	"errors"
	"fmt"
	"io"
	"io/fs"
	"os"
	"path"
	"strings"

	"github.com/karpenter-kubeadm/karpenter-provider-aws/test/hollow/vfs"
)

// Command is one program: it runs with p and returns its exit status. A daemon returns
// when ctx ends.
type Command func(ctx context.Context, p *Proc) int

// Proc is what a program sees of its surroundings.
type Proc struct {
	// Args are the program's name as it was called, then its arguments.
	Args           []string
	Dir            string
	Env            []string // "NAME=value"
	Stdin          io.Reader
	Stdout, Stderr io.Writer
	// FS is the machine's file system.
	FS *vfs.FS

	shell *Shell
}

// Getenv returns the value of an environment variable, empty when it is not set.
func (p *Proc) Getenv(name string) string {
	for i := len(p.Env) - 1; i >= 0; i-- {
		if value, ok := strings.CutPrefix(p.Env[i], name+"="); ok {
			return value
		}
	}
	return ""
}

// Path returns name as an absolute path.
func (p *Proc) Path(name string) string {
	if path.IsAbs(name) {
		return path.Clean(name)
	}
	return path.Join(p.Dir, name)
}

// Printf writes to standard output.
func (p *Proc) Printf(format string, args ...any) { _, _ = fmt.Fprintf(p.Stdout, format, args...) }

// Fail writes "<program>: <message>" to standard error and returns status.
func (p *Proc) Fail(status int, format string, args ...any) int {
	_, _ = fmt.Fprintf(p.Stderr, "%s: %s\n", path.Base(p.Args[0]), fmt.Sprintf(format, args...))
	return status
}

// Open opens a file or device of the machine, in the program's directory.
func (p *Proc) Open(name string, flag int, perm fs.FileMode) (io.ReadWriteCloser, error) {
	return p.shell.open(p, p.Path(name), flag, perm)
}

// ReadFile reads a file or device of the machine; "-" is standard input.
func (p *Proc) ReadFile(name string) ([]byte, error) {
	if name == "-" {
		return io.ReadAll(p.Stdin)
	}
	file, err := p.Open(name, os.O_RDONLY, 0)
	if err != nil {
		return nil, err
	}
	defer func() { _ = file.Close() }()
	return io.ReadAll(file)
}

// WriteFile writes a file or device of the machine.
func (p *Proc) WriteFile(name string, data []byte, perm fs.FileMode) error {
	file, err := p.Open(name, os.O_WRONLY|os.O_CREATE|os.O_TRUNC, perm)
	if err != nil {
		return err
	}
	_, err = file.Write(data)
	return errors.Join(err, file.Close())
}

// Exec runs another program in the same surroundings, found as the shell finds it.
func (p *Proc) Exec(ctx context.Context, args ...string) int {
	child := *p
	child.Args = args
	return p.shell.Exec(ctx, &child)
}

// Look returns the path of the program that name runs, and whether there is one.
func (p *Proc) Look(name string) (string, bool) {
	file, err := p.shell.look(p, name)
	return file, err == nil
}

// Script runs text as a shell script in the same surroundings.
func (p *Proc) Script(ctx context.Context, s Script) int {
	return p.shell.run(ctx, p, s)
}

// Reason is what is wrong with a file, as C programs word it, without its name.
func Reason(err error) string {
	if pathError, ok := errors.AsType[*fs.PathError](err); ok {
		err = pathError.Err
	}
	text := err.Error()
	return strings.ToUpper(text[:1]) + text[1:]
}
