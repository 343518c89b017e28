// Package garbagecollection ends what nothing needs any more.
//
// It answers: which instances have no NodeClaim, and which launch templates no future? It
// reads NodeClaims and EC2NodeClasses from the API server, the inventory for instances,
// and has it terminate them; it deletes the Nodes of what it terminates. It remembers what
// it has reported, so that it says things once.
//
// An instance is ended only when it bears this cluster's UID, no NodeClaim has it, none is
// still about to adopt it, and it is old enough to be seen by all. One without a UID is
// reported and left, unless configured otherwise: clusters are told apart by name only
// there, and kubeadm's default name is the same for all. One with another cluster's UID is
// never touched.
//
// It fails as its sources fail, and goes on at the next round.
package garbagecollection
