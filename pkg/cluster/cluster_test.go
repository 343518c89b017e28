package cluster_test

import (
	"crypto/ecdsa"
	"crypto/elliptic"
	"crypto/rand"
	"crypto/sha256"
	"crypto/x509"
	"encoding/hex"
	"encoding/pem"
	"math/big"
	"testing"
	"time"

	. "github.com/onsi/gomega"
	"github.com/onsi/gomega/types"

	"github.com/karpenter-kubeadm/karpenter-provider-aws/pkg/cluster"
)

func TestParseVersion(t *testing.T) {
	for name, tc := range map[string]struct {
		in   string
		want cluster.Version
		err  types.GomegaMatcher
	}{
		"as /version says it":        {"v1.36.3", cluster.Version{1, 36, 3}, BeNil()},
		"without v":                  {"1.9.11", cluster.Version{1, 9, 11}, BeNil()},
		"a build":                    {"v1.34.2+k3s1", cluster.Version{1, 34, 2}, BeNil()},
		"a candidate":                {"v1.37.0-rc.1", cluster.Version{1, 37, 0}, BeNil()},
		"a label, not a version":     {"stable-1", cluster.Version{}, MatchError(ContainSubstring(`"stable-1"`))},
		"no patch":                   {"v1.36", cluster.Version{}, MatchError(ContainSubstring("<patch>"))},
		"text after":                 {"v1.36.3 ", cluster.Version{}, HaveOccurred()},
		"numbers nobody could count": {"v1.99999999999999999999.1", cluster.Version{}, HaveOccurred()},
	} {
		t.Run(name, func(t *testing.T) {
			g := NewWithT(t)
			got, err := cluster.ParseVersion(tc.in)
			g.Expect(err).To(tc.err)
			g.Expect(got).To(Equal(tc.want))
		})
	}
}

func TestVersionsAreOrderedByNumber(t *testing.T) {
	g := NewWithT(t)
	v := func(minor, patch int) cluster.Version { return cluster.Version{Major: 1, Minor: minor, Patch: patch} }

	g.Expect(v(9, 0).Compare(v(10, 0))).To(BeNumerically("<", 0))
	g.Expect(v(36, 3).Compare(v(36, 3))).To(BeZero())
	g.Expect(v(36, 10).Compare(v(36, 9))).To(BeNumerically(">", 0))
	g.Expect(v(31, 0).AtLeast(1, 31)).To(BeTrue())
	g.Expect(v(30, 99).AtLeast(1, 31)).To(BeFalse())
	g.Expect(cluster.Version{Major: 2}.AtLeast(1, 31)).To(BeTrue())
	g.Expect(v(36, 3).MinorString()).To(Equal("1.36"))
}

func TestFloor(t *testing.T) {
	old, current, next := cluster.Version{1, 35, 9}, cluster.Version{1, 36, 3}, cluster.Version{1, 37, 0}
	start := time.Date(2026, 11, 24, 12, 0, 0, 0, time.UTC)
	type seen struct {
		version cluster.Version
		after   time.Duration
	}
	for name, tc := range map[string]struct {
		seen    []seen
		ceiling cluster.Version
		at      time.Duration
		want    cluster.Version
		known   bool
	}{
		"nothing is known":                          {},
		"only kubeadm-config is known":              {ceiling: current, want: current, known: true},
		"the lower of two servers":                  {seen: []seen{{current, 0}, {old, time.Minute}}, at: time.Minute, want: old, known: true},
		"in any order":                              {seen: []seen{{old, 0}, {current, time.Minute}}, at: time.Minute, want: old, known: true},
		"an upgraded server leaves the window":      {seen: []seen{{old, 0}, {current, time.Minute}}, at: 10 * time.Minute, want: current, known: true},
		"it counts up to the last moment":           {seen: []seen{{old, 0}, {current, time.Minute}}, at: 10*time.Minute - 1, want: old, known: true},
		"seeing it again keeps it":                  {seen: []seen{{old, 0}, {current, time.Minute}, {old, 2 * time.Minute}}, at: 11 * time.Minute, want: old, known: true},
		"never above kubeadm-config":                {seen: []seen{{next, 0}}, ceiling: current, want: current, known: true},
		"below kubeadm-config":                      {seen: []seen{{old, 0}}, ceiling: current, want: old, known: true},
		"all has left the window":                   {seen: []seen{{old, 0}}, at: time.Hour},
		"all has left, and kubeadm-config is known": {seen: []seen{{old, 0}}, ceiling: current, at: time.Hour, want: current, known: true},
	} {
		t.Run(name, func(t *testing.T) {
			g := NewWithT(t)
			var floor cluster.Floor
			for _, s := range tc.seen {
				floor = floor.Observe(s.version, start.Add(s.after))
			}
			got, known := floor.Lowest(start.Add(tc.at), tc.ceiling)
			g.Expect(known).To(Equal(tc.known))
			g.Expect(got).To(Equal(tc.want))
		})
	}
}

