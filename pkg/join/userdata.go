package join

import "fmt"

// MaxUserData is how many bytes of user data EC2 takes, counted before base64.
const MaxUserData = 16384

// UserData is what an instance is started with. It holds a secret, so it shows nothing
// but its size wherever it is printed; Bytes is the only way to what it holds.
type UserData struct{ raw []byte }

// NewUserData wraps raw, which the caller must not change afterwards.
func NewUserData(raw []byte) UserData { return UserData{raw: raw} }

// Bytes is the user data as EC2 hands it to the instance, before base64. It is a secret and
// must not be changed.
func (u UserData) Bytes() []byte { return u.raw }

// String shows the size only.
func (u UserData) String() string { return fmt.Sprintf("<%d bytes of user data>", len(u.raw)) }

// GoString keeps %#v from printing the content.
func (u UserData) GoString() string { return u.String() }

// Format keeps every verb of fmt from printing the content.
func (u UserData) Format(f fmt.State, _ rune) { writeRedacted(f, u.String()) }

// MarshalJSON keeps the content out of JSON.
func (u UserData) MarshalJSON() ([]byte, error) { return fmt.Appendf(nil, "%q", u.String()), nil }

// MarshalLog is what logr prints.
func (u UserData) MarshalLog() any { return u.String() }
