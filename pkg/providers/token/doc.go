// Package token makes, rotates and revokes the bootstrap tokens that nodes join with.
//
// It answers "with which token does a node that is launched now join, and which tokens are
// ours?". It talks to the API server only. In kube-system it creates and deletes Secrets of
// type bootstrap.kubernetes.io/token and never reads one: whether a token lives is asked by
// using it, in a SelfSubjectReview made with the token as a node would. The values are kept
// in one Secret, StateSecret, of the controller's own namespace, under optimistic
// concurrency, so that replicas and restarts share them.
//
// Each instance may have a token of its own in place of a shared one: OfInstance derives it from
// the instance's id and a key in StateSecret, so nothing is written down for it. And the shared
// token may be one that somebody else makes and rotates, a Source: it is used and asked in the same
// way, nothing is created in kube-system then, and StateSecret holds its ids alone.
//
// A token is shared by an epoch: half of its time to live, after which the next one takes
// over while the old one still lives for those that were launched with it. A token whose
// Secret is lost is made again with the same value at once, for the same reason; to withdraw
// all tokens for good, delete StateSecret first and their Secrets then.
//
// It remembers for ten seconds that the current token lives, and API servers remember it for
// ten more, so that a token which somebody deletes is noticed within twenty. Each request has ten
// seconds of its own, with all its repetitions, and an attempt thirty. It fails when no live token can
// be had: a node that is launched without one never joins.
package token
