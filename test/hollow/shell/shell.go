package shell

import (
	"bytes"
	"context"
	"errors"
	"fmt"
	"io"
	"io/fs"
	"path"
	"strings"
	"syscall"

	"github.com/karpenter-kubeadm/karpenter-provider-aws/test/hollow/vfs"
)

// DefaultPath is PATH on Ubuntu.
const DefaultPath = "/usr/local/sbin:/usr/local/bin:/usr/sbin:/usr/bin:/sbin:/bin"

// The statuses with which shells say that a command could not be run.
const (
	statusNotExecutable = 126
	statusNotFound      = 127
	// maxNesting is how many interpreters a script may be started through, as in Linux's execve.
	maxNesting = 5
)

// stubMark begins the content of a file that stands for a program.
const stubMark = "\x7fELF hollow "

// Program returns the content of the file of a program: running the file runs the
// command of that name. Build is for the command to find in its file, for example its version.
func Program(name, build string) []byte { return []byte(stubMark + name + "\n" + build + "\n") }

// Build returns what Program was given for the program that p runs.
func (p *Proc) Build() string {
	file, _ := p.Look(p.Args[0])
	content, err := p.FS.ReadFile(file)
	if err != nil {
		return ""
	}
	_, build, _ := strings.Cut(string(content), "\n")
	return strings.TrimSpace(build)
}

// Device opens a device file for the flags of open(2).
type Device func(flag int) (io.ReadWriteCloser, error)

// Shell is what scripts of one machine run on. Its fields are not changed while a script runs.
type Shell struct {
	FS *vfs.FS
	// Commands are the programs by the name that Program was given.
	Commands map[string]Command
	// Devices are by path. /dev/null, /dev/zero, /dev/stdin, /dev/stdout and /dev/stderr are there without.
	Devices map[string]Device
	// Pipes is a directory on the host for the named pipes of process substitution.
	Pipes string
}

// Start runs the program args with env and an empty standard input, in the root
// directory, and returns its exit status.
func (s *Shell) Start(ctx context.Context, env, args []string, out io.Writer) int {
	return s.Exec(ctx, s.Proc(env, args, out))
}

// Proc returns the surroundings of a program that nobody's shell started.
func (s *Shell) Proc(env, args []string, out io.Writer) *Proc {
	return &Proc{Args: args, Dir: "/", Env: env, Stdin: strings.NewReader(""), Stdout: out, Stderr: out, FS: s.FS, shell: s}
}

// Exec runs the program that p.Args names and returns its exit status.
func (s *Shell) Exec(ctx context.Context, p *Proc) int {
	p.shell = s
	return s.exec(ctx, p, maxNesting)
}

func (s *Shell) exec(ctx context.Context, p *Proc, nesting int) int {
	file, err := s.look(p, p.Args[0])
	if err != nil {
		return s.refuse(p, err)
	}
	content, err := s.FS.ReadFile(file)
	if err != nil {
		return s.refuse(p, err)
	}
	if program, ok := bytes.CutPrefix(content, []byte(stubMark)); ok {
		name, _, _ := strings.Cut(string(program), "\n")
		command := s.Commands[name]
		if command == nil {
			return s.refuse(p, &fs.PathError{Op: "exec", Path: file, Err: syscall.ENOEXEC})
		}
		return command(ctx, p)
	}
	if bytes.IndexByte(content[:min(len(content), 512)], 0) >= 0 || nesting == 0 {
		return s.refuse(p, &fs.PathError{Op: "exec", Path: file, Err: syscall.ENOEXEC})
	}
	script := *p
	script.Args = append(interpreter(content), append([]string{file}, p.Args[1:]...)...)
	if _, err := s.look(&script, script.Args[0]); err != nil {
		say(p, "%s: %s: bad interpreter: No such file or directory", p.Args[0], script.Args[0])
		return statusNotFound
	}
	return s.exec(ctx, &script, nesting-1)
}

// interpreter returns the program, with its one argument if any, that runs a script.
func interpreter(content []byte) []string {
	line, _, _ := bytes.Cut(content, []byte("\n"))
	rest, ok := strings.CutPrefix(string(line), "#!")
	if rest = strings.TrimSpace(rest); !ok || rest == "" {
		return []string{"/bin/sh"}
	}
	program, argument, _ := strings.Cut(rest, " ")
	if argument = strings.TrimSpace(argument); argument == "" {
		return []string{program}
	}
	return []string{program, argument}
}

var errNotFound = errors.New("command not found")

// look returns the executable file that name runs: name itself when it has a slash, else
// the first of that name in PATH.
func (s *Shell) look(p *Proc, name string) (string, error) {
	if strings.Contains(name, "/") {
		file := p.Path(name)
		return file, s.executable(file)
	}
	search := p.Getenv("PATH")
	for _, dir := range strings.Split(search, ":") {
		file := path.Join(p.Path(dir), name)
		if name != "" && s.executable(file) == nil {
			return file, nil
		}
	}
	return "", errNotFound
}

func (s *Shell) executable(file string) error {
	info, err := s.FS.Stat(file)
	switch {
	case err != nil:
		return err
	case info.IsDir():
		return &fs.PathError{Op: "exec", Path: file, Err: syscall.EISDIR}
	case info.Mode()&0o111 == 0:
		return &fs.PathError{Op: "exec", Path: file, Err: syscall.EACCES}
	}
	return nil
}

// refuse says why the program of p does not run, as bash does.
func (s *Shell) refuse(p *Proc, err error) int {
	if errors.Is(err, errNotFound) {
		say(p, "%s: command not found", p.Args[0])
		return statusNotFound
	}
	say(p, "%s: %s", p.Args[0], Reason(err))
	if errors.Is(err, fs.ErrNotExist) {
		return statusNotFound
	}
	return statusNotExecutable
}

func say(p *Proc, format string, args ...any) {
	_, _ = fmt.Fprintf(p.Stderr, "bash: "+format+"\n", args...)
}
