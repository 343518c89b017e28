package eks_test

import (
	"encoding/base64"
	"encoding/json"
	"net/http"
	"net/http/httptest"
	"testing"

	. "github.com/onsi/gomega"
	"k8s.io/utils/clock"

	"github.com/karpenter-kubeadm/karpenter-provider-aws/test/awsfake/eks"
	"github.com/karpenter-kubeadm/karpenter-provider-aws/test/awsfake/wire"
	"github.com/karpenter-kubeadm/karpenter-provider-aws/test/awsfake/wire/wiretest"
)

// get asks as the SDK does, which is no dependency of ours for EKS.
func get(t *testing.T, server http.Handler, region, path string) (int, map[string]any) {
	t.Helper()
	request := httptest.NewRequestWithContext(t.Context(), http.MethodGet, path, http.NoBody)
	request.Header.Set("Authorization", "AWS4-HMAC-SHA256 Credential=KEY/20250101/"+region+"/eks/aws4_request")
	answer := httptest.NewRecorder()
	server.ServeHTTP(answer, request)
	var body map[string]any
	if err := json.Unmarshal(answer.Body.Bytes(), &body); err != nil {
		t.Fatal(err)
	}
	return answer.Code, body
}

func TestDescribeCluster(t *testing.T) {
	g := NewWithT(t)
	env := wiretest.Env(clock.RealClock{})
	world := eks.New(env)
	server := wire.NewServer(env, world.Service())
	arn := world.AddCluster("eu-west-1", eks.Cluster{Name: "seed", Endpoint: "https://127.0.0.1:6443", Version: "1.36", CA: []byte("pem"), ServiceCIDR: "10.96.0.0/12"})
	g.Expect(arn).To(Equal("arn:aws:eks:eu-west-1:123456789012:cluster/seed"))

	status, body := get(t, server, "eu-west-1", "/clusters/seed")
	g.Expect(status).To(Equal(http.StatusOK))
	g.Expect(body["cluster"]).To(And(
		HaveKeyWithValue("arn", arn), HaveKeyWithValue("endpoint", "https://127.0.0.1:6443"), HaveKeyWithValue("version", "1.36"), HaveKeyWithValue("status", "ACTIVE"),
		HaveKeyWithValue("certificateAuthority", HaveKeyWithValue("data", base64.StdEncoding.EncodeToString([]byte("pem")))),
		HaveKeyWithValue("kubernetesNetworkConfig", HaveKeyWithValue("serviceIpv4Cidr", "10.96.0.0/12")),
	))
}

func TestClustersThatAreNotThere(t *testing.T) {
	env := wiretest.Env(clock.RealClock{})
	world := eks.New(env)
	world.AddCluster("eu-west-1", eks.Cluster{Name: "seed"})
	server := wire.NewServer(env, world.Service())
	for name, tc := range map[string]struct{ region, path string }{
		"of another name":   {"eu-west-1", "/clusters/kubernetes"},
		"of another region": {"us-east-1", "/clusters/seed"},
	} {
		t.Run(name, func(t *testing.T) {
			g := NewWithT(t)
			status, body := get(t, server, tc.region, tc.path)
			g.Expect(status).To(Equal(http.StatusNotFound))
			g.Expect(body).To(HaveKeyWithValue("__type", "com.amazonaws.eks#ResourceNotFoundException"))
		})
	}
}
