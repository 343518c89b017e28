package shell

import (
	"context"
	"errors"
	"io"
	"io/fs"
	"os"
	"path"
	"slices"
	"strings"
	"syscall"
	"time"

	"mvdan.cc/sh/v3/expand"
	"mvdan.cc/sh/v3/interp"
	"mvdan.cc/sh/v3/syntax"
)

// Script is a shell script and how its shell was started.
type Script struct {
	// Name is $0.
	Name string
	Text string
	// Args are $1 and on.
	Args []string
	// Options are those of set, for example "-e" or "-o", "pipefail".
	Options []string
	// POSIX makes it a script for sh instead of bash.
	POSIX bool
}

// run runs a script in the surroundings of p and returns its exit status.
func (s *Shell) run(ctx context.Context, p *Proc, script Script) int {
	variant := syntax.LangBash
	if script.POSIX {
		variant = syntax.LangPOSIX
	}
	file, err := syntax.NewParser(syntax.Variant(variant)).Parse(strings.NewReader(script.Text), script.Name)
	if err != nil {
		say(p, "%v", err)
		return 2
	}
	runner, err := s.runner(p)
	if err != nil {
		say(p, "%v", err)
		return 2
	}
	// The interpreter took the directory of its pipes from TMPDIR; the script has none.
	for _, command := range [][]string{{"unset", "TMPDIR"}, {"cd", p.Dir}} {
		if err := runner.Run(ctx, call(command)); err != nil {
			return status(p, err)
		}
	}
	if err := interp.Params(slices.Concat(script.Options, []string{"--"}, script.Args)...)(runner); err != nil {
		say(p, "%v", err)
		return 2
	}
	code := status(p, runner.Run(ctx, file))
	s.settle(ctx, runner)
	return code
}

// settleTime is how long a script that is done waits for what reads its output.
const settleTime = time.Second

// settle ends the process substitutions that a script sent all its output through, as in
// `exec > >(tee log)`. The interpreter leaves their pipes open; a real shell that exits does not.
func (s *Shell) settle(ctx context.Context, runner *interp.Runner) {
	var open []*os.File
	collect := func(ctx context.Context, _ []string) error {
		hc := interp.HandlerCtx(ctx)
		for _, w := range []io.Writer{hc.Stdout, hc.Stderr} {
			if file, ok := w.(*os.File); ok && s.isPipe(file.Name()) {
				open = append(open, file)
			}
		}
		return nil
	}
	if err := runner.Run(context.WithValue(ctx, settling{}, collect), call([]string{builtinPrefix + "settle"})); err != nil || len(open) == 0 {
		return
	}
	for _, file := range open {
		_ = file.Close() // twice for one pipe when both outputs go there
	}
	done := make(chan struct{})
	go func() {
		defer close(done)
		_ = runner.Run(ctx, call([]string{"wait"}))
	}()
	select {
	case <-done:
	case <-time.After(settleTime):
	}
}

type settling struct{}

func (s *Shell) runner(p *Proc) (*interp.Runner, error) {
	return interp.New(
		interp.Env(environ{expand.ListEnviron(slices.Concat(p.Env, []string{"TMPDIR=" + s.Pipes, "UID=0", "EUID=0", "GID=0"})...)}),
		interp.Dir("/"), // exists on any host; nothing but its existence is used
		interp.StdIO(p.Stdin, p.Stdout, p.Stderr),
		interp.ExecHandlers(func(interp.ExecHandlerFunc) interp.ExecHandlerFunc { return s.handleExec }),
		interp.CallHandler(s.handleCall),
		interp.OpenHandler(s.handleOpen),
		interp.ReadDirHandler2(func(ctx context.Context, name string) ([]fs.DirEntry, error) {
			return s.FS.ReadDir(absolute(ctx, name))
		}),
		interp.StatHandler(func(ctx context.Context, name string, follow bool) (fs.FileInfo, error) {
			if follow {
				return s.FS.Stat(absolute(ctx, name))
			}
			return s.FS.Lstat(absolute(ctx, name))
		}),
		interp.AccessHandler(s.handleAccess),
	)
}

