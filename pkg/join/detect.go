package join

import (
	"path"
	"slices"
	"strings"

	"mvdan.cc/sh/v3/syntax"
)

// joins reports whether running script as shell runs `kubeadm join`. The script is parsed,
// so quoting, line breaks, functions, conditions and wrappers such as sudo do not matter, and
// a comment or an echo is not taken for the command. What is not shell does not join.
//
// When in doubt the answer is yes: then the script is prepared for and trusted to join,
// while a wrong no would have the machine join twice.
func joins(script string) bool { return joinsAt(script, 0) }

// maxNesting bounds scripts in scripts (bash -c, here-documents).
const maxNesting = 4

func joinsAt(script string, depth int) bool {
	file, err := syntax.NewParser(syntax.Variant(syntax.LangBash)).Parse(strings.NewReader(script), "")
	if err != nil || depth > maxNesting {
		return false
	}
	s := search{known: literals(file), depth: depth}
	syntax.Walk(file, func(node syntax.Node) bool {
		switch n := node.(type) {
		case *syntax.CallExpr:
			s.found = s.found || s.call(n)
		case *syntax.Redirect:
			s.found = s.found || s.hereDocument(n)
		}
		return !s.found
	})
	return s.found
}

type search struct {
	known map[string]string // variables that the script sets to a literal
	depth int
	found bool
}

// literals returns what variables are set to where that is a plain word, so that
// `K=kubeadm; $K join` is seen for what it is.
func literals(file *syntax.File) map[string]string {
	known := map[string]string{}
	s := search{known: known}
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

func (s search) call(call *syntax.CallExpr) bool {
	words := make([]string, 0, len(call.Args))
	for _, arg := range call.Args {
		// An unquoted variable may hold several words.
		words = append(words, s.fields(arg)...)
	}
	if len(words) == 0 || slices.Contains(talkers, path.Base(words[0])) {
		return false
	}
	if slices.ContainsFunc(words, func(w string) bool { return slices.Contains(shells, path.Base(w)) }) {
		for _, w := range words {
			if strings.Contains(w, "kubeadm") && joinsAt(w, s.depth+1) {
				return true
			}
		}
	}
	return runsJoin(words)
}

// runsJoin finds kubeadm among words, behind whatever runs it, and join among its arguments.
func runsJoin(words []string) bool {
	at := slices.IndexFunc(words, func(w string) bool { return path.Base(w) == "kubeadm" })
	return at >= 0 && slices.Contains(words[at+1:], "join")
}

// hereDocument looks into the body of a here-document, which may be a script that is run
// or written out to be run.
func (s search) hereDocument(redirect *syntax.Redirect) bool {
	return redirect.Hdoc != nil && joinsAt(s.text(redirect.Hdoc), s.depth+1)
}

func (s search) fields(word *syntax.Word) []string {
	text := s.text(word)
	if len(word.Parts) == 1 {
		if _, unquoted := word.Parts[0].(*syntax.ParamExp); unquoted {
			return strings.Fields(text)
		}
	}
	return []string{text}
}

// text is the word without its quotes; what only running it would tell is left out.
func (s search) text(word *syntax.Word) string {
	var b strings.Builder
	for _, part := range word.Parts {
		s.part(&b, part)
	}
	return b.String()
}

func (s search) part(b *strings.Builder, part syntax.WordPart) {
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
