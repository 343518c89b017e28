// Package batch merges requests that arrive together into one call.
//
// It answers one question: which requests may share a call, without making a lone one
// wait. A request whose key is idle is run at once, alone. Requests that arrive while a
// batch of their key is running are under pressure: they gather for a short window and
// run together, beside the one in flight and not behind it. Where nobody waits for an answer,
// runs can be kept apart by a time, so that requests that drop in one by one share as well.
//
// It talks to nothing; what a batch does is the caller's function. It remembers a key only
// while a batch of it gathers or runs, and for good where runs are kept apart. A batch runs under a context of its own, with the
// values of one caller's but no cancellation from it, so a caller that leaves takes
// nobody with it; a caller that leaves before its batch runs is taken out of it. It fails
// with the function's own errors, or for all members when the function does not answer
// each of them exactly once.
package batch
