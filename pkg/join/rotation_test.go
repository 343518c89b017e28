package join_test

import (
	"bytes"
	"crypto/ecdsa"
	"crypto/elliptic"
	"crypto/rand"
	"crypto/x509"
	"encoding/base64"
	"encoding/pem"
	"math/big"
	"strings"
	"testing"

	. "github.com/onsi/gomega"

	"github.com/karpenter-kubeadm/karpenter-provider-aws/pkg/cluster"
	"github.com/karpenter-kubeadm/karpenter-provider-aws/pkg/join"
)

// While a cluster changes its CA, cluster-info holds the old and the new one, and the API
// server's certificate may be of either.
func TestBothCAsAreTrustedDuringARotation(t *testing.T) {
	g := NewWithT(t)
	key, err := ecdsa.GenerateKey(elliptic.P256(), rand.Reader)
	g.Expect(err).NotTo(HaveOccurred())
	template := &x509.Certificate{SerialNumber: big.NewInt(2), IsCA: true, BasicConstraintsValid: true}
	der, err := x509.CreateCertificate(rand.Reader, template, template, key.Public(), key)
	g.Expect(err).NotTo(HaveOccurred())
	both := bytes.Join([][]byte{read(t, "ca.pem"), pem.EncodeToMemory(&pem.Block{Type: "CERTIFICATE", Bytes: der})}, nil)
	pins, err := cluster.Pins(both)
	g.Expect(err).NotTo(HaveOccurred())
	g.Expect(pins).To(HaveLen(2))

	rendered, err := join.Render(spec(t, func(s *join.Spec) { s.Cluster.CA = both }))
	g.Expect(err).NotTo(HaveOccurred())
	g.Expect(string(rendered.Bytes())).To(ContainSubstring(base64.StdEncoding.EncodeToString(both)), "ours trusts the whole bundle")

	script := "#!/bin/sh\nkubeadm join ${CLUSTER_ENDPOINT}:6443 --token ${BOOTSTRAP_TOKEN} --discovery-token-ca-cert-hash sha256:${CA_CERT_HASH}\n"
	rendered, err = join.Render(spec(t, func(s *join.Spec) { s.Family, s.Cluster.CA, s.UserData = join.Custom, both, script }))
	g.Expect(err).NotTo(HaveOccurred())
	g.Expect(string(rendered.Bytes())).To(ContainSubstring(strings.TrimSpace("--discovery-token-ca-cert-hash "+pins[0])), "kubeadm wants one of cluster-info's CAs to match")
}
