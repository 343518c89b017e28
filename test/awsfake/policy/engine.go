package policy

import (
	"fmt"
	"maps"
	"net/http"
	"strings"
	"sync"

	"github.com/karpenter-kubeadm/karpenter-provider-aws/test/awsfake/wire"
)

// Principal is who an access key belongs to.
type Principal struct {
	// ARN is its name: of a user, a role's session or the account's root.
	ARN string
	// Documents are the policies it has. None allow nothing.
	Documents []*Document
	// Keys are condition keys that hold for all its requests, such as
	// aws:PrincipalTag/team, or ec2:SourceInstanceARN for an instance's credentials.
	Keys wire.Keys
}

// Engine knows principals and decides about their requests.
type Engine struct {
	env *wire.Env

	mu         sync.Mutex
	principals map[string]known     // by access key
	roles      map[string]Principal // by ARN of the role
	refuse     bool
	used       map[hit]bool
	denials    []DeniedError
}

// known is a principal and whether it may do everything, having no policies of its own.
type known struct {
	Principal
	open bool
}

// New returns an engine that allows everything to everybody.
func New(env *wire.Env) *Engine {
	return &Engine{env: env, principals: map[string]known{}, roles: map[string]Principal{}, used: map[hit]bool{}}
}

// SetPrincipal says whom an access key belongs to and what it may do. An empty ARN
// becomes that of a user named like the key.
func (e *Engine) SetPrincipal(accessKey string, p Principal) {
	if p.ARN == "" {
		p.ARN = e.userARN(accessKey)
	}
	e.mu.Lock()
	defer e.mu.Unlock()
	e.principals[accessKey] = known{Principal: p}
}

// SetRole says what sessions of a role may do, by the role's ARN; its ARN is not used.
func (e *Engine) SetRole(roleARN string, p Principal) {
	e.mu.Lock()
	defer e.mu.Unlock()
	e.roles[roleARN] = p
}

// RefuseOthers makes access keys that nobody set unknown to AWS.
func (e *Engine) RefuseOthers() {
	e.mu.Lock()
	defer e.mu.Unlock()
	e.refuse = true
}

// ARN is the principal of an access key; of one that nobody set, a user of that name.
func (e *Engine) ARN(accessKey string) string {
	e.mu.Lock()
	defer e.mu.Unlock()
	if p, ok := e.principals[accessKey]; ok {
		return p.ARN
	}
	return e.userARN(accessKey)
}

func (e *Engine) userARN(accessKey string) string {
	return e.env.ARN("iam", "", "user/"+accessKey)
}

// Assume makes accessKey act as the session of a role, with the role's policies, and
// returns the session's ARN. The role may be one that nobody set.
func (e *Engine) Assume(accessKey, roleARN, session string) string {
	e.mu.Lock()
	defer e.mu.Unlock()
	p, set := e.roles[roleARN]
	name := roleARN[strings.LastIndex(roleARN, "/")+1:]
	p.ARN = e.env.ARN("sts", "", "assumed-role/"+name+"/"+session)
	e.principals[accessKey] = known{Principal: p, open: !set}
	return p.ARN
}

// AssumeAs is Assume for the credentials that EC2 gives to an instance: the session is named
// after the instance, whose ARN policies see as ec2:SourceInstanceARN.
func (e *Engine) AssumeAs(accessKey, roleARN, instanceARN string) {
	e.Assume(accessKey, roleARN, instanceARN[strings.LastIndex(instanceARN, "/")+1:])
	e.mu.Lock()
	defer e.mu.Unlock()
	p := e.principals[accessKey]
	p.Keys = maps.Clone(p.Keys)
	if p.Keys == nil {
		p.Keys = wire.Keys{}
	}
	p.Keys["ec2:SourceInstanceARN"] = []string{instanceARN}
	e.principals[accessKey] = p
}

// Authorize refuses with a [DeniedError] what the caller's policies do not allow, and notes
// what they were needed for.
func (e *Engine) Authorize(check wire.Check) error {
	e.mu.Lock()
	defer e.mu.Unlock()
	p, set := e.principals[check.AccessKey]
	switch {
	case !set && e.refuse:
		return unknownKey(check.Action)
	case !set, p.open && !e.refuse:
		return nil
	}
	hits, denial := evaluate(p.ARN, p.Documents, e.keysOf(p.Principal), check)
	for _, h := range hits {
		e.used[h] = true
	}
	if denial != nil {
		e.denials = append(e.denials, *denial)
		return denial
	}
	return nil
}

// keysOf are the condition keys that AWS derives from the principal, and its own.
func (e *Engine) keysOf(p Principal) wire.Keys {
	keys := wire.Keys{
		"aws:PrincipalArn":     {p.ARN},
		"aws:PrincipalAccount": {e.env.Account},
	}
	if _, session, ok := strings.Cut(p.ARN, ":assumed-role/"); ok {
		role, _, _ := strings.Cut(session, "/")
		keys["aws:PrincipalArn"] = []string{e.env.ARN("iam", "", "role/"+role)}
	}
	if _, name, ok := strings.Cut(p.ARN, ":user/"); ok {
		keys["aws:username"] = []string{name}
	}
	for name, values := range p.Keys {
		keys[name] = values
	}
	return keys
}

// unknownKey is what each kind of service says to an access key that does not exist.
func unknownKey(action string) error {
	service, _, _ := strings.Cut(action, ":")
	switch service {
	case "ec2":
		return &wire.Error{
			Code: "AuthFailure", Status: http.StatusUnauthorized,
			Message: "AWS was not able to validate the provided access credentials",
		}
	case "iam", "sts":
		return &wire.Error{
			Code: "InvalidClientTokenId", Status: http.StatusForbidden,
			Message: "The security token included in the request is invalid",
		}
	default:
		return wire.Errorf("UnrecognizedClientException", "The security token included in the request is invalid.")
	}
}

// Denials returns the refusals so far, oldest first.
func (e *Engine) Denials() []DeniedError {
	e.mu.Lock()
	defer e.mu.Unlock()
	return append([]DeniedError(nil), e.denials...)
}

// Unused returns what no request needed of the policies, in their order: for each
// pattern a line "document: Sid: Element pattern". A statement that nothing needed has all its
// patterns there.
func (e *Engine) Unused(documents ...*Document) []string {
	e.mu.Lock()
	defer e.mu.Unlock()
	var out []string
	for _, doc := range documents {
		for i := range doc.Statements {
			s := &doc.Statements[i]
			for _, h := range s.parts() {
				if !e.used[h] {
					out = append(out, fmt.Sprintf("%s: %s: %s %s", doc.Name, s.Sid, h.element, h.pattern))
				}
			}
		}
	}
	return out
}

// parts are all patterns of a statement, as hits.
func (s *Statement) parts() []hit {
	out := make([]hit, 0, len(s.actions.list)+len(s.resources.list))
	for _, p := range s.actions.list {
		out = append(out, hit{s, "Action", p.text})
	}
	for _, p := range s.resources.list {
		out = append(out, hit{s, "Resource", p.text})
	}
	return out
}
