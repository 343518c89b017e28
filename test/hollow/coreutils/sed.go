package coreutils

import (
	"context"
	"errors"
	"fmt"
	"regexp"
	"strconv"
	"strings"

	"github.com/karpenter-kubeadm/karpenter-provider-aws/test/hollow/shell"
)

// sed knows s, d, p, q, a, i and c with line, $ and pattern addresses and ranges of them.
func sed(_ context.Context, p *shell.Proc) int {
	s := syntax{short: "nEre:i", long: map[string]string{"quiet": "n", "regexp-extended": "E", "expression": "e", "in-place": "i"}}
	args := append([]string{p.Args[0]}, withoutSuffix(p.Args[1:])...)
	return s.run(withArgs(p, args), 1, func(o options, operands []string) int {
		scripts := o["e"]
		if len(scripts) == 0 {
			if len(operands) == 0 {
				return p.Fail(1, "no script specified")
			}
			scripts, operands = operands[:1], operands[1:]
		}
		reader := sedReader{rest: strings.Join(scripts, "\n"), extended: o.has("E") || o.has("r")}
		program, err := reader.program()
		if err != nil {
			return p.Fail(1, "-e expression #1: %v", err)
		}
		bad := 0
		status := each(p, operands, func(name string, content []byte) {
			out := program.run(lines(content), o.has("n"))
			if !o.has("i") {
				p.Printf("%s", out)
				return
			}
			if err := p.WriteFile(name, []byte(out), 0o644); err != nil {
				bad = p.Fail(1, "%s: %s", name, shell.Reason(err))
			}
		})
		return max(status, bad)
	})
}

// withoutSuffix drops the backup suffix of -i, which is written together with it.
func withoutSuffix(args []string) []string {
	out := make([]string, len(args))
	for i, arg := range args {
		if strings.HasPrefix(arg, "-i.") || strings.HasPrefix(arg, "-i~") {
			arg = "-i"
		}
		out[i] = arg
	}
	return out
}

type sedProgram []*sedCommand

type sedCommand struct {
	from, to *sedAddress
	negated  bool
	name     byte
	re       *regexp.Regexp
	text     string // of a, i, c; the replacement of s
	global   bool
	show     bool // s///p
	nth      int
	inside   bool // of a range that has begun
}

type sedAddress struct {
	line int // 0 is none
	last bool
	re   *regexp.Regexp
}

func (a *sedAddress) matches(number int, last bool, line string) bool {
	switch {
	case a.re != nil:
		return a.re.MatchString(line)
	case a.last:
		return last
	}
	return a.line == number
}

func (c *sedCommand) applies(number int, last bool, line string) bool {
	hit := c.from == nil
	switch {
	case c.inside:
		hit = true
		c.inside = !c.to.matches(number, last, line) && (c.to.line == 0 || number < c.to.line)
	case c.from != nil:
		hit = c.from.matches(number, last, line)
		c.inside = hit && c.to != nil && (c.to.line == 0 || c.to.line > number)
	}
	return hit != c.negated
}

func (p sedProgram) run(all []string, quiet bool) string {
	var out strings.Builder
	for i, line := range all {
		space := sedSpace{line: line}
		for _, c := range p {
			if c.applies(i+1, i == len(all)-1, space.line) {
				c.change(&space)
			}
			if space.gone || space.quit {
				break
			}
		}
		out.WriteString(space.before)
		if !space.gone && !quiet {
			out.WriteString(space.line + "\n")
		}
		out.WriteString(space.after)
		if space.quit {
			break
		}
	}
	return out.String()
}

// sedSpace is a line on its way through the commands, with what is printed before and after it.
type sedSpace struct {
	line, before, after string
	gone, quit          bool
}

func (c *sedCommand) change(space *sedSpace) {
	switch c.name {
	case 's':
		changed, ok := c.substitute(space.line)
		if ok && c.show {
			space.before += changed + "\n"
		}
		space.line = changed
	case 'p':
		space.before += space.line + "\n"
	case 'i':
		space.before += c.text + "\n"
	case 'a':
		space.after += c.text + "\n"
	case 'c':
		space.before, space.gone = space.before+c.text+"\n", true
	case 'd':
		space.gone = true
	case 'q':
		space.quit = true
	}
}

func (c *sedCommand) substitute(line string) (string, bool) {
	var out strings.Builder
	at, count := 0, 0
	for _, match := range c.re.FindAllStringSubmatchIndex(line, -1) {
		if count++; count < c.nth || (count > c.nth && !c.global) {
			continue
		}
		out.WriteString(line[at:match[0]])
		out.WriteString(c.replacement(line, match))
		at = match[1]
	}
	out.WriteString(line[at:])
	return out.String(), count >= c.nth
}

// replaced is what stands for something in a replacement.
var replaced = regexp.MustCompile(`&|\\.`)

// replacement expands &, \1 to \9, \n and \t for one match.
func (c *sedCommand) replacement(line string, match []int) string {
	group := func(n int) string {
		if 2*n+1 >= len(match) || match[2*n] < 0 {
			return ""
		}
		return line[match[2*n]:match[2*n+1]]
	}
	return replaced.ReplaceAllStringFunc(c.text, func(mark string) string {
		last := mark[len(mark)-1]
		switch {
		case mark == "&":
			return group(0)
		case last >= '0' && last <= '9':
			return group(int(last - '0'))
		case last == 'n':
			return "\n"
		case last == 't':
			return "\t"
		}
		return string(last)
	})
}