// status turns the interpreter's error into an exit status; what is no status is said.
func status(p *Proc, err error) int {
	if err == nil {
		return 0
	}
	if code, ok := errors.AsType[interp.ExitStatus](err); ok {
		return int(code)
	}
	say(p, "%v", err)
	return 1
}

// proc returns the surroundings that the interpreter's handlers run in.
func (s *Shell) proc(ctx context.Context, args []string) *Proc {
	hc := interp.HandlerCtx(ctx)
	var env []string
	for name, variable := range hc.Env.Each {
		if variable.Exported && variable.IsSet() && variable.Kind == expand.String {
			env = append(env, name+"="+variable.Str)
		}
	}
	if path := hc.Env.Get("PATH"); path.IsSet() && !path.Exported {
		env = append(env, "PATH="+path.Str)
	}
	stdin := hc.Stdin
	if stdin == nil {
		stdin = strings.NewReader("")
	}
	return &Proc{Args: args, Dir: hc.Dir, Env: env, Stdin: stdin, Stdout: hc.Stdout, Stderr: hc.Stderr, FS: s.FS, shell: s}
}

func (s *Shell) handleExec(ctx context.Context, args []string) error {
	if collect, ok := ctx.Value(settling{}).(func(context.Context, []string) error); ok {
		return collect(ctx, args)
	}
	p := s.proc(ctx, args)
	run := s.exec
	if builtin := builtins()[strings.TrimPrefix(args[0], builtinPrefix)]; builtin != nil && strings.HasPrefix(args[0], builtinPrefix) {
		p.Args[0] = strings.TrimPrefix(args[0], builtinPrefix)
		run = func(ctx context.Context, p *Proc, _ int) int { return builtin(ctx, p) }
	}
	if code := run(ctx, p, maxNesting); code != 0 {
		return interp.ExitStatus(code & 0xff)
	}
	return ctx.Err()
}

func (s *Shell) handleOpen(ctx context.Context, name string, flag int, perm os.FileMode) (io.ReadWriteCloser, error) {
	file, err := s.open(s.proc(ctx, nil), absolute(ctx, name), flag, perm&^0o022)
	if err == nil {
		return file, nil
	}
	if pathError, ok := errors.AsType[*fs.PathError](err); ok {
		return nil, pathError // this very type is what the interpreter takes for an ordinary failure
	}
	return nil, &fs.PathError{Op: "open", Path: name, Err: err}
}

// handleAccess applies the modes that bind root: a file runs only with an x bit.
func (s *Shell) handleAccess(_ context.Context, name string, mode interp.AccessMode) error {
	info, err := s.FS.Stat(name)
	if err != nil {
		return err
	}
	if mode&interp.AccessExec != 0 && info.Mode()&0o111 == 0 {
		return &fs.PathError{Op: "access", Path: name, Err: syscall.EACCES}
	}
	return nil
}

func absolute(ctx context.Context, name string) string {
	if path.IsAbs(name) {
		return name
	}
	return path.Join(interp.HandlerCtx(ctx).Dir, name)
}

// call is a simple command of literal words.
func call(words []string) *syntax.CallExpr {
	var c syntax.CallExpr
	for _, word := range words {
		c.Args = append(c.Args, &syntax.Word{Parts: []syntax.WordPart{&syntax.SglQuoted{Value: word}}})
	}
	return &c
}

// environ keeps the interpreter from asking the host for the home directory of a user,
// which it looks up under "HOME <user>" first.
type environ struct{ expand.Environ }

func (e environ) Get(name string) expand.Variable {
	user, ok := strings.CutPrefix(name, "HOME ")
	if !ok {
		return e.Environ.Get(name)
	}
	home := "/home/" + user
	if user == "root" {
		home = "/root"
	}
	return expand.Variable{Set: true, Kind: expand.String, Str: home}
}
