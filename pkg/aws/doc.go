// Package aws is the way to AWS that all providers share: a configuration, what the calls
// made with it are counted as, and what the errors that AWS answers with mean.
//
// It answers three questions: with which region, credentials, endpoint and retries are
// calls made (Load); can anything be reached with them, and if not, what must a person do
// (Check); what kind of refusal is this error (Code, KindOf, OutcomeUnknown).
//
// It talks to the instance metadata service for a region that nothing else names, and to
// EC2 with one dry-run call in Check. It remembers nothing. It fails at start only, with
// one sentence for each cause.
package aws