func TestEndpoints(t *testing.T) {
	for name, tc := range map[string]struct {
		parse func(string) (string, error)
		in    string
		want  string
		err   types.GomegaMatcher
	}{
		"a URL with port":          {cluster.ParseServerURL, "https://10.0.0.1:6443", "10.0.0.1:6443", BeNil()},
		"https has a port":         {cluster.ParseServerURL, "https://api.example.com", "api.example.com:443", BeNil()},
		"a slash is no path":       {cluster.ParseServerURL, "https://api.example.com/", "api.example.com:443", BeNil()},
		"IPv6":                     {cluster.ParseServerURL, "https://[fd00::1]:6443", "[fd00::1]:6443", BeNil()},
		"no scheme":                {cluster.ParseServerURL, "10.0.0.1:6443", "", MatchError(ContainSubstring("https://api.example.com:6443"))},
		"no TLS":                   {cluster.ParseServerURL, "http://10.0.0.1:6443", "", HaveOccurred()},
		"a path":                   {cluster.ParseServerURL, "https://rancher/k8s/clusters/c-1", "", MatchError(ContainSubstring("more than a host and a port"))},
		"nothing":                  {cluster.ParseServerURL, "", "", HaveOccurred()},
		"port out of range":        {cluster.ParseServerURL, "https://a:70000", "", MatchError(ContainSubstring("65535"))},
		"kubeadm with port":        {cluster.ParseControlPlaneEndpoint, "api.example.com:8443", "api.example.com:8443", BeNil()},
		"kubeadm's default port":   {cluster.ParseControlPlaneEndpoint, "api.example.com", "api.example.com:6443", BeNil()},
		"kubeadm with IPv6":        {cluster.ParseControlPlaneEndpoint, "[fd00::1]:6443", "[fd00::1]:6443", BeNil()},
		"kubeadm takes no URL":     {cluster.ParseControlPlaneEndpoint, "https://api.example.com", "", HaveOccurred()},
		"kubeadm without endpoint": {cluster.ParseControlPlaneEndpoint, "", "", HaveOccurred()},
	} {
		t.Run(name, func(t *testing.T) {
			g := NewWithT(t)
			got, err := tc.parse(tc.in)
			g.Expect(err).To(tc.err)
			g.Expect(got).To(Equal(tc.want))
		})
	}
}

func TestHost(t *testing.T) {
	g := NewWithT(t)
	g.Expect(cluster.Host("api.example.com:6443")).To(Equal("api.example.com"))
	g.Expect(cluster.Host("[fd00::1]:6443")).To(Equal("fd00::1"))
	g.Expect(cluster.Host("api.example.com")).To(Equal("api.example.com"))
}

func TestPins(t *testing.T) {
	g := NewWithT(t)
	first, firstPin := certificate(g, 1)
	second, secondPin := certificate(g, 2)
	key := pem.EncodeToMemory(&pem.Block{Type: "PRIVATE KEY", Bytes: []byte("not looked at")})

	g.Expect(cluster.Pins(append(append(first, key...), second...))).To(Equal([]string{firstPin, secondPin}))

	_, err := cluster.Pins(key)
	g.Expect(err).To(MatchError(ContainSubstring("no certificate")))
	_, err = cluster.Pins(pem.EncodeToMemory(&pem.Block{Type: "CERTIFICATE", Bytes: []byte("junk")}))
	g.Expect(err).To(MatchError(ContainSubstring("parsing CA certificate")))
}

// certificate returns a self-signed one and the pin of its key.
func certificate(g Gomega, serial int64) ([]byte, string) {
	key, err := ecdsa.GenerateKey(elliptic.P256(), rand.Reader)
	g.Expect(err).NotTo(HaveOccurred())
	template := &x509.Certificate{SerialNumber: big.NewInt(serial), IsCA: true, BasicConstraintsValid: true}
	der, err := x509.CreateCertificate(rand.Reader, template, template, key.Public(), key)
	g.Expect(err).NotTo(HaveOccurred())
	spki, err := x509.MarshalPKIXPublicKey(key.Public())
	g.Expect(err).NotTo(HaveOccurred())
	sum := sha256.Sum256(spki)
	return pem.EncodeToMemory(&pem.Block{Type: "CERTIFICATE", Bytes: der}), "sha256:" + hex.EncodeToString(sum[:])
}
