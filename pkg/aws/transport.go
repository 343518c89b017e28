package aws

import (
	"io"
	"net/http"

	"github.com/aws/aws-sdk-go-v2/aws"
)

// Steady returns a client that does what next does without losing answers that come fast.
//
// The SDK closes a request's body as soon as the answer's head is there. net/http may not yet
// have looked whether the body has ended; when it does, through WriteTo, the SDK's closed body
// answers with io.EOF as an error (smithy-go 1.28, transport/http/internal/io/safe.go), and
// net/http closes the connection that the answer is still being read from. The caller sees
// "use of closed network connection" and the SDK calls again. Between machines that is rare;
// on one machine it hits every fourth large answer. Read on the same body ends properly, so
// it is enough to hide WriteTo.
func Steady(next aws.HTTPClient) aws.HTTPClient { return steady{next} }

type steady struct{ next aws.HTTPClient }

// Do sends the request with its body reduced to Read and Close.
func (s steady) Do(r *http.Request) (*http.Response, error) {
	if r.Body != nil && r.Body != http.NoBody {
		r.Body = struct{ io.ReadCloser }{r.Body}
	}
	return s.next.Do(r)
}
