package shell

import (
	"io"
	"io/fs"
	"os"
	"path/filepath"
	"strings"
	"syscall"
)

// pipePrefix begins the names of the pipes that the interpreter makes for process substitution.
const pipePrefix = "sh-interp-"

// open opens a file of the machine for p: a device, a pipe of the interpreter or a file.
func (s *Shell) open(p *Proc, name string, flag int, perm fs.FileMode) (io.ReadWriteCloser, error) {
	if s.isPipe(name) {
		return os.OpenFile(name, flag&^(os.O_CREATE|os.O_TRUNC|os.O_APPEND), 0)
	}
	if device := s.device(p, filepath.Clean(name)); device != nil {
		return device(flag)
	}
	resolved, err := s.FS.Resolve(name)
	if err != nil {
		return nil, err
	}
	if device := s.device(p, resolved); device != nil {
		return device(flag)
	}
	return s.FS.OpenFile(resolved, flag, perm)
}

func (s *Shell) isPipe(name string) bool {
	dir, base := filepath.Split(name)
	return filepath.Clean(dir) == s.Pipes && strings.HasPrefix(base, pipePrefix)
}

func (s *Shell) device(p *Proc, name string) Device {
	switch name {
	case "/dev/null":
		return stream(strings.NewReader(""), io.Discard)
	case "/dev/zero":
		return stream(zeros{}, io.Discard)
	case "/dev/stdin", "/dev/fd/0":
		return stream(p.Stdin, nil)
	case "/dev/stdout", "/dev/fd/1":
		return stream(nil, p.Stdout)
	case "/dev/stderr", "/dev/fd/2":
		return stream(nil, p.Stderr)
	}
	return s.Devices[name]
}

// Writer returns a device that can be written to only.
func Writer(w io.Writer) Device { return stream(nil, w) }

// Reader returns a device that can be read from only.
func Reader(r io.Reader) Device { return stream(r, nil) }

func stream(r io.Reader, w io.Writer) Device {
	return func(int) (io.ReadWriteCloser, error) { return pipe{r: r, w: w}, nil }
}

// pipe is an open device. Closing it leaves what is behind open.
type pipe struct {
	r io.Reader
	w io.Writer
}

func (p pipe) Read(b []byte) (int, error) {
	if p.r == nil {
		return 0, syscall.EBADF
	}
	return p.r.Read(b)
}

func (p pipe) Write(b []byte) (int, error) {
	if p.w == nil {
		return 0, syscall.EBADF
	}
	return p.w.Write(b)
}

func (p pipe) Close() error { return nil }

type zeros struct{}

func (zeros) Read(b []byte) (int, error) {
	clear(b)
	return len(b), nil
}
