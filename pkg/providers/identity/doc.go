// Package identity finds the instance profiles that give nodes their IAM role, and makes
// those of classes that name a role only.
//
// It answers: does this profile exist, and which role does it hold? It talks to IAM
// (Get, List, Create and DeleteInstanceProfile, AddRoleTo and RemoveRoleFromInstanceProfile)
// with exactly the tags and paths that IAM policies written for the AWS provider allow.
//
// It remembers profiles for cache.InstanceProfile, and roles that IAM does not know for
// cache.MissingRole, so that a misspelt role does not fill the account with profiles.
// That a profile is missing is not remembered: its creation must show at once.
//
// It fails with ErrNotFound or ErrDenied, with a *RoleNotFoundError, and else as IAM does, with an
// *aws.CallError in the chain.
package identity
