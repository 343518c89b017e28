package shell

import (
	"context"
	"errors"
	"runtime"
	"strings"

	"mvdan.cc/sh/v3/interp"
	"mvdan.cc/sh/v3/syntax"
)

// builtinPrefix begins the names under which handleCall hands a builtin to handleExec;
// no script can spell it, since a NUL byte ends an argument.
const builtinPrefix = "\x00"

// nowhere is a PATH on which the interpreter finds no program of the host.
const nowhere = "/proc/self/fd/nowhere"

// maxFrames is how deep functions may nest, in frames of Go's stack: some hundred
// functions. A script without end would else end the whole process, and with it every other machine.
const maxFrames = 5_000

var errTooDeep = errors.New("maximum function nesting level exceeded")

// builtins are those of bash that the interpreter lacks and that join scripts use for
// their status only: file modes follow the creating program, and there are no limits.
func builtins() map[string]Command {
	accept := func(context.Context, *Proc) int { return 0 }
	return map[string]Command{"umask": accept, "ulimit": accept, "kill": accept, "jobs": accept, "disown": accept, "hash": hash, "enable": accept}
}

// handleCall sees each simple command before the interpreter does. It replaces the builtins
// that would look at the host.
func (s *Shell) handleCall(ctx context.Context, args []string) ([]string, error) {
	if runtime.Callers(maxFrames, make([]uintptr, 1)) > 0 {
		return nil, errTooDeep
	}
	if args[0] == "builtin" && len(args) > 1 {
		if interp.HandlerCtx(ctx).Env.Get("PATH").Str == nowhere {
			return args, nil // it is ours, from answer
		}
		args = args[1:]
	}
	return s.rewrite(ctx, args), nil
}

// rewrite returns what is called in the place of args.
func (s *Shell) rewrite(ctx context.Context, args []string) []string {
	switch args[0] {
	case "command":
		return s.rewriteCommand(ctx, args)
	case "type":
		return s.rewriteType(ctx, args)
	case "source", ".":
		if len(args) > 1 && !strings.HasPrefix(args[1], "/") {
			return append([]string{args[0], s.sourced(ctx, args[1])}, args[2:]...)
		}
		return args
	}
	if builtins()[args[0]] != nil {
		return append([]string{builtinPrefix + args[0]}, args[1:]...)
	}
	return args
}

// sourced returns where a script to be sourced is: in PATH, else in the current directory.
func (s *Shell) sourced(ctx context.Context, name string) string {
	p := s.proc(ctx, nil)
	if !strings.Contains(name, "/") {
		for _, dir := range strings.Split(p.Getenv("PATH"), ":") {
			if file := p.Path(dir) + "/" + name; s.FS.Exists(file) {
				return file
			}
		}
	}
	return p.Path(name)
}

// rewriteCommand lets the interpreter answer `command -v` for what it knows itself,
// functions and builtins, and answers for programs.
func (s *Shell) rewriteCommand(ctx context.Context, args []string) []string {
	if len(args) < 3 || (args[1] != "-v" && args[1] != "-V") {
		return args
	}
	var steps []string
	for _, name := range args[2:] {
		steps = append(steps, "{ "+s.answer(ctx, name, "command -v", "'%s\\n'")+"; }")
	}
	return []string{"eval", strings.Join(steps, "; ")}
}

// rewriteType is rewriteCommand for `type`, with -t, -p and -P.
func (s *Shell) rewriteType(ctx context.Context, args []string) []string {
	names, ask, format := args[1:], "type", "'%s is %s\\n' NAME"
	if len(names) > 0 && strings.HasPrefix(names[0], "-") {
		switch names[0] {
		case "-t":
			ask, format = "type -t", "'file\\n'"
		case "-p", "-P":
			ask, format = "type "+names[0], "'%s\\n'"
		}
		names = names[1:]
	}
	steps := make([]string, 0, len(names))
	for _, name := range names {
		steps = append(steps, "{ "+s.answer(ctx, name, ask, format)+"; }")
	}
	if len(steps) == 0 {
		return args
	}
	return []string{"eval", strings.Join(steps, " && ")}
}

// answer returns shell code that asks the interpreter about name on a PATH without
// programs and, when it knows nothing, prints the path of the machine's program or
// fails. Format is the first arguments of the printf that prints it; NAME in it is name.
func (s *Shell) answer(ctx context.Context, name, ask, format string) string {
	quoted, err := syntax.Quote(name, syntax.LangBash)
	if err != nil {
		return "false"
	}
	otherwise := "false"
	if file, err := s.look(s.proc(ctx, nil), name); err == nil {
		path, err := syntax.Quote(file, syntax.LangBash)
		if err != nil {
			return "false"
		}
		otherwise = "printf " + strings.ReplaceAll(format, "NAME", quoted) + " " + path
	}
	if strings.Contains(name, "/") {
		return otherwise // the interpreter would look at the host's file
	}
	return "PATH=" + nowhere + " builtin " + ask + " " + quoted + " 2>/dev/null || " + otherwise
}

// hash succeeds when all its arguments are programs, or builtins.
func hash(_ context.Context, p *Proc) int {
	for _, name := range p.Args[1:] {
		if strings.HasPrefix(name, "-") || interp.IsBuiltin(name) {
			continue
		}
		if _, ok := p.Look(name); !ok {
			return p.Fail(1, "%s: not found", name)
		}
	}
	return 0
}
