package token

import (
	"encoding/json"
	"io"
	"net/http"
	"net/http/httptest"
	"strings"
	"sync/atomic"
	"testing"
	"time"

	. "github.com/onsi/gomega"
	corev1 "k8s.io/api/core/v1"
	metav1 "k8s.io/apimachinery/pkg/apis/meta/v1"
	"k8s.io/client-go/rest"
	"k8s.io/utils/clock"
)

// TestARequestThatIsNotAnswered has each request of an attempt hang, or be put off by a server
// that is busy: no attempt takes longer than a request may, and none takes a token whose
// server is silent for dead.
func TestARequestThatIsNotAnswered(t *testing.T) {
	for request, path := range map[string]string{
		"for the state":        "/secrets/" + StateSecret,
		"that uses the token":  "/selfsubjectreviews",
		"that makes the token": "/namespaces/kube-system/secrets",
	} {
		for how, silent := range map[string]http.HandlerFunc{
			"hangs": func(_ http.ResponseWriter, r *http.Request) {
				_, _ = io.Copy(io.Discard, r.Body) // a server sees that a client has left once it has read all
				<-r.Context().Done()
			},
			"is put off": func(w http.ResponseWriter, _ *http.Request) {
				w.Header().Set("Retry-After", "1")
				w.WriteHeader(http.StatusTooManyRequests)
			},
		} {
			t.Run("a request "+request+" "+how, func(t *testing.T) {
				t.Parallel()
				g := NewWithT(t)
				var deleted atomic.Bool
				server := httptest.NewServer(http.HandlerFunc(func(w http.ResponseWriter, r *http.Request) {
					if r.Method == http.MethodDelete {
						deleted.Store(true)
					}
					if strings.HasSuffix(r.URL.Path, path) {
						silent(w, r)
						return
					}
					answer(w, r)
				}))
				defer server.Close()
				p, err := New(&rest.Config{Host: server.URL}, Options{Namespace: home, RequestTimeout: 200 * time.Millisecond}, clock.RealClock{})
				g.Expect(err).NotTo(HaveOccurred())
				begun := time.Now()
				_, err = p.Current(t.Context())
				g.Expect(err).To(MatchError(errNoAnswer))
				g.Expect(time.Since(begun)).To(BeNumerically("<", 5*time.Second))
				g.Expect(deleted.Load()).To(BeFalse(), "that nobody answers proves nothing of the token")
			})
		}
	}
}

// answer is an API server that has no state yet, takes what it is given and knows no token.
func answer(w http.ResponseWriter, r *http.Request) {
	w.Header().Set("Content-Type", "application/json")
	var body any = metav1.Status{Status: metav1.StatusFailure, Reason: metav1.StatusReasonNotFound, Code: http.StatusNotFound}
	code := http.StatusNotFound
	switch {
	case strings.HasSuffix(r.URL.Path, "/selfsubjectreviews"):
		code, body = http.StatusUnauthorized, metav1.Status{Status: metav1.StatusFailure, Reason: metav1.StatusReasonUnauthorized, Code: http.StatusUnauthorized}
	case r.Method == http.MethodPost:
		code, body = http.StatusCreated, corev1.Secret{TypeMeta: metav1.TypeMeta{APIVersion: "v1", Kind: "Secret"}}
	}
	w.WriteHeader(code)
	_ = json.NewEncoder(w).Encode(body)
}
