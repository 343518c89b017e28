package clusterinfo

import (
	"encoding/pem"
	"errors"

	"net/http/httptest"
	"os"
	"testing"

	. "github.com/onsi/gomega"

	"github.com/karpenter-kubeadm/karpenter-provider-aws/pkg/cluster"
)

func TestProbe(t *testing.T) {
	server := httptest.NewTLSServer(nil)
	t.Cleanup(server.Close)
	endpoint := server.Listener.Addr().String()
	ca := pem.EncodeToMemory(&pem.Block{Type: "CERTIFICATE", Bytes: server.Certificate().Raw})
	foreign, err := os.ReadFile("../../join/testdata/ca.pem")
	NewWithT(t).Expect(err).NotTo(HaveOccurred())

	var unreachable *UnreachableError
	var untrusted *UntrustedError
	for name, tc := range map[string]struct {
		known cluster.Cluster
		as    any // what the error has to be, nil for none
	}{
		"the API server":                {cluster.Cluster{Endpoint: endpoint, CA: ca}, nil},
		"one of two CAs":                {cluster.Cluster{Endpoint: endpoint, CA: append(foreign, ca...)}, nil},
		"another CA's":                  {cluster.Cluster{Endpoint: endpoint, CA: foreign}, &untrusted},
		"no CA":                         {cluster.Cluster{Endpoint: endpoint}, &untrusted},
		"nobody listens at the address": {cluster.Cluster{Endpoint: "127.255.255.254:6443", CA: ca}, &unreachable},
	} {
		t.Run(name, func(t *testing.T) {
			g := NewWithT(t)
			err := probe(t.Context(), tc.known)
			if tc.as == nil {
				g.Expect(err).NotTo(HaveOccurred())
				return
			}
			g.Expect(errors.As(err, tc.as)).To(BeTrue(), "%v", err)
			g.Expect(err).To(MatchError(ContainSubstring(tc.known.Endpoint)))
		})
	}
}
