package wire

import (
	"errors"
	"fmt"
	"io"
	"net/http"
	"net/url"
	"regexp"
	"strings"
	"sync/atomic"
)

// maxBody bounds a request. CreateFleet with 300 overrides is about 60 KiB.
const maxBody = 4 << 20

// Server routes requests to the actions of its services. It is an http.Handler.
type Server struct {
	env        *Env
	services   map[string]Service
	authorizer atomic.Pointer[Authorizer]
	faults     faults
	limits     limits
	records    records
}

// NewServer returns a server of services, by their names, that allows everything to everybody.
func NewServer(env *Env, services ...Service) *Server {
	s := &Server{env: env, services: make(map[string]Service, len(services))}
	for _, service := range services {
		s.services[service.Name] = service
	}
	s.SetAuthorizer(AuthorizerFunc(func(Check) error { return nil }))
	return s
}

// SetAuthorizer makes a decide all calls to come.
func (s *Server) SetAuthorizer(a Authorizer) { s.authorizer.Store(&a) }

// Inject lets f happen to calls to come. Faults are tried in the order of injection, and
// one call meets at most one per stage.
func (s *Server) Inject(f Fault) { s.faults.add(f) }

// ClearFaults forgets the faults that have not struck.
func (s *Server) ClearFaults() { s.faults.clear() }

// SetLimits puts these buckets, all full, in the place of those before. None means no throttling.
func (s *Server) SetLimits(of ...Limit) { s.limits.set(s.env.Clock.Now(), of) }

// SpareFromLimits names the access keys whose calls draw no tokens from now on: those of
// machinery that stands behind AWS.
func (s *Server) SpareFromLimits(accessKeys ...string) { s.limits.spare(accessKeys) }

// Calls returns how often action was called, whatever the answer.
func (s *Server) Calls(action string) int { return s.records.calls(action) }

// Counts returns the number of calls by action.
func (s *Server) Counts() map[string]int { return s.records.counts() }

// Answers returns how often each caller was answered what, by action. A call counts once it
// is answered.
func (s *Server) Answers() map[Answer]int { return s.records.tally() }

// Requests returns the last calls of action, oldest first, at most Recorded.
func (s *Server) Requests(action string) []Record { return s.records.requests(action) }

// ResetCalls forgets all calls made so far.
func (s *Server) ResetCalls() { s.records.reset() }

// ServeHTTP answers one request of AWS's API.
func (s *Server) ServeHTTP(w http.ResponseWriter, r *http.Request) {
	c, err := s.read(r)
	if err != nil {
		s.answer(w, c, nil, err)
		return
	}
	rec := s.records.add(c)
	out, err := s.run(c)
	s.records.close(rec, code(err))
	s.answer(w, c, out, err)
}

// run takes c through throttling, faults and its handler.
func (s *Server) run(c *Call) (any, error) {
	if err := s.limits.take(c); err != nil {
		return nil, err
	}
	if err := s.strike(c, Before); err != nil {
		return nil, err
	}
	out, err := s.handle(c)
	if replaced := s.strike(c, After); replaced != nil {
		return nil, replaced
	}
	return out, err
}

func (s *Server) handle(c *Call) (any, error) {
	action, ok := s.services[c.Service].Actions[c.Action]
	if !ok {
		return nil, c.unknownAction()
	}
	out, err := action(c)
	if err == nil && !c.asked {
		return nil, internal(fmt.Errorf("the handler of %s:%s asked for no authorisation", c.Service, c.Action))
	}
	return out, err
}

// answer writes what became of c, or drops the connection.
func (s *Server) answer(w http.ResponseWriter, c *Call, out any, err error) {
	if errors.Is(err, dropped{}) {
		panic(http.ErrAbortHandler) // net/http's documented way to close without an answer
	}
	if err == nil {
		var body []byte
		if body, err = c.success(out); err == nil {
			c.write(w, http.StatusOK, body)
			return
		}
	}
	failure, ok := errors.AsType[*Error](err)
	if !ok {
		failure = internal(err)
	}
	body, err := c.failure(failure)
	if err != nil {
		panic(fmt.Errorf("encoding an error: %w", err)) // strings only; cannot happen
	}
	if failure.QueryCode != "" {
		w.Header().Set("X-Amzn-Query-Error", failure.QueryCode+";Sender")
	}
	c.write(w, failure.status(), body)
}

func code(err error) string {
	if err == nil {
		return ""
	}
	if errors.Is(err, dropped{}) {
		return "Dropped"
	}
	if e, ok := errors.AsType[*Error](err); ok {
		return e.Code
	}
	return "InternalError"
}

// scope is the credential scope of a signature of version 4.
var scope = regexp.MustCompile(`Credential=([^/,\s]+)/\d{8}/([a-z0-9-]+)/([a-z0-9-]+)/aws4_request`)

// read makes a Call of a request. The Call is usable for an error answer even when err is set.
func (s *Server) read(r *http.Request) (*Call, error) {
	c := &Call{
		RequestID: s.env.UUID(), Time: s.env.Clock.Now(), ctx: r.Context(), authorizer: *s.authorizer.Load(),
	}
	if r.Header.Get("X-Amz-Target") != "" {
		c.protocol = JSON11 // so that an early error is readable
	}
	signed := scope.FindStringSubmatch(r.Header.Get("Authorization"))
	if signed == nil {
		return c, &Error{
			Code: "AuthFailure", Status: http.StatusUnauthorized,
			Message: "AWS was not able to validate the provided access credentials: the request has no signature of version 4",
		}
	}
	c.AccessKey, c.Region, c.Service = signed[1], signed[2], signed[3]
	service, ok := s.services[c.Service]
	if !ok {
		return c, &Error{Code: "InvalidAction", Message: fmt.Sprintf("The service %s is not modelled", c.Service)}
	}
	c.protocol, c.namespace = service.Protocol, service.Namespace
	body, err := io.ReadAll(http.MaxBytesReader(nil, r.Body, maxBody))
	if err != nil {
		return c, Errorf("RequestEntityTooLarge", "reading the request: %v", err)
	}
	if c.protocol == RESTJSON {
		return c, c.route(r, body, service.Routes)
	}
	return c, c.parse(r, body)
}

// parse finds the action and its parameters.
func (c *Call) parse(r *http.Request, body []byte) error {
	if c.protocol == JSON10 || c.protocol == JSON11 {
		_, action, ok := strings.Cut(r.Header.Get("X-Amz-Target"), ".")
		if !ok {
			return Errorf("UnknownOperationException", "The header X-Amz-Target names no operation")
		}
		c.Action, c.Body = action, body
		return nil
	}
	form, err := url.ParseQuery(string(body))
	if err != nil {
		return Errorf("MalformedQueryString", "%v", err)
	}
	c.Action = form.Get("Action")
	form.Del("Action")
	form.Del("Version")
	c.Form = form
	return nil
}

func (c *Call) unknownAction() *Error {
	if c.json() {
		return Errorf("UnknownOperationException", "The operation %s is not modelled", c.Action)
	}
	return Errorf("InvalidAction", "The action %s is not valid for this web service.", c.Action)
}
