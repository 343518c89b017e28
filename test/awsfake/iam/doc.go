// Package iam pretends IAM for the calls that Karpenter makes about instance profiles,
// and for what has to be there before.
//
// It answers: which roles and instance profiles does the account have? It talks to
// nobody; EC2 asks it through [World.InstanceProfile] whether a launch may name a profile. A
// [World] keeps everything, for ever, for the whole account: IAM has no regions.
//
// It fails as IAM does: NoSuchEntity, EntityAlreadyExists, LimitExceeded,
// DeleteConflict, ValidationError. Who may do what is not its matter: policies are
// given to package policy in Go, so there are no calls here that attach them.
package iam
