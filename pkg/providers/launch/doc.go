// Package launch starts EC2 instances for NodeClaims, exactly one for each.
//
// It answers one question: which instance has this claim got? (Launch.) It talks to EC2:
// CreateFleet of type instant from launch templates that it makes when they are missing.
// Which pools, images, user data and tags a launch is made of is decided by the caller.
//
// # Exactly one
//
// A call to EC2 can take effect though its answer is lost, and a controller can die
// between any two steps. Three things keep claims and instances equal in number:
//
//   - The client token of a fleet derives from the claims and the request, so repeating a
//     call does not repeat its effect.
//   - Each instance bears, from its creation, a tag that names the claims its launch was
//     for. A claim whose fate is not known (see ledger) is not launched again before a
//     window has passed in which EC2 shows whatever exists; an instance that names the
//     claim and belongs to no other is adopted.
//   - What is left over bears the same tag, so that garbage collection can tell it from an
//     instance that a claim is still about to adopt.
//
// Equal requests that arrive while one of them is under way are merged (package batch).
//
// # Memory
//
// Launch templates that are known to exist, until they are deleted or EC2 denies them;
// what became of each claim, for an hour; both in memory, both found again in EC2.
//
// # Failure
//
// CapacityError: EC2 has no room in any pool offered. RefusedError: EC2 refused for a
// reason that it named. UncertainError: it is not known yet whether an instance exists.
// Everything else is as the SDK returned it. All but the first are worth a retry.
package launch
