package join

import (
	"fmt"
	"io"
	"time"
)

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

// Format keeps every verb of fmt from printing the secret.
func (t Token) Format(f fmt.State, _ rune) { writeRedacted(f, t.String()) }

// MarshalJSON keeps the secret out of JSON. A token is stored by pkg/providers/token alone.
func (t Token) MarshalJSON() ([]byte, error) { return fmt.Appendf(nil, "%q", t.String()), nil }

// MarshalLog is what logr prints.
func (t Token) MarshalLog() any { return t.String() }

// writeRedacted writes to a formatter's buffer, which does not fail.
func writeRedacted(f fmt.State, text string) { _, _ = io.WriteString(f, text) }
