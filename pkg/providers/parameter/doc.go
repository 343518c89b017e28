// Package parameter puts the bootstrap token where nodes fetch it with their instance role,
// so that user data holds no secret.
//
// It answers "where does a node find the token?". It talks to Systems Manager: one
// SecureString for the cluster, encrypted with the account's own key, is overwritten when
// the token rotates. It remembers for five minutes what it wrote, so that a parameter which
// somebody changed or deleted is put right then. It fails with AWS's error, and then nothing
// is launched: a node that finds no token never joins.
package parameter
