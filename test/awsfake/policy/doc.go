// Package policy decides who may do what by IAM policies, as far as policies of
// identities go.
//
// It answers: does this principal's policy allow this action on these resources, under
// the condition keys that the call has? A policy is read by [Parse] or [Load], strictly:
// an operator or element that is not modelled is an error, so no condition is ever
// skipped. An [Engine] knows principals by access key, is the [wire.Authorizer] of the
// fake, and knows for STS who an access key is:
//
//	engine := policy.New(env)
//	doc, err := policy.Load("charts/karpenter/iam/controller-policy.json", placeholders)
//	engine.SetPrincipal("AKIACONTROLLER", policy.Principal{ARN: "arn:aws:iam::...:role/controller", Documents: []*policy.Document{doc}})
//	server.SetAuthorizer(engine)
//	...
//	engine.Unused(doc)   // what nothing needed
//	engine.Denials()     // what was refused
//
// A request is allowed when every resource it touches is allowed by a statement and
// denied by none; a request without resources counts as one on "*". A principal that
// nobody set may do everything, as in the fake without policies, until
// [Engine.RefuseOthers].
//
// Of IAM's language it knows Effect, Action, NotAction, Resource, NotResource,
// Condition with the operators on strings, ARNs, numbers, Bool and Null, their
// IfExists forms, ForAllValues and ForAnyValue, and policy variables with defaults. It
// does not know policies of resources, boundaries, organisations and sessions, nor
// operators on dates, binary data and addresses.
//
// An Engine remembers which statements were used and the refusals, until it is
// dropped. It fails with a [DeniedError], which each protocol of the fake words in its way.
package policy
