// Package ssm pretends the parameter store of Systems Manager.
//
// It answers: what is the value of a parameter? There are two kinds. Public ones, below
// /aws/service/, are put there in Go ([World.SetPublic]): the seed publishes its images
// under the paths of their makers. All others belong to the account and are written by
// calls. Both live in one region each.
//
// It talks to nobody and keeps everything, with all versions of a parameter that AWS
// keeps, for ever. The value of a SecureString is returned as it was written only to
// callers who ask for decryption; its key is the account's own, whose use needs no
// permission of its own, so keys of KMS (KeyId) are refused as not modelled, like
// tiers, policies and labels of parameters.
//
// It fails as the parameter store does: ParameterNotFound, ParameterAlreadyExists,
// ParameterVersionNotFound, ValidationException.
package ssm
