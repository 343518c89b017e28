package coreutils

import (
	"context"
	"regexp"
	"strconv"
	"strings"

	"github.com/karpenter-kubeadm/karpenter-provider-aws/test/hollow/shell"
)

// awkRule is one rule of the part of awk that is known here: an optional condition and a print.
var awkRule = regexp.MustCompile(`^\s*(.*?)\s*(?:\{\s*print(?:\s+(.*?))?\s*;?\s*(?:;\s*exit\s*;?\s*)?\})?\s*$`)

// awkCondition is a field or NR compared with a value or matched with a pattern.
var awkCondition = regexp.MustCompile(`^(\$\w+|NR)\s*(==|!=|~|!~)\s*(.*)$`)

// awkTerm is one part of what print prints.
var awkTerm = regexp.MustCompile(`^(?:"((?:[^"\\]|\\.)*)"|\$(\w+)|(NR|NF)|,)\s*`)

// awk knows programs of one rule, `condition {print terms}`; any other is refused.
func awk(_ context.Context, p *shell.Proc) int {
	return syntax{short: "F:v:"}.run(p, 2, func(o options, operands []string) int {
		if len(operands) == 0 {
			return p.Fail(2, "no program text")
		}
		parts := awkRule.FindStringSubmatch(operands[0])
		if parts == nil || strings.ContainsAny(parts[1], "{}") {
			return p.Fail(2, "hollow machines know `condition {print ...}` only, not: %s", operands[0])
		}
		once := strings.Contains(operands[0], "exit")
		program := awkProgram{separator: o.last("F", ""), condition: parts[1], terms: parts[2]}
		if !program.known() {
			return p.Fail(2, "hollow machines do not know the condition: %s", program.condition)
		}
		problem := ""
		status := each(p, operands[1:], func(_ string, content []byte) {
			for i, line := range lines(content) {
				row := awkRow{number: i + 1, line: line, fields: program.split(line)}
				if !program.holds(row) {
					continue
				}
				out, ok := program.render(row)
				if !ok {
					problem = program.terms
					return
				}
				p.Printf("%s\n", out)
				if once {
					return
				}
			}
		})
		if problem != "" {
			return p.Fail(2, "hollow machines cannot print: %s", problem)
		}
		return status
	})
}

type awkProgram struct{ separator, condition, terms string }

type awkRow struct {
	number int
	line   string
	fields []string
}

// field returns $n, $NF or NR.
func (r awkRow) field(name string) string {
	switch name = strings.TrimPrefix(name, "$"); name {
	case "NR":
		return strconv.Itoa(r.number)
	case "0":
		return r.line
	case "NF":
		name = strconv.Itoa(len(r.fields))
	}
	if n := atoi(name); n >= 1 && n <= len(r.fields) {
		return r.fields[n-1]
	}
	return ""
}

func (a awkProgram) split(line string) []string {
	if a.separator == "" || a.separator == " " {
		return strings.Fields(line)
	}
	return strings.Split(line, a.separator)
}

func (a awkProgram) known() bool {
	_, isPattern := slashed(a.condition)
	return a.condition == "" || isPattern || awkCondition.MatchString(a.condition)
}

func (a awkProgram) holds(row awkRow) bool {
	condition := a.condition
	if condition == "" {
		return true
	}
	if inner, ok := slashed(condition); ok {
		return inner.MatchString(row.line)
	}
	parts := awkCondition.FindStringSubmatch(condition)
	value := row.field(parts[1])
	if re, ok := slashed(parts[3]); ok {
		return re.MatchString(value) == (parts[2] == "~")
	}
	return (value == strings.Trim(parts[3], `"`)) == (parts[2] == "==")
}

func slashed(text string) (*regexp.Regexp, bool) {
	if len(text) < 2 || text[0] != '/' || text[len(text)-1] != '/' {
		return nil, false
	}
	re, err := pattern(text[1:len(text)-1], true, false)
	return re, err == nil
}

func (a awkProgram) render(row awkRow) (string, bool) {
	rest, out := a.terms, ""
	if rest == "" {
		return row.line, true
	}
	for rest != "" {
		parts := awkTerm.FindStringSubmatch(rest)
		if parts == nil {
			return "", false
		}
		rest = rest[len(parts[0]):]
		switch {
		case parts[2] != "":
			out += row.field(parts[2])
		case parts[3] == "NF":
			out += strconv.Itoa(len(row.fields))
		case parts[3] != "":
			out += row.field(parts[3])
		case strings.HasPrefix(parts[0], ","):
			out += " "
		default:
			out += strings.NewReplacer(`\n`, "\n", `\t`, "\t", `\"`, `"`).Replace(parts[1])
		}
	}
	return out, true
}
