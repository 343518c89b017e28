// Package join renders the user data with which an EC2 instance becomes a node of a
// kubeadm cluster. It does no I/O and is byte-deterministic: the same Spec gives the same bytes.
package join

import "time"

// Token is a bootstrap token. It redacts itself wherever it is printed.
type Token struct {
	ID      string // six characters, public
	Secret  string // sixteen characters
	Expires time.Time
}

// Value is the token as kubeadm takes it, "<id>.<secret>". It is a secret.
func (t Token) Value() string { return t.ID + "." + t.Secret }

// String shows the public half only.
func (t Token) String() string { return t.ID + ".<redacted>" }

// GoString keeps %#v from printing the secret.
func (t Token) GoString() string { return t.String() }
