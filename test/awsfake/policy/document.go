package policy

import (
	"bytes"
	"encoding/json"
	"errors"
	"fmt"
	"maps"
	"os"
	"slices"
	"strings"
)

// Document is a policy. Its zero value allows nothing.
type Document struct {
	Name       string // as its reader called it; for reports
	Statements []Statement
}

// Statement is one of a policy, ready to be evaluated.
type Statement struct {
	Sid        string // as written, else "#" and its position, counted from 1
	Deny       bool
	actions    patterns
	resources  patterns
	conditions []condition
}

// patterns is an element of a statement and its negated form.
type patterns struct {
	list    []pattern
	negated bool
}

// wireDocument is the policy as JSON.
type wireDocument struct {
	Version   string
	ID        string `json:"Id"`
	Statement json.RawMessage
}

type wireStatement struct {
	Sid         string
	Effect      string
	Action      oneOrMany
	NotAction   oneOrMany
	Resource    oneOrMany
	NotResource oneOrMany
	Condition   map[string]map[string]oneOrMany
}

// oneOrMany is a value or a list of values; booleans and numbers count as their text.
type oneOrMany []string

// UnmarshalJSON reads either form.
func (o *oneOrMany) UnmarshalJSON(raw []byte) error {
	var many []json.RawMessage
	if err := json.Unmarshal(raw, &many); err != nil {
		many = []json.RawMessage{raw}
	}
	*o = oneOrMany{}
	for _, item := range many {
		text, err := scalar(item)
		if err != nil {
			return err
		}
		*o = append(*o, text)
	}
	return nil
}

func scalar(raw json.RawMessage) (string, error) {
	var text string
	if json.Unmarshal(raw, &text) == nil {
		return text, nil
	}
	switch trimmed := string(bytes.TrimSpace(raw)); {
	case trimmed == "true", trimmed == "false", len(trimmed) > 0 && strings.ContainsRune("-0123456789", rune(trimmed[0])):
		return trimmed, nil
	default:
		return "", fmt.Errorf("%s is neither a text, a number nor a boolean", trimmed)
	}
}

// Load reads the policy in a file, after putting values in the place of the
// placeholders it has: "${AWS_REGION}" is replaced by placeholders["AWS_REGION"].
func Load(path string, placeholders map[string]string) (*Document, error) {
	raw, err := os.ReadFile(path)
	if err != nil {
		return nil, fmt.Errorf("loading policy: %w", err)
	}
	text := string(raw)
	for name, value := range placeholders {
		text = strings.ReplaceAll(text, "${"+name+"}", value)
	}
	return Parse(path, []byte(text))
}

// Parse reads a policy. The name is for reports and errors.
func Parse(name string, raw []byte) (*Document, error) {
	var in wireDocument
	if err := strict(raw, &in); err != nil {
		return nil, fmt.Errorf("parsing policy %s: %w", name, err)
	}
	// Policies of the older version take variables for plain text.
	variables := in.Version == "2012-10-17"
	if !variables && in.Version != "" && in.Version != "2008-10-17" {
		return nil, fmt.Errorf("parsing policy %s: version %q is not 2012-10-17 or 2008-10-17", name, in.Version)
	}
	statements, err := statementsOf(in.Statement)
	if err != nil {
		return nil, fmt.Errorf("parsing policy %s: %w", name, err)
	}
	doc := &Document{Name: name}
	for i, s := range statements {
		if s.Sid == "" {
			s.Sid = fmt.Sprintf("#%d", i+1)
		}
		if slices.ContainsFunc(doc.Statements, func(other Statement) bool { return other.Sid == s.Sid }) {
			return nil, fmt.Errorf("parsing policy %s: two statements have the Sid %s", name, s.Sid)
		}
		compiled, err := s.compile(variables)
		if err != nil {
			return nil, fmt.Errorf("parsing policy %s: statement %s: %w", name, s.Sid, err)
		}
		doc.Statements = append(doc.Statements, compiled)
	}
	return doc, nil
}

func strict(raw []byte, into any) error {
	d := json.NewDecoder(bytes.NewReader(raw))
	d.DisallowUnknownFields()
	return d.Decode(into)
}

// statementsOf reads one statement or a list of them.
func statementsOf(raw json.RawMessage) ([]wireStatement, error) {
	trimmed := bytes.TrimSpace(raw)
	if len(trimmed) == 0 {
		return nil, errors.New("it has no Statement")
	}
	if trimmed[0] == '[' {
		var many []wireStatement
		return many, strict(trimmed, &many)
	}
	one := make([]wireStatement, 1)
	return one, strict(trimmed, &one[0])
}

func (s wireStatement) compile(variables bool) (Statement, error) {
	out := Statement{Sid: s.Sid, Deny: s.Effect == "Deny"}
	if s.Effect != "Allow" && s.Effect != "Deny" {
		return out, fmt.Errorf("effect %q is neither Allow nor Deny", s.Effect)
	}
	var err error
	if out.actions, err = choose("Action", s.Action, s.NotAction, false); err != nil {
		return out, err
	}
	for _, action := range out.actions.list {
		if text := action.text; text != "*" && !strings.Contains(text, ":") {
			return out, fmt.Errorf("action %q names no service", text)
		}
	}
	if out.resources, err = choose("Resource", s.Resource, s.NotResource, variables); err != nil {
		return out, err
	}
	out.conditions, err = conditionsOf(s.Condition, variables)
	return out, err
}

// conditionsOf returns a statement's conditions in a fixed order.
func conditionsOf(all map[string]map[string]oneOrMany, variables bool) ([]condition, error) {
	var out []condition
	for _, operator := range slices.Sorted(maps.Keys(all)) {
		for _, key := range slices.Sorted(maps.Keys(all[operator])) {
			c, err := newCondition(operator, key, all[operator][key], variables)
			if err != nil {
				return nil, err
			}
			out = append(out, c)
		}
	}
	return out, nil
}

// choose returns the patterns of an element, of which a statement has exactly one form.
func choose(name string, plain, negated oneOrMany, variables bool) (patterns, error) {
	if (len(plain) == 0) == (len(negated) == 0) {
		return patterns{}, fmt.Errorf("it needs %s or Not%s, and not both", name, name)
	}
	out := patterns{negated: len(negated) > 0}
	for _, text := range append(plain, negated...) {
		p, err := newPattern(text, variables)
		if err != nil {
			return patterns{}, fmt.Errorf("%s: %w", strings.ToLower(name), err)
		}
		out.list = append(out.list, p)
	}
	return out, nil
}
