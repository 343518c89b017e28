package join

import (
	"path"
	"slices"
	"strings"

	"mvdan.cc/sh/v3/syntax"
)

// command is a command that running a script may run, as far as the text tells.
type command struct {
	words []string // without what only running would tell
	// values are what the command sets variables to.
	values []string
	// input is what here-documents and here-strings give it, or what is written to a file.
	input string
	// traced: the shell prints it, with words and values, before it runs it (set -x).
	traced bool
}

// joins reports whether the command is `kubeadm join`, behind whatever runs it. One that only
// shows its arguments is not.
func (c command) joins() bool { return !c.talks() && runsJoin(c.words) }

func (c command) talks() bool {
	return len(c.words) == 0 || slices.Contains(talkers, path.Base(c.words[0]))
}

// maxNesting bounds scripts in scripts (bash -c, here-documents).
const maxNesting = 4

// commands returns the commands of a script in the order of its text, with those of scripts
// in it; none where it is not shell. The script is parsed, so quoting, line breaks, functions,
// conditions and wrappers such as sudo do not matter, and a comment is no command.
func commands(script string) []command {
	interpreter, _, _ := strings.Cut(script, "\n")
	return commandsAt(script, strings.HasPrefix(interpreter, "#!") && hasFlag(strings.Fields(interpreter), 'x'), 0)
}

func commandsAt(script string, traced bool, depth int) []command {
	file, err := syntax.NewParser(syntax.Variant(syntax.LangBash)).Parse(strings.NewReader(script), "")
	if err != nil || depth > maxNesting {
		return nil
	}
	s := &search{known: literals(file), traced: traced, depth: depth}
	syntax.Walk(file, func(node syntax.Node) bool {
		switch n := node.(type) {
		case *syntax.CallExpr:
			s.call(n)
		case *syntax.DeclClause:
			s.add(command{words: []string{n.Variant.Value}, values: s.values(n.Args)})
		case *syntax.Redirect:
			s.redirect(n)
		}
		return true
	})
	return s.found
}

type search struct {
	known  map[string]string // variables that the script sets to a literal
	traced bool              // whether the shell traces at this point of the text
	depth  int
	found  []command
}

// literals returns what variables are set to where that is a plain word, so that
// `K=kubeadm; $K join` is seen for what it is.
func literals(file *syntax.File) map[string]string {
	known := map[string]string{}
	s := &search{known: known}
	syntax.Walk(file, func(node syntax.Node) bool {
		if assign, ok := node.(*syntax.Assign); ok && assign.Name != nil && assign.Value != nil {
			known[assign.Name.Value] = s.text(assign.Value)
		}
		return true
	})
	return known
}

// Commands that show their arguments, or look at them, and do not run them.
var talkers = []string{"echo", "printf", "grep", "egrep", "logger", "log", "test", "[", "[[", ":", "type", "which", "man", "sed", "awk"}

// Commands that run an argument as a script.
var shells = []string{"sh", "bash", "dash", "eval", "su", "runuser"}

// call adds a command, and those in scripts that it is given.
func (s *search) call(call *syntax.CallExpr) {
	words := make([]string, 0, len(call.Args))
	for _, arg := range call.Args {
		// An unquoted variable may hold several words.
		words = append(words, s.fields(arg)...)
	}
	s.add(command{words: words, values: s.values(call.Assigns)})
}

// redirect adds what a here-document or here-string holds: it may be a script that is run, or
// written out to be run.
func (s *search) redirect(r *syntax.Redirect) {
	body := r.Hdoc
	if r.Op == syntax.WordHdoc {
		body = r.Word
	}
	if body == nil {
		return
	}
	text := s.text(body)
	s.found = append(s.found, command{input: text})
	s.found = append(s.found, commandsAt(text, false, s.depth+1)...)
}

func (s *search) add(c command) {
	c.traced = s.traced
	s.found = append(s.found, c)
	if c.talks() {
		return
	}
	if on, set := tracing(c.words); set {
		s.traced = on
	}
	at := slices.IndexFunc(c.words, func(w string) bool { return slices.Contains(shells, path.Base(w)) })
	if at < 0 {
		return
	}
	traced := hasFlag(c.words[at:], 'x')
	for _, w := range c.words[at+1:] {
		if strings.ContainsAny(w, " \n") {
			s.found = append(s.found, commandsAt(w, traced, s.depth+1)...)
		}
	}
}

// tracing reports whether words switch the shell's tracing on or off.
func tracing(words []string) (on, set bool) {
	if words[0] != "set" {
		return false, false
	}
	for i, w := range words[1:] {
		switch {
		case w == "--":
			return on, set
		case w == "xtrace" && strings.HasSuffix(words[i], "o"):
			on, set = strings.HasPrefix(words[i], "-"), true
		case hasFlag([]string{"", w}, 'x'):
			on, set = true, true
		case strings.HasPrefix(w, "+") && strings.Contains(w, "x"):
			on, set = false, true
		}
	}
	return on, set
}

// hasFlag reports whether the arguments of a shell hold a flag of one letter, alone or among others.
func hasFlag(words []string, flag rune) bool {
	for _, w := range words[1:] {
		if strings.HasPrefix(w, "-") && !strings.HasPrefix(w, "--") && strings.ContainsRune(w, flag) {
			return true
		}
	}
	return false
}

func (s *search) values(assigns []*syntax.Assign) []string {
	var values []string
	for _, assign := range assigns {
		if assign.Value != nil {
			values = append(values, s.text(assign.Value))
		}
	}
	return values
}

// runsJoin finds kubeadm among words, behind whatever runs it, and join among its arguments.
func runsJoin(words []string) bool {
	at := slices.IndexFunc(words, func(w string) bool { return path.Base(w) == "kubeadm" })
	return at >= 0 && slices.Contains(words[at+1:], "join")
}

func (s *search) fields(word *syntax.Word) []string {
	text := s.text(word)
	if len(word.Parts) == 1 {
		if _, unquoted := word.Parts[0].(*syntax.ParamExp); unquoted {
			return strings.Fields(text)
		}
	}
	return []string{text}
}

// text is the word without its quotes; what only running it would tell is left out.
func (s *search) text(word *syntax.Word) string {
	var b strings.Builder
	for _, part := range word.Parts {
		s.part(&b, part)
	}
	return b.String()
}

func (s *search) part(b *strings.Builder, part syntax.WordPart) {
	switch p := part.(type) {
	case *syntax.Lit:
		b.WriteString(unescape(p.Value))
	case *syntax.SglQuoted:
		b.WriteString(p.Value)
	case *syntax.DblQuoted:
		for _, inner := range p.Parts {
			s.part(b, inner)
		}
	case *syntax.ParamExp:
		if p.Param != nil {
			b.WriteString(s.known[p.Param.Value])
		}
	}
}

// unescape drops the backslashes of an unquoted word, and line continuations in it.
func unescape(text string) string {
	var b strings.Builder
	for i := 0; i < len(text); i++ {
		if text[i] == '\\' && i+1 < len(text) {
			i++
			if text[i] == '\n' {
				continue
			}
		}
		b.WriteByte(text[i])
	}
	return b.String()
}
