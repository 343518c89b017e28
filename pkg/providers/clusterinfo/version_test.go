package clusterinfo

import (
	"context"
	"encoding/json"
	"encoding/pem"
	"net"
	"net/http"
	"net/http/httptest"
	"sync/atomic"
	"testing"
	"time"

	. "github.com/onsi/gomega"
	"k8s.io/client-go/rest"
	clocktesting "k8s.io/utils/clock/testing"

	"github.com/karpenter-kubeadm/karpenter-provider-aws/pkg/cluster"
)

// balanced answers /version as servers of several versions do behind a load balancer that
// chooses by connection.
func balanced(t *testing.T, versions ...string) *rest.Config {
	t.Helper()
	var connections atomic.Int64
	server := httptest.NewUnstartedServer(http.HandlerFunc(func(w http.ResponseWriter, r *http.Request) {
		if r.URL.Path != "/version" || r.Header.Get("Authorization") != "Bearer mine" {
			http.Error(w, "no", http.StatusForbidden)
			return
		}
		chosen := versions[int(connections.Load()-1)%len(versions)]
		if err := json.NewEncoder(w).Encode(map[string]string{"gitVersion": chosen}); err != nil {
			t.Error(err)
		}
	}))
	server.Config.ConnState = func(_ net.Conn, state http.ConnState) {
		if state == http.StateNew {
			connections.Add(1)
		}
	}
	server.StartTLS()
	t.Cleanup(server.Close)
	ca := pem.EncodeToMemory(&pem.Block{Type: "CERTIFICATE", Bytes: server.Certificate().Raw})
	return &rest.Config{Host: server.URL, BearerToken: "mine", TLSClientConfig: rest.TLSClientConfig{CAData: ca}}
}

func TestTheOldestAPIServerCounts(t *testing.T) {
	g := NewWithT(t)
	clock := clocktesting.NewFakeClock(time.Unix(1_800_000_000, 0))
	p, err := New(balanced(t, "v1.36.3", "v1.35.9", "v1.36.3"), Options{}, clock)
	g.Expect(err).NotTo(HaveOccurred())
	found := facts{version: cluster.Version{Major: 1, Minor: 36, Patch: 3}}

	resolved := func() string {
		c, err := p.resolve(found)
		g.Expect(err).NotTo(HaveOccurred())
		return c.Version.String()
	}
	g.Expect(p.poll(t.Context())).To(Succeed())
	g.Expect(resolved()).To(Equal("1.36.3"))
	g.Expect(p.poll(t.Context())).To(Succeed())
	g.Expect(resolved()).To(Equal("1.35.9"), "another connection, another server")

	clock.Step(cluster.FloorWindow)
	g.Expect(p.poll(t.Context())).To(Succeed())
	g.Expect(resolved()).To(Equal("1.36.3"))
}

func TestNoVersionIsAnError(t *testing.T) {
	g := NewWithT(t)
	config := balanced(t, "v1.36.3")
	config.BearerToken = "other"
	p, err := New(config, Options{}, clocktesting.NewFakeClock(time.Unix(1_800_000_000, 0)))
	g.Expect(err).NotTo(HaveOccurred())

	g.Expect(p.poll(t.Context())).To(MatchError(ContainSubstring("403")))
	_, err = p.resolve(facts{})
	g.Expect(err).To(MatchError(ContainSubstring("no API server has reported its version")))
}

func TestStartPollsVersionsInTheBackground(t *testing.T) {
	g := NewWithT(t)
	clock := clocktesting.NewFakeClock(time.Unix(1_800_000_000, 0))
	p, err := New(balanced(t, "v1.36.3", "v1.35.9"), Options{}, clock)
	g.Expect(err).NotTo(HaveOccurred())
	ctx, cancel := context.WithCancel(t.Context())
	done := make(chan error, 1)
	go func() { done <- p.Start(ctx) }()
	g.Expect(p.NeedLeaderElection()).To(BeFalse())

	lowest := func() string {
		g.Expect(clock.HasWaiters()).To(BeTrue())
		clock.Step(pollEvery)
		c, err := p.resolve(facts{version: cluster.Version{Major: 1, Minor: 36, Patch: 3}})
		g.Expect(err).NotTo(HaveOccurred())
		return c.Version.String()
	}
	g.Eventually(clock.HasWaiters).Should(BeTrue())
	g.Eventually(lowest).Should(Equal("1.35.9"))
	cancel()
	g.Eventually(done).Should(Receive(BeNil()))
}
