package shell

import (
	"context"
	"io"
	"strings"
)

// Bash is the program bash.
func Bash(ctx context.Context, p *Proc) int { return start(ctx, p, false) }

// Sh is the program sh, which is dash on Debian and its children: a POSIX shell.
func Sh(ctx context.Context, p *Proc) int { return start(ctx, p, true) }

// start reads a shell's own options, then runs a string, a file or standard input.
func start(ctx context.Context, p *Proc, posix bool) int {
	script := Script{Name: p.Args[0], POSIX: posix}
	rest, seen := script.options(p.Args[1:])
	inline := strings.Contains(seen, "c")
	if strings.Contains(seen, "s") && !inline {
		script.Args, rest = rest, nil
	}
	return p.Script(ctx, script.from(p, rest, inline))
}

// options takes a shell's own options off args. It returns what follows them, and the letters it saw.
func (s *Script) options(args []string) (rest []string, seen string) {
	for len(args) > 0 && isOption(args[0]) {
		option := args[0]
		args = args[1:]
		if option == "--" {
			break
		}
		if strings.HasPrefix(option, "--") {
			continue // --login, --norc and their like change nothing here
		}
		seen += option[1:]
		s.Options = append(s.Options, letters(option)...)
		if strings.HasSuffix(option, "o") && len(args) > 0 {
			s.Options = append(s.Options, option[:1]+"o", args[0])
			args = args[1:]
		}
	}
	return args, seen
}

func isOption(arg string) bool { return len(arg) > 1 && (arg[0] == '-' || arg[0] == '+') }

// letters returns those of a group like -euxc that set takes, one by one.
func letters(option string) []string {
	var out []string
	for _, letter := range option[1:] {
		if strings.ContainsRune("aefnuxC", letter) {
			out = append(out, option[:1]+string(letter))
		}
	}
	return out
}

// from completes s with its text and arguments. A text that cannot be read becomes a
// script that says so, with the status of the real shell.
func (s Script) from(p *Proc, rest []string, inline bool) Script {
	switch {
	case inline && len(rest) > 0:
		s.Text = rest[0]
		if len(rest) > 1 {
			s.Name, s.Args = rest[1], rest[2:]
		}
	case len(rest) > 0:
		s.Name, s.Args = rest[0], rest[1:]
		text, err := p.ReadFile(s.Name)
		if err != nil {
			say(p, "%s: %s", s.Name, Reason(err))
			s.Text = "exit 127"
			return s
		}
		s.Text = string(text)
	default:
		text, err := io.ReadAll(p.Stdin)
		if err != nil {
			say(p, "reading standard input: %v", err)
			s.Text = "exit 1"
			return s
		}
		s.Text = string(text)
	}
	return s
}
