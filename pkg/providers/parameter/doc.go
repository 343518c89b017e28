// Package parameter puts bootstrap tokens where nodes fetch them with their instance role,
// so that user data holds no secret.
//
// It answers "where does a node find its token?". It talks to Systems Manager, whose
// SecureStrings are encrypted with the account's own key. Provider overwrites one for the
// cluster when the token rotates. Instances has one for each instance that is to join, which
// this instance alone may read, and which goes when the node is there. Given is one of the
// user's, which is read and never written.
//
// It remembers for five minutes what it wrote, so that a parameter which somebody changed or
// deleted is put right then. It fails with an Error, which says in one word why and in a
// sentence what to do: a node that finds no token never joins.
package parameter
