package aws_test

import (
	"io"
	"net/http"
	"strings"
	"testing"

	. "github.com/onsi/gomega"

	"github.com/karpenter-kubeadm/karpenter-provider-aws/pkg/aws"
)

// closedBody behaves as the SDK's own once it is closed.
type closedBody struct{ io.Reader }

func (closedBody) WriteTo(io.Writer) (int64, error) { return 0, io.EOF }
func (closedBody) Close() error                     { return nil }

// copying looks for the end of the request's body as net/http does.
type copying struct{ err error }

func (c *copying) Do(r *http.Request) (*http.Response, error) {
	_, c.err = io.Copy(io.Discard, r.Body)
	return &http.Response{Body: http.NoBody}, nil
}

func TestSteadyHidesThatAClosedBodyFailsToBeWritten(t *testing.T) {
	g := NewWithT(t)
	request, err := http.NewRequestWithContext(t.Context(), http.MethodPost, "http://127.0.0.1/", closedBody{strings.NewReader("")})
	g.Expect(err).NotTo(HaveOccurred())

	bare, wrapped := &copying{}, &copying{}
	for _, client := range []interface {
		Do(*http.Request) (*http.Response, error)
	}{bare, aws.Steady(wrapped)} {
		response, err := client.Do(request)
		g.Expect(err).NotTo(HaveOccurred())
		g.Expect(response.Body.Close()).To(Succeed())
	}

	g.Expect(bare.err).To(MatchError(io.EOF), "what Steady is for; without this it can go")
	g.Expect(wrapped.err).NotTo(HaveOccurred())
}
