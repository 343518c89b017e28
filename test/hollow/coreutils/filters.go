package coreutils

import (
	"context"
	"path"
	"regexp"
	"strings"

	"github.com/karpenter-kubeadm/karpenter-provider-aws/test/hollow/shell"
)

func filters() map[string]shell.Command {
	return map[string]shell.Command{"grep": grep, "egrep": grep, "fgrep": grep, "sed": sed, "awk": awk, "mawk": awk, "gawk": awk}
}

// pattern compiles a basic or, with extended, an extended regular expression of POSIX.
func pattern(expression string, extended, fold bool) (*regexp.Regexp, error) {
	if !extended {
		expression = fromBasic(expression)
	}
	if fold {
		expression = "(?i)" + expression
	}
	return regexp.Compile("(?m)" + expression)
}

// fromBasic turns a basic regular expression into an extended one: in the former, the
// operators ( ) { } | + ? are those with a backslash, and those without are plain.
func fromBasic(expression string) string {
	const operators = "(){}|+?"
	var out strings.Builder
	for rest := expression; rest != ""; {
		switch c := rest[0]; {
		case c == '[':
			set := bracket(rest)
			out.WriteString(set)
			rest = rest[len(set):]
			continue
		case c == '\\' && len(rest) > 1:
			if rest = rest[1:]; !strings.Contains(operators, rest[:1]) {
				out.WriteByte('\\')
			}
		case strings.Contains(operators, rest[:1]):
			out.WriteByte('\\')
		}
		out.WriteByte(rest[0])
		rest = rest[1:]
	}
	return out.String()
}

// bracketed is a set of characters: a bracket that comes first in it stands for itself.
var bracketed = regexp.MustCompile(`^\[\^?\]?(?:\[:[a-z]+:\]|[^\]])*\]`)

// bracket returns the set that text begins with, or its first byte when that begins none.
func bracket(text string) string {
	if set := bracketed.FindString(text); set != "" {
		return set
	}
	return text[:1]
}

func grep(_ context.Context, p *shell.Proc) int {
	s := syntax{short: "qvicnoEFPswxhHlre:m:A:B:", long: map[string]string{
		"quiet": "q", "silent": "q", "invert-match": "v", "ignore-case": "i", "count": "c", "extended-regexp": "E", "fixed-strings": "F", "recursive": "r"}}
	return s.run(p, 2, func(o options, operands []string) int {
		expressions := o["e"]
		if len(expressions) == 0 {
			if len(operands) == 0 {
				return p.Fail(2, "no pattern given")
			}
			expressions, operands = operands[:1], operands[1:]
		}
		re, err := grepPattern(path.Base(p.Args[0]), o, expressions)
		if err != nil {
			return p.Fail(2, "%v", err)
		}
		g := grepping{p: p, o: o, re: re, named: len(operands) > 1 && !o.has("h")}
		return g.run(operands)
	})
}

func grepPattern(name string, o options, expressions []string) (*regexp.Regexp, error) {
	var parts []string
	for _, expression := range expressions {
		for _, one := range strings.Split(expression, "\n") {
			switch {
			case o.has("F") || name == "fgrep":
				one = regexp.QuoteMeta(one)
			case !o.has("E") && !o.has("P") && name != "egrep":
				one = fromBasic(one)
			}
			if o.has("w") {
				one = `\b(?:` + one + `)\b`
			}
			if o.has("x") {
				one = `^(?:` + one + `)$`
			}
			parts = append(parts, one)
		}
	}
	return pattern(strings.Join(parts, "|"), true, o.has("i"))
}

type grepping struct {
	p     *shell.Proc
	o     options
	re    *regexp.Regexp
	named bool
	found bool
}

func (g *grepping) run(names []string) int {
	status := 0
	var unreadable []string
	for _, name := range orInput(names) {
		content, err := g.p.ReadFile(name)
		if err != nil {
			unreadable = append(unreadable, name)
			if !g.o.has("s") {
				g.p.Fail(2, "%s: %s", name, shell.Reason(err))
			}
			status = 2
			continue
		}
		g.file(name, lines(content))
	}
	switch {
	case g.found && (g.o.has("q") || len(unreadable) == 0):
		return 0
	case status != 0:
		return status
	}
	return 1
}

func (g *grepping) file(name string, all []string) {
	count, limit := 0, atoi(g.o.last("m", "0"))
	lists := !g.o.has("q") && !g.o.has("c") && !g.o.has("l")
	for i, line := range all {
		if g.re.MatchString(line) == g.o.has("v") {
			continue
		}
		count++
		if lists {
			g.show(name, i+1, line)
		}
		if count == limit {
			break
		}
	}
	g.found = g.found || count > 0
	g.sum(name, count)
}

// sum prints what a file has for the flags that do not print lines.
func (g *grepping) sum(name string, count int) {
	switch {
	case g.o.has("q"):
	case g.o.has("c"):
		g.p.Printf("%d\n", count)
	case g.o.has("l") && count > 0:
		g.p.Printf("%s\n", name)
	}
}

func (g *grepping) show(name string, number int, line string) {
	prefix := ""
	if g.named {
		prefix = name + ":"
	}
	if g.o.has("n") {
		g.p.Printf("%s%d:", prefix, number)
		prefix = ""
	}
	if !g.o.has("o") {
		g.p.Printf("%s%s\n", prefix, line)
		return
	}
	for _, match := range g.re.FindAllString(line, -1) {
		g.p.Printf("%s%s\n", prefix, match)
	}
}
