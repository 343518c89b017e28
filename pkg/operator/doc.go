// Package operator puts the controller together and runs it.
//
// It answers "who gets what?": it is the one place that knows all packages, reads the
// options, and hands plain values on. NewProviders is the only wiring of providers, in
// production and in tests. It talks to AWS and the API server once as it starts. It
// remembers nothing. What is wrong at the start is returned as one error for a person to
// read; later failures are the controllers' own.
package operator
