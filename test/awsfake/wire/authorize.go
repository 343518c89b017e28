package wire

import (
	"errors"
	"fmt"
	"net/http"
)

// Check is one question to the Authorizer: may AccessKey do Action to all of Resources.
type Check struct {
	AccessKey string
	Action    string     // service and action, "ec2:CreateFleet"
	Resources []Resource // each must be allowed; empty means the resource "*"
	Keys      Keys       // condition keys that hold for the whole request
}

// Resource is a thing that a call touches. Keys hold for it alone: aws:ResourceTag/x,
// aws:RequestTag/x, ec2:InstanceType and such.
type Resource struct {
	ARN  string
	Keys Keys
}

// Keys are condition keys and their values, named as AWS documents them. A key that is
// absent is absent from the request context (see the operators Null and ...IfExists).
type Keys map[string][]string

// Authorizer decides who may do what. A refusal is any error; its text becomes the message
// of the protocol's own error. An [*Error] is answered as it is.
type Authorizer interface {
	Authorize(Check) error
}

// AuthorizerFunc lets a function be an Authorizer.
type AuthorizerFunc func(Check) error

// Authorize calls f.
func (f AuthorizerFunc) Authorize(c Check) error { return f(c) }

// Authorize asks whether the caller may do this call's action to resources.
func (c *Call) Authorize(resources ...Resource) error {
	return c.AuthorizeAs(c.Service+":"+c.Action, nil, resources...)
}

// AuthorizeAs asks for another action that the call implies, for example "ec2:CreateTags" with
// the key ec2:CreateAction, or "iam:PassRole". keys are added to those of the request.
func (c *Call) AuthorizeAs(action string, keys Keys, resources ...Resource) error {
	c.asked = true
	all := Keys{"aws:RequestedRegion": {c.Region}}
	for k, v := range keys {
		all[k] = v
	}
	err := c.authorizer.Authorize(Check{AccessKey: c.AccessKey, Action: action, Resources: resources, Keys: all})
	if err == nil {
		return nil
	}
	if answer, ok := errors.AsType[*Error](err); ok {
		return answer
	}
	return c.denied(err)
}

func (c *Call) denied(err error) *Error {
	switch c.protocol {
	case EC2:
		return &Error{
			Code: "UnauthorizedOperation", Status: http.StatusForbidden,
			Message: fmt.Sprintf("You are not authorized to perform this operation. %v", err),
		}
	case Query:
		return &Error{Code: "AccessDenied", Message: err.Error(), Status: http.StatusForbidden}
	default:
		return &Error{Code: "AccessDeniedException", Message: err.Error()}
	}
}
