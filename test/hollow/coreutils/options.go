package coreutils

import (
	"fmt"
	"strings"

	"github.com/karpenter-kubeadm/karpenter-provider-aws/test/hollow/shell"
)

// options are the flags of one call by their letter, each with its values in order; a
// flag without a value has empty ones.
type options map[string][]string

func (o options) has(letter string) bool { return len(o[letter]) > 0 }

// last returns the last value of a flag, or otherwise when it was not given.
func (o options) last(letter, otherwise string) string {
	if values := o[letter]; len(values) > 0 {
		return values[len(values)-1]
	}
	return otherwise
}

// syntax says which flags a program has.
type syntax struct {
	// short are letters; one that takes a value is followed by a colon.
	short string
	// long maps a long name to its letter.
	long map[string]string
}

// parse splits the arguments of p into flags and operands, which may be mixed as GNU allows.
func (s syntax) parse(args []string) (options, []string, error) {
	found := options{}
	var operands []string
	for len(args) > 0 {
		arg := args[0]
		args = args[1:]
		var err error
		switch {
		case arg == "--":
			return found, append(operands, args...), nil
		case strings.HasPrefix(arg, "--"):
			args, err = s.longFlag(found, arg[2:], args)
		case len(arg) > 1 && arg[0] == '-':
			args, err = s.shortFlags(found, arg[1:], args)
		default:
			operands = append(operands, arg)
		}
		if err != nil {
			return nil, nil, err
		}
	}
	return found, operands, nil
}

func (s syntax) longFlag(found options, arg string, args []string) ([]string, error) {
	name, value, given := strings.Cut(arg, "=")
	letter, known := s.long[name]
	switch {
	case !known:
		return nil, fmt.Errorf("unrecognized option '--%s'", name)
	case given || !s.takesValue(letter):
		found[letter] = append(found[letter], value)
		return args, nil
	case len(args) == 0:
		return nil, fmt.Errorf("option '--%s' requires an argument", name)
	}
	found[letter] = append(found[letter], args[0])
	return args[1:], nil
}

func (s syntax) shortFlags(found options, group string, args []string) ([]string, error) {
	for i := range group {
		letter := group[i : i+1]
		switch {
		case !strings.Contains(s.short, letter) || letter == ":":
			return nil, fmt.Errorf("invalid option -- '%s'", letter)
		case !s.takesValue(letter):
			found[letter] = append(found[letter], "")
			continue
		}
		value := group[i+1:]
		if value == "" {
			if len(args) == 0 {
				return nil, fmt.Errorf("option requires an argument -- '%s'", letter)
			}
			value, args = args[0], args[1:]
		}
		found[letter] = append(found[letter], value)
		break
	}
	return args, nil
}

func (s syntax) takesValue(letter string) bool { return strings.Contains(s.short, letter+":") }

// run parses the arguments of p and hands them to body. Wrong flags end with status 2
// for grep and sort, 1 for the others: usage is that program's.
func (s syntax) run(p *shell.Proc, usage int, body func(options, []string) int) int {
	found, operands, err := s.parse(p.Args[1:])
	if err != nil {
		return p.Fail(usage, "%v", err)
	}
	return body(found, operands)
}

// orInput returns the files to read: standard input when none is named.
func orInput(files []string) []string {
	if len(files) == 0 {
		return []string{"-"}
	}
	return files
}

// each calls body with the content of each file; a file that cannot be read is said and makes the status 1.
func each(p *shell.Proc, files []string, body func(name string, content []byte)) int {
	status := 0
	for _, name := range orInput(files) {
		content, err := p.ReadFile(name)
		if err != nil {
			status = p.Fail(1, "%s: %s", name, shell.Reason(err))
			continue
		}
		body(name, content)
	}
	return status
}

// lines splits content into lines without their ends.
func lines(content []byte) []string {
	text := strings.TrimSuffix(string(content), "\n")
	if text == "" && len(content) == 0 {
		return nil
	}
	return strings.Split(text, "\n")
}
