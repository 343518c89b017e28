package wire

import (
	"context"
	"net/url"
	"time"
)

// Call is one request on its way through a handler.
type Call struct {
	Service   string // as in the credential scope: "ec2"
	Action    string // "DescribeInstances"
	Region    string // of the credential scope
	AccessKey string // who asks; see Authorizer
	RequestID string
	Time      time.Time  // by the server's clock, when the call arrived
	Form      url.Values // what the query protocols carry, without Action and Version
	Body      []byte     // what the JSON protocols carry

	ctx        context.Context
	protocol   Protocol
	namespace  string
	authorizer Authorizer
	asked      bool
}

// Context ends when the caller goes away or the server stops.
func (c *Call) Context() context.Context { return c.ctx }

// Record is what the server remembers of a call.
type Record struct {
	Service, Action, Region, AccessKey string

	Time time.Time
	Form url.Values // query protocols
	Body []byte     // JSON protocols
	// Code is the error's code that was answered; empty on success, or while the call runs.
	// "Dropped" means that the connection was closed instead of answering.
	Code string
}

// Action handles one call. What it returns is encoded by the service's protocol.
type Action func(*Call) (any, error)

// Do makes an Action of a function from a typed request to a typed answer. The request
// is decoded strictly, see the package comment.
func Do[In, Out any](handle func(*Call, In) (Out, error)) Action {
	return func(c *Call) (any, error) {
		var in In
		if err := c.decode(&in); err != nil {
			return nil, err
		}
		return handle(c, in)
	}
}

// Service is a set of actions under one name and protocol.
type Service struct {
	Name      string // as in the credential scope: "ec2", "iam", "ssm", "pricing"
	Protocol  Protocol
	Namespace string // of the XML answers; in JSON the prefix of error types, "com.amazonaws.ssm"
	Actions   map[string]Action
	// Routes of RESTJSON: the action of a method and path, as in "GET /clusters/{name}". Segments
	// in braces are members of the request.
	Routes map[string]string
}
