package machine

import "context"

// Roles gives instances the credentials of their roles.
type Roles interface {
	// Role begins a session of the role that the profile of the instance has.
	Role(ctx context.Context, id string) (*Role, error)
}

// Assume gives the machine to be, which f describes, the credentials of its role, if it has one
// and roles is not nil.
func (f *Facts) Assume(ctx context.Context, roles Roles) (err error) {
	if roles != nil && f.ProfileARN != "" {
		f.Role, err = roles.Role(ctx, f.ID)
	}
	return err
}
