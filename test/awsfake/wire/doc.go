// Package wire is the part of a pretended AWS that knows no service: it reads requests
// and writes answers in AWS's protocols, and lets tests throttle, break and count calls.
//
// It answers one question: which handler should see this request, in what form, and how
// is what it returns put back on the wire. A service (see [Service]) brings its protocol
// and one [Action] per call; [Do] makes an Action of a function from a typed request to
// a typed answer:
//
//	func (w *World) Service() wire.Service {
//		return wire.Service{
//			Name: "iam", Protocol: wire.Query, Namespace: "https://iam.amazonaws.com/doc/2010-05-08/",
//			Actions: map[string]wire.Action{"GetRole": wire.Do(w.getRole)},
//		}
//	}
//
//	type getRoleInput struct{ RoleName string `param:",required"` }
//
//	func (w *World) getRole(c *wire.Call, in getRoleInput) (*getRoleOutput, error)
//
// # Requests
//
// The service is the one named in the credential scope of the Authorization header, so one
// address serves all of them. Where method and path name the action (EKS), the service lists
// its routes, and segments of the path are members of the request. The request struct lists what is modelled: a field is the
// parameter of its name or of its param tag (JSON: json tag); slices are the protocol's lists
// (Filter.1.Value.1, or Tags.member.1.Key); pointers tell absent from zero. A parameter
// without a field is refused, never ignored. A param tag with ",required" refuses absence.
//
// # Answers
//
// In XML protocols the answer's fields are encoded by their xml tags inside the envelope of
// the protocol; in JSON protocols the answer is encoded as JSON. An [*Error] keeps its code and
// status; any other error is answered as InternalError (500), and the SDK retries it.
//
// # Authorisation
//
// Each handler must ask [Call.Authorize] (or AuthorizeAs) once it knows the resources and before
// it changes anything; an answer that nobody authorised is turned into an InternalError, so
// that a forgotten check shows in the first test. The server's [Authorizer] decides; the
// default allows all. What it refuses is answered with the protocol's own code
// (UnauthorizedOperation, AccessDenied, AccessDeniedException). Signatures are not verified:
// the access key id is believed.
//
// # Memory
//
// Counts of calls are kept for the life of the [Server], the last [Recorded] requests of each
// action in full. Time comes from one clock, [Env].Clock.
package wire
