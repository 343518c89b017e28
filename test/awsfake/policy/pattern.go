package policy

import (
	"fmt"
	"strings"
)

// pattern is a text with the wildcards * and ?, and with policy variables.
type pattern struct {
	text  string // as written
	parts []part
}

type kind int

const (
	literal kind = iota
	variable
	anyRunes // *
	anyRune  // ?
)

type part struct {
	kind     kind
	text     string // of a literal; the name of a variable
	fallback string // of a variable whose key is absent
	hasDef   bool
}

// newPattern reads a text. Without variables, "${" is plain text.
func newPattern(text string, variables bool) (pattern, error) {
	p := pattern{text: text}
	for rest := text; rest != ""; {
		if variables && strings.HasPrefix(rest, "${") {
			name, after, closed := strings.Cut(rest[2:], "}")
			if !closed {
				return pattern{}, fmt.Errorf("%q has an open ${", text)
			}
			v, err := newVariable(name)
			if err != nil {
				return pattern{}, fmt.Errorf("%q: %w", text, err)
			}
			p.parts, rest = append(p.parts, v), after
			continue
		}
		p.add(rest[0])
		rest = rest[1:]
	}
	return p, nil
}

// newVariable reads what is between "${" and "}".
func newVariable(name string) (part, error) {
	if name == "*" || name == "?" || name == "$" {
		return part{kind: literal, text: name}, nil
	}
	name, fallback, hasDef := strings.Cut(name, ",")
	fallback = strings.TrimSpace(fallback)
	if hasDef && (len(fallback) < 2 || fallback[0] != '\'' || !strings.HasSuffix(fallback, "'")) {
		return part{}, fmt.Errorf("the default of ${%s} is not in single quotes", name)
	}
	if !strings.Contains(name, ":") {
		return part{}, fmt.Errorf("${%s} is no policy variable; is it a placeholder that nobody replaced?", name)
	}
	return part{kind: variable, text: name, fallback: strings.Trim(fallback, "'"), hasDef: hasDef}, nil
}

// add appends a byte of plain text. Bytes are enough: what is split inside a character
// is put together again before anything is compared.
func (p *pattern) add(b byte) {
	switch b {
	case '*':
		p.parts = append(p.parts, part{kind: anyRunes})
	case '?':
		p.parts = append(p.parts, part{kind: anyRune})
	default:
		if last := len(p.parts) - 1; last >= 0 && p.parts[last].kind == literal {
			p.parts[last].text += string([]byte{b})
			return
		}
		p.parts = append(p.parts, part{kind: literal, text: string([]byte{b})})
	}
}

// resolve puts the values of keys in the place of variables. It tells whether all of
// them have one; where not, the pattern matches nothing.
func (p pattern) resolve(keys context) ([]part, bool) {
	out := make([]part, len(p.parts))
	for i, part := range p.parts {
		if part.kind == variable {
			values := keys.get(part.text)
			switch {
			case len(values) == 1:
				part.text = values[0]
			case len(values) == 0 && part.hasDef:
				part.text = part.fallback
			default:
				return nil, false
			}
			part.kind = literal
		}
		out[i] = part
	}
	return out, true
}

// matches compares with wildcards.
func (p pattern) matches(s string, keys context) bool {
	parts, ok := p.resolve(keys)
	return ok && glob(parts, s)
}

// equals compares without wildcards: they stand for themselves.
func (p pattern) equals(s string, keys context) bool {
	text, ok := p.plain(keys)
	return ok && text == s
}

// plain is the text with variables replaced and wildcards as they are written.
func (p pattern) plain(keys context) (string, bool) {
	parts, ok := p.resolve(keys)
	if !ok {
		return "", false
	}
	var b strings.Builder
	for _, part := range parts {
		switch part.kind {
		case anyRunes:
			b.WriteByte('*')
		case anyRune:
			b.WriteByte('?')
		default:
			b.WriteString(part.text)
		}
	}
	return b.String(), true
}

// matchesARN compares the six parts of an ARN one by one, so that no wildcard reaches
// over a colon but in the last.
func (p pattern) matchesARN(s string, keys context) bool {
	parts, ok := p.resolve(keys)
	if !ok {
		return false
	}
	want, have := split(parts), strings.SplitN(s, ":", arnParts)
	if len(want) != arnParts || len(have) != arnParts {
		return false
	}
	for i := range want {
		if !glob(want[i], have[i]) {
			return false
		}
	}
	return true
}

const arnParts = 6

// split divides the parts of a pattern at the first five colons of its literals.
func split(parts []part) [][]part {
	out := [][]part{nil}
	for _, p := range parts {
		for p.kind == literal && len(out) < arnParts {
			before, after, found := strings.Cut(p.text, ":")
			if !found {
				break
			}
			out[len(out)-1] = append(out[len(out)-1], part{kind: literal, text: before})
			out = append(out, nil)
			p.text = after
		}
		out[len(out)-1] = append(out[len(out)-1], p)
	}
	return out
}

// glob tells whether s is made of the parts, in order.
func glob(parts []part, s string) bool {
	if len(parts) == 0 {
		return s == ""
	}
	switch first := parts[0]; first.kind {
	case anyRunes:
		for i := 0; i <= len(s); i++ {
			if glob(parts[1:], s[i:]) {
				return true
			}
		}
		return false
	case anyRune:
		for _, r := range s {
			return glob(parts[1:], s[len(string(r)):])
		}
		return false
	default:
		rest, ok := strings.CutPrefix(s, first.text)
		return ok && glob(parts[1:], rest)
	}
}
