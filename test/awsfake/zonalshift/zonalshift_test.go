package zonalshift_test

import (
	"encoding/json"
	"net/http"
	"net/http/httptest"
	"net/url"
	"testing"
	"time"

	. "github.com/onsi/gomega"
	clocktesting "k8s.io/utils/clock/testing"

	"github.com/karpenter-kubeadm/karpenter-provider-aws/test/awsfake/wire"
	"github.com/karpenter-kubeadm/karpenter-provider-aws/test/awsfake/wire/wiretest"
	"github.com/karpenter-kubeadm/karpenter-provider-aws/test/awsfake/zonalshift"
)

const cluster = "arn:aws:eks:eu-west-1:123456789012:cluster/seed"

// shifted returns the zones that traffic is shifted away from.
func shifted(t *testing.T, server http.Handler, arn string) (int, []string) {
	t.Helper()
	request := httptest.NewRequestWithContext(t.Context(), http.MethodGet, "/managedresources/"+url.PathEscape(arn), http.NoBody)
	request.Header.Set("Authorization", "AWS4-HMAC-SHA256 Credential=KEY/20250101/eu-west-1/arc-zonal-shift/aws4_request")
	answer := httptest.NewRecorder()
	server.ServeHTTP(answer, request)
	var body struct {
		ZonalShifts []struct{ AwayFrom string }
	}
	if err := json.Unmarshal(answer.Body.Bytes(), &body); err != nil {
		t.Fatal(err)
	}
	var zones []string
	for _, s := range body.ZonalShifts {
		zones = append(zones, s.AwayFrom)
	}
	return answer.Code, zones
}

func TestShiftsLastAsLongAsTheyWereStartedFor(t *testing.T) {
	g := NewWithT(t)
	clock := clocktesting.NewFakeClock(time.Date(2025, 1, 1, 0, 0, 0, 0, time.UTC))
	env := wiretest.Env(clock)
	world := zonalshift.New(env)
	server := wire.NewServer(env, world.Service())

	status, _ := shifted(t, server, cluster)
	g.Expect(status).To(Equal(http.StatusNotFound), "not registered")
	world.Register(cluster)
	status, zones := shifted(t, server, cluster)
	g.Expect(status).To(Equal(http.StatusOK))
	g.Expect(zones).To(BeEmpty())
	world.Shift(cluster, "euw1-az1", time.Hour)
	_, zones = shifted(t, server, cluster)
	g.Expect(zones).To(Equal([]string{"euw1-az1"}))
	clock.Step(time.Hour)
	_, zones = shifted(t, server, cluster)
	g.Expect(zones).To(BeEmpty())
}
