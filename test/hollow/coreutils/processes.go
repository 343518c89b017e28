package coreutils

import (
	"context"
	"io"
	"strconv"
	"strings"
	"time"

	"github.com/karpenter-kubeadm/karpenter-provider-aws/test/hollow/shell"
)

func processes() map[string]shell.Command {
	return map[string]shell.Command{
		"true": exit(0), "false": exit(1), "env": env, "printenv": env, "id": id, "whoami": id, "sudo": sudo, "nohup": sudo, "nice": sudo,
		"timeout": timeout, "xargs": xargs, "date": Date(time.Now), "sync": exit(0), "printf": printf, "test": printf, "[": printf,
	}
}

func exit(status int) shell.Command {
	return func(context.Context, *shell.Proc) int { return status }
}

// printf stands for the programs that every shell has as a builtin, when something else runs them.
func printf(ctx context.Context, p *shell.Proc) int {
	return p.Script(ctx, shell.Script{Name: p.Args[0], Text: `c=$1; shift; "$c" "$@"`, Args: p.Args})
}

func env(ctx context.Context, p *shell.Proc) int {
	child, rest := *p, p.Args[1:]
	child.Env = append([]string{}, p.Env...)
	for len(rest) > 0 && (strings.Contains(rest[0], "=") || rest[0] == "-i" || rest[0] == "-") {
		if strings.Contains(rest[0], "=") {
			child.Env = append(child.Env, rest[0])
		} else {
			child.Env = nil
		}
		rest = rest[1:]
	}
	if len(rest) == 0 {
		printLines(p, child.Env)
		return 0
	}
	return child.Exec(ctx, rest...)
}

func id(_ context.Context, p *shell.Proc) int {
	line := "uid=0(root) gid=0(root) groups=0(root)"
	if strings.HasSuffix(p.Args[0], "whoami") || (len(p.Args) > 1 && strings.Contains(p.Args[1], "n")) {
		line = "root"
	} else if len(p.Args) > 1 {
		line = "0"
	}
	p.Printf("%s\n", line)
	return 0
}

// sudo runs a command as root, which everybody is.
func sudo(ctx context.Context, p *shell.Proc) int {
	rest := p.Args[1:]
	for len(rest) > 0 && strings.HasPrefix(rest[0], "-") {
		rest = rest[1:]
	}
	if len(rest) == 0 {
		return p.Fail(1, "a command is required")
	}
	return env(ctx, withArgs(p, append([]string{"env"}, rest...)))
}

func withArgs(p *shell.Proc, args []string) *shell.Proc {
	child := *p
	child.Args = args
	return &child
}

func timeout(ctx context.Context, p *shell.Proc) int {
	return leading(p, "k:s:v", func(_ options, args []string) int {
		if len(args) < 2 {
			return p.Fail(125, "missing operand")
		}
		limit, err := Duration(args[0])
		if err != nil {
			return p.Fail(125, "invalid time interval '%s'", args[0])
		}
		limited, cancel := context.WithTimeout(ctx, limit)
		defer cancel()
		status := p.Exec(limited, args[1:]...)
		if limited.Err() != nil && ctx.Err() == nil {
			return 124
		}
		return status
	})
}

// leading parses flags up to the first operand, for programs that run another.
func leading(p *shell.Proc, short string, body func(options, []string) int) int {
	s, rest := syntax{short: short}, p.Args[1:]
	found := options{}
	for len(rest) > 0 && len(rest[0]) > 1 && rest[0][0] == '-' {
		flag := rest[0]
		rest = rest[1:]
		if strings.HasPrefix(flag, "--") {
			continue
		}
		var err error
		if rest, err = s.shortFlags(found, flag[1:], rest); err != nil {
			return p.Fail(1, "%v", err)
		}
	}
	return body(found, rest)
}

// Duration reads a time as sleep and timeout take it: "5", "0.5", "2m".
func Duration(text string) (time.Duration, error) {
	if _, err := strconv.ParseFloat(text, 64); err == nil {
		text += "s"
	}
	if days, ok := strings.CutSuffix(text, "d"); ok {
		n, err := strconv.ParseFloat(days, 64)
		return time.Duration(n * 24 * float64(time.Hour)), err
	}
	return time.ParseDuration(text)
}

func xargs(ctx context.Context, p *shell.Proc) int {
	return leading(p, "n:I:r0t", func(o options, command []string) int {
		input, err := io.ReadAll(p.Stdin)
		if err != nil {
			return p.Fail(1, "%v", err)
		}
		items := strings.Fields(string(input))
		switch {
		case o.has("0"):
			items = strings.FieldsFunc(string(input), func(r rune) bool { return r == 0 })
		case o.has("I"):
			items = lines(input)
		}
		if len(items) == 0 && o.has("r") {
			return 0
		}
		if len(command) == 0 {
			command = []string{"echo"}
		}
		return runBatches(ctx, withArgs(p, command), o, items)
	})
}

// runBatches runs the command of p with the items, as many at a time as the flags say.
func runBatches(ctx context.Context, p *shell.Proc, o options, items []string) int {
	size := max(1, len(items))
	if o.has("n") || o.has("I") {
		size = max(1, atoi(o.last("n", "1")))
	}
	status := 0
	for start := 0; start < max(1, len(items)); start += size {
		batch := items[start:min(len(items), start+size)]
		args := append(append([]string{}, p.Args...), batch...)
		if mark := o.last("I", ""); mark != "" {
			args = args[:len(p.Args)]
			for i := range args {
				args[i] = strings.ReplaceAll(args[i], mark, strings.Join(batch, " "))
			}
		}
		if p.Exec(ctx, args...) != 0 {
			status = 123
		}
	}
	return status
}

// Date returns the program of that name for a machine with a clock of its own. It knows no
// format (the default), the formats that name files and logs, and -u.
func Date(now func() time.Time) shell.Command {
	return func(_ context.Context, p *shell.Proc) int { return tell(p, now().UTC()) }
}

// tell prints the time in the format that is asked for.
func tell(p *shell.Proc, now time.Time) int {
	format := "%a %b %e %H:%M:%S UTC %Y"
	for _, arg := range p.Args[1:] {
		switch {
		case strings.HasPrefix(arg, "+"):
			format = arg[1:]
		case arg == "-Is" || arg == "-Iseconds" || arg == "--iso-8601=seconds":
			format = "%Y-%m-%dT%H:%M:%S+00:00"
		case arg != "-u" && arg != "--utc":
			return p.Fail(1, "invalid date '%s'", arg)
		}
	}
	replace := []string{"%s", strconv.FormatInt(now.Unix(), 10), "%N", now.Format("000000000"), "%%", "%"}
	for letter, layout := range map[string]string{
		"Y": "2006", "m": "01", "d": "02", "H": "15", "M": "04", "S": "05", "F": "2006-01-02", "T": "15:04:05",
		"a": "Mon", "b": "Jan", "e": "_2", "Z": "UTC", "j": "002", "z": "-0700",
	} {
		replace = append(replace, "%"+letter, now.Format(layout))
	}
	p.Printf("%s\n", strings.NewReplacer(replace...).Replace(format))
	return 0
}
