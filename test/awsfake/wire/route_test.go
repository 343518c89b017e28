package wire

import (
	"net/http"
	"net/http/httptest"
	"strings"
	"testing"

	. "github.com/onsi/gomega"
	"k8s.io/utils/clock"
)

type thing struct {
	ID   string `json:"id" param:",required"`
	Size int    `json:"size"`
	Kind string `json:"kind"`
}

// restful is a service whose calls are named by method and path; it answers what it was asked.
func restful() Service {
	return Service{
		Name: "shop", Protocol: RESTJSON, Namespace: "com.example.shop",
		Actions: map[string]Action{"PutThing": Do(func(c *Call, in thing) (*thing, error) { return &in, c.Authorize() })},
		Routes:  map[string]string{"PUT /things/{id}": "PutThing"},
	}
}

func TestRoutes(t *testing.T) {
	server := NewServer(NewEnv(clock.RealClock{}, "123456789012", 1), restful())
	for name, tc := range map[string]struct {
		method, path, body string
		status             int
		answer             string
	}{
		"members of path, query and body": {http.MethodPut, "/things/a?kind=b", `{"size":3}`, http.StatusOK, `{"id":"a","size":3,"kind":"b"}`},
		"an escaped slash in a segment":   {http.MethodPut, "/things/arn%2Fx", "", http.StatusOK, `{"id":"arn/x","size":0,"kind":""}`},
		"another method":                  {http.MethodGet, "/things/a", "", http.StatusBadRequest, "UnknownOperationException"},
		"a longer path":                   {http.MethodPut, "/things/a/b", "", http.StatusBadRequest, "UnknownOperationException"},
		"a member that is not modelled":   {http.MethodPut, "/things/a?colour=red", "", http.StatusBadRequest, "SerializationException"},
		"a body that is no JSON":          {http.MethodPut, "/things/a", "size=3", http.StatusBadRequest, "SerializationException"},
	} {
		t.Run(name, func(t *testing.T) {
			g := NewWithT(t)
			request := httptest.NewRequest(tc.method, tc.path, strings.NewReader(tc.body))
			request.Header.Set("Authorization", "AWS4-HMAC-SHA256 Credential=KEY/20250101/eu-west-1/shop/aws4_request")
			answer := httptest.NewRecorder()
			server.ServeHTTP(answer, request)
			g.Expect(answer.Code).To(Equal(tc.status))
			g.Expect(answer.Body.String()).To(ContainSubstring(tc.answer))
			g.Expect(answer.Header().Get("Content-Type")).To(Equal("application/json"))
		})
	}
	NewWithT(t).Expect(server.Answers()).To(Equal(map[Answer]int{
		{AccessKey: "KEY", Service: "shop", Action: "PutThing"}:                                 2,
		{AccessKey: "KEY", Service: "shop", Action: "PutThing", Code: "SerializationException"}: 1,
	}))
}
