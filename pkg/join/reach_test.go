package join_test

import (
	"encoding/pem"
	"io"
	"log"
	"net/http"
	"net/http/httptest"
	"strings"
	"testing"
	"time"

	. "github.com/onsi/gomega"

	"github.com/karpenter-kubeadm/karpenter-provider-aws/pkg/join"
)

// served is s with an API server that answers, by a certificate that s's CA vouches for. It
// takes s's token alone, as one without anonymous requests does.
func served(t *testing.T, s join.Spec) join.Spec {
	t.Helper()
	server := httptest.NewUnstartedServer(http.HandlerFunc(func(w http.ResponseWriter, r *http.Request) {
		if r.Header.Get("Authorization") != "Bearer abcdef."+secret {
			w.WriteHeader(http.StatusUnauthorized)
		}
	}))
	server.Config.ErrorLog = log.New(io.Discard, "", 0)
	server.StartTLS()
	t.Cleanup(server.Close)
	s.Cluster.Endpoint = strings.TrimPrefix(server.URL, "https://")
	s.Cluster.CA = pem.EncodeToMemory(&pem.Block{Type: "CERTIFICATE", Bytes: server.Certificate().Raw})
	return s
}

// What keeps a machine from the API server is on its console before kubeadm has given up once.
func TestReachTellsWhatIsWrong(t *testing.T) {
	for name, tc := range map[string]struct {
		change func(*join.Spec)
		behind time.Duration
		want   string
	}{
		"nothing":               {func(*join.Spec) {}, 0, "karpenter-join phase=reach result=ok"},
		"the CA is another's":   {func(s *join.Spec) { s.Cluster.CA = read(t, "ca.pem") }, 0, "curl: (60) SSL certificate problem: unable to get local issuer certificate"},
		"nobody listens":        {func(s *join.Spec) { s.Cluster.Endpoint = "127.0.0.1:1" }, 0, "phase=reach result=error exit=7 clock="},
		"nothing comes back":    {func(s *join.Spec) { s.Cluster.Endpoint = "10.255.255.1:6443" }, 0, "curl: (28) Connection timed out"},
		"the name is not known": {func(s *join.Spec) { s.Cluster.Endpoint = "api.invalid:6443" }, 0, "curl: (6) Could not resolve host"},
		"the clock is behind":   {func(*join.Spec) {}, 100 * 365 * 24 * time.Hour, "SSL certificate problem: certificate is not yet valid"},
	} {
		t.Run(name, func(t *testing.T) {
			t.Parallel()
			g := NewWithT(t)
			s := served(t, goldens(t)["ubuntu/1.36"])
			tc.change(&s)
			b := boot(t, s, image{name: stock, baked: "1.36.3", behind: tc.behind})
			var said []string
			for _, phase := range phases(b.Console.Text()) {
				if strings.Contains(phase, "phase=reach") {
					said = append(said, phase)
				}
			}
			g.Expect(said).To(ConsistOf(ContainSubstring(tc.want)), "once, whatever the number of attempts")
			g.Expect(b.joins).To(HaveLen(1), "kubeadm tries all the same")
		})
	}
}

// A token that is not taken is told of, and not shown.
func TestATokenThatIsNotTakenIsToldOf(t *testing.T) {
	g := NewWithT(t)
	lost := served(t, goldens(t)["ubuntu/1.36"])
	lost.Token.Secret = "fedcba9876543210"
	b := boot(t, lost, image{name: stock, baked: "1.36.3"})
	g.Expect(phases(b.Console.Text())).To(ContainElement("karpenter-join phase=credentials result=error http=401"))
	g.Expect(b.Console.Text()).NotTo(ContainSubstring(lost.Token.Secret))
	g.Expect(b.joins).To(HaveLen(1), "kubeadm tries all the same")
}
