// Package nodeclass keeps the status of EC2NodeClasses true.
//
// It answers: what does the spec's selectors mean now, and can nodes be launched from it;
// if not, what must a person do? It is a list of steps, each of which owns one condition
// and sets it whether it succeeds or not, so all steps always run; what they found is
// written with one patch. When a class goes it waits for the class's NodeClaims and then
// removes what was made in AWS for it.
//
// It talks to the API server and, through the small interfaces in deps.go, to EC2, SSM and
// IAM. It remembers the verdicts of dry-run calls (cache.Validation; refusals a shorter
// while) and nothing else.
//
// Failure: what a person must correct is a condition that is False, names field, value and
// remedy, and is looked at again after a while. Trouble that passes is an error, which the
// queue backs off; a class that was ready for its present spec stays so meanwhile, since
// what was found before is still the best that is known.
package nodeclass