// sedReader reads a script from its start.
type sedReader struct {
	rest     string
	extended bool
}

func (r *sedReader) program() (sedProgram, error) {
	var program sedProgram
	for {
		r.rest = strings.TrimLeft(r.rest, " \t\n;")
		if r.rest == "" {
			return program, nil
		}
		c, err := r.command()
		if err != nil {
			return nil, err
		}
		program = append(program, c)
	}
}

func (r *sedReader) command() (*sedCommand, error) {
	c := &sedCommand{nth: 1}
	if err := r.addresses(c); err != nil {
		return nil, err
	}
	r.rest = strings.TrimLeft(r.rest, " ")
	if strings.HasPrefix(r.rest, "!") {
		c.negated, r.rest = true, r.rest[1:]
	}
	if r.rest == "" {
		return nil, errors.New("missing command")
	}
	c.name, r.rest = r.rest[0], r.rest[1:]
	switch c.name {
	case 'd', 'p', 'q':
		return c, nil
	case 'a', 'i', 'c':
		c.text = r.text()
		return c, nil
	case 's':
		return c, r.substitution(c)
	}
	return nil, fmt.Errorf("unknown command: `%c'", c.name)
}

// addresses reads the none, one or two addresses of a command.
func (r *sedReader) addresses(c *sedCommand) error {
	var err error
	if c.from, err = r.address(); err != nil {
		return err
	}
	if !strings.HasPrefix(r.rest, ",") {
		return nil
	}
	r.rest = r.rest[1:]
	if c.to, err = r.address(); err != nil || c.to == nil {
		return errors.New("unexpected `,'")
	}
	return nil
}

// text reads the text of a, i or c, which may be on the next line.
func (r *sedReader) text() string {
	line, rest, _ := strings.Cut(r.rest, "\n")
	if line = strings.TrimSpace(line); line == `\` {
		line, rest, _ = strings.Cut(rest, "\n")
	}
	r.rest = rest
	return strings.TrimPrefix(line, `\`)
}

// address reads one address; nil when there is none.
func (r *sedReader) address() (*sedAddress, error) {
	var none *sedAddress
	digits := len(r.rest) - len(strings.TrimLeft(r.rest, "0123456789"))
	switch {
	case digits > 0:
		line, err := strconv.Atoi(r.rest[:digits])
		r.rest = r.rest[digits:]
		return &sedAddress{line: line}, err
	case strings.HasPrefix(r.rest, "$"):
		r.rest = r.rest[1:]
		return &sedAddress{last: true}, nil
	case strings.HasPrefix(r.rest, "/"):
		r.rest = r.rest[1:]
	case strings.HasPrefix(r.rest, `\`) && len(r.rest) > 1:
		r.rest = r.rest[1:]
		delimiter := r.rest[0]
		r.rest = r.rest[1:]
		return r.patternAddress(delimiter)
	default:
		return none, nil
	}
	return r.patternAddress('/')
}

func (r *sedReader) patternAddress(delimiter byte) (*sedAddress, error) {
	text, err := r.until(delimiter)
	if err != nil {
		return nil, errors.New("unterminated address regex")
	}
	re, err := pattern(text, r.extended, false)
	return &sedAddress{re: re}, err
}

func (r *sedReader) substitution(c *sedCommand) error {
	if r.rest == "" {
		return errors.New("unterminated `s' command")
	}
	delimiter := r.rest[0]
	r.rest = r.rest[1:]
	expression, err := r.until(delimiter)
	if err == nil {
		c.text, err = r.until(delimiter)
	}
	if err != nil {
		return err
	}
	fold, err := r.flags(c)
	if err == nil {
		c.re, err = pattern(expression, r.extended, fold)
	}
	return err
}

// flags reads the flags of s; it returns whether case does not count.
func (r *sedReader) flags(c *sedCommand) (fold bool, err error) {
	end := strings.IndexAny(r.rest+";", ";\n }")
	flags := r.rest[:end]
	r.rest = r.rest[end:]
	for _, flag := range flags {
		switch {
		case flag == 'g':
			c.global = true
		case flag == 'p':
			c.show = true
		case flag == 'i' || flag == 'I':
			fold = true
		case flag >= '1' && flag <= '9':
			c.nth = int(flag - '0')
		default:
			return false, errors.New("unknown option to `s'")
		}
	}
	return fold, nil
}

// until reads up to an unescaped delimiter; an escaped one stands for itself.
func (r *sedReader) until(delimiter byte) (string, error) {
	var out strings.Builder
	for i := 0; i < len(r.rest); i++ {
		switch ch := r.rest[i]; {
		case ch == '\\' && i+1 < len(r.rest) && r.rest[i+1] == delimiter:
			out.WriteByte(delimiter)
			i++
		case ch == '\\' && i+1 < len(r.rest):
			out.WriteString(r.rest[i : i+2])
			i++
		case ch == delimiter:
			r.rest = r.rest[i+1:]
			return out.String(), nil
		default:
			out.WriteByte(ch)
		}
	}
	return "", errors.New("unterminated `s' command")
}
