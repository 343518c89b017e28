package policy

import (
	"fmt"
	"strings"

	"github.com/karpenter-kubeadm/karpenter-provider-aws/test/awsfake/wire"
)

// DeniedError is a refusal, worded as AWS words it.
type DeniedError struct {
	Principal string // ARN
	Action    string
	Resource  string // ARN, or * for a request that touches none
	Explicit  bool   // a statement denies it; else none allows it
	Sid       string // of the statement that denies
}

func (d *DeniedError) Error() string {
	reason := "because no identity-based policy allows the " + d.Action + " action"
	if d.Explicit {
		reason = "with an explicit deny in an identity-based policy"
	}
	return fmt.Sprintf("User: %s is not authorized to perform: %s on resource: %s %s", d.Principal, d.Action, d.Resource, reason)
}

// hit is a pattern of a statement that a request needed.
type hit struct {
	statement *Statement
	element   string
	pattern   string
}

// evaluate returns what was needed of the statements that decided: of those that allow
// all of the check, or of the one that denies it. What allowed a part of a refused check
// was of no use.
func evaluate(arn string, documents []*Document, keys wire.Keys, check wire.Check) ([]hit, *DeniedError) {
	resources := check.Resources
	if len(resources) == 0 {
		resources = []wire.Resource{{ARN: "*"}}
	}
	var all []hit
	for _, resource := range resources {
		r := request{action: check.Action, resource: resource.ARN, keys: newContext(keys, check.Keys, resource.Keys)}
		hits, denied := r.decide(documents)
		if denied != nil || len(hits) == 0 {
			refusal := &DeniedError{Principal: arn, Action: check.Action, Resource: resource.ARN}
			if denied != nil {
				refusal.Explicit, refusal.Sid = true, denied.Sid
			}
			return hits, refusal
		}
		all = append(all, hits...)
	}
	return all, nil
}

// request is one action on one resource.
type request struct {
	action   string
	resource string
	keys     context
}

// decide returns what the statements that allow the request matched by, or the
// statement that denies it.
func (r request) decide(documents []*Document) (allowing []hit, denying *Statement) {
	for _, doc := range documents {
		for i := range doc.Statements {
			s := &doc.Statements[i]
			hits := r.match(s)
			if len(hits) == 0 {
				continue
			}
			if s.Deny {
				return hits, s
			}
			allowing = append(allowing, hits...)
		}
	}
	return allowing, nil
}

// match returns the patterns of a statement by which it covers the request; none when
// it does not.
func (r request) match(s *Statement) []hit {
	actions, ok := s.actions.match(func(p pattern) bool { return r.coversAction(p) })
	if !ok {
		return nil
	}
	resources, ok := s.resources.match(func(p pattern) bool { return p.matches(r.resource, r.keys) })
	if !ok {
		return nil
	}
	for _, c := range s.conditions {
		if !c.holds(r.keys) {
			return nil
		}
	}
	out := make([]hit, 0, len(actions)+len(resources))
	for _, p := range actions {
		out = append(out, hit{s, "Action", p.text})
	}
	for _, p := range resources {
		out = append(out, hit{s, "Resource", p.text})
	}
	return out
}

// coversAction ignores case, as IAM does for actions.
func (r request) coversAction(p pattern) bool {
	lower, err := newPattern(strings.ToLower(p.text), false)
	return err == nil && lower.matches(strings.ToLower(r.action), nil)
}

// match returns the patterns that match, and whether the element covers the request.
// Of a negated element all patterns count as needed.
func (p patterns) match(matches func(pattern) bool) ([]pattern, bool) {
	var found []pattern
	for _, candidate := range p.list {
		if matches(candidate) {
			found = append(found, candidate)
		}
	}
	if p.negated {
		return p.list, len(found) == 0
	}
	return found, len(found) > 0
}
