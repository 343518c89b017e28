package clusterinfo

import (
	"encoding/base64"
	"os"
	"testing"

	. "github.com/onsi/gomega"
	"github.com/onsi/gomega/types"

	"github.com/karpenter-kubeadm/karpenter-provider-aws/pkg/cluster"
)

func TestParseKubeadmConfig(t *testing.T) {
	for name, tc := range map[string]struct {
		text     string
		external bool
		version  cluster.Version
		err      types.GomegaMatcher
	}{
		"v1beta4 with arguments as a list": {
			text: "apiVersion: kubeadm.k8s.io/v1beta4\nkind: ClusterConfiguration\nkubernetesVersion: v1.36.3\n" +
				"controllerManager:\n  extraArgs:\n  - name: bind-address\n    value: 0.0.0.0\n  - name: cloud-provider\n    value: external\n",
			external: true, version: cluster.Version{Major: 1, Minor: 36, Patch: 3}, err: BeNil(),
		},
		"v1beta3 with arguments as a map": {
			text: "apiVersion: kubeadm.k8s.io/v1beta3\nkind: ClusterConfiguration\nkubernetesVersion: v1.30.1\n" +
				"apiServer:\n  extraArgs:\n    cloud-provider: external\ncontrollerManager: {}\n",
			external: true, version: cluster.Version{Major: 1, Minor: 30, Patch: 1}, err: BeNil(),
		},
		"stock": {
			text:    "apiVersion: kubeadm.k8s.io/v1beta4\nkind: ClusterConfiguration\nkubernetesVersion: v1.36.3\napiServer: {}\n",
			version: cluster.Version{Major: 1, Minor: 36, Patch: 3}, err: BeNil(),
		},
		"a version that is a label": {text: "kind: ClusterConfiguration\nkubernetesVersion: stable-1\n", err: BeNil()},
		"another kind":              {text: "kind: InitConfiguration\n", err: MatchError(ContainSubstring(`"InitConfiguration"`))},
		"no YAML":                   {text: "\t", err: MatchError(ContainSubstring("parsing kubeadm-config"))},
		"arguments that are neither": {
			text: "kind: ClusterConfiguration\napiServer:\n  extraArgs: 1\n",
			err:  MatchError(ContainSubstring("neither a list nor a map")),
		},
	} {
		t.Run(name, func(t *testing.T) {
			g := NewWithT(t)
			got, err := parseKubeadmConfig(tc.text)
			g.Expect(err).To(tc.err)
			if err != nil {
				return
			}
			g.Expect(got.present).To(BeTrue())
			g.Expect(got.external()).To(Equal(tc.external))
			g.Expect(got.version).To(Equal(tc.version))
		})
	}
}

func TestOptions(t *testing.T) {
	ca := testCA(t)
	for name, tc := range map[string]struct {
		in   Options
		want overrides
		err  types.GomegaMatcher
	}{
		"none":                      {err: BeNil()},
		"endpoint is host:port":     {in: Options{Endpoint: "https://api.example.com"}, want: overrides{endpoint: "api.example.com:443"}, err: BeNil()},
		"bundle as PEM":             {in: Options{CABundle: string(ca)}, want: overrides{ca: ca}, err: BeNil()},
		"bundle as the flag has it": {in: Options{CABundle: base64.StdEncoding.EncodeToString(ca) + "\n"}, want: overrides{ca: ca}, err: BeNil()},
		"all faults at once": {
			in:  Options{Mode: "rke", CloudProvider: "aws", PodNetwork: "calico", Endpoint: "10.0.0.1:6443", CABundle: "!"},
			err: MatchError(And(ContainSubstring(`"rke"`), ContainSubstring(`"aws"`), ContainSubstring(`"calico"`), ContainSubstring("absolute URL"), ContainSubstring("neither PEM nor base64"))),
		},
		"a bundle without certificate": {
			in:  Options{CABundle: base64.StdEncoding.EncodeToString([]byte("hello"))},
			err: MatchError(ContainSubstring("no certificate")),
		},
	} {
		t.Run(name, func(t *testing.T) {
			g := NewWithT(t)
			got, err := tc.in.parse()
			g.Expect(err).To(tc.err)
			if err == nil {
				g.Expect(got).To(Equal(tc.want))
			}
		})
	}
}

func TestParseClusterInfo(t *testing.T) {
	for name, tc := range map[string]struct {
		text, want string
		err        types.GomegaMatcher
	}{
		"as kubeadm writes it": {"clusters:\n- cluster: {server: 'https://10.0.0.1:6443'}\n  name: \"\"\n", "10.0.0.1:6443", BeNil()},
		"no cluster":           {"clusters: []\n", "", MatchError(ContainSubstring("names no cluster"))},
		"no URL":               {"clusters:\n- cluster: {server: '10.0.0.1'}\n", "", MatchError(ContainSubstring("server in cluster-info"))},
		"no kubeconfig":        {"[", "", MatchError(ContainSubstring("parsing kubeconfig"))},
	} {
		t.Run(name, func(t *testing.T) {
			g := NewWithT(t)
			got, err := parseClusterInfo(tc.text)
			g.Expect(err).To(tc.err)
			g.Expect(got.endpoint).To(Equal(tc.want))
		})
	}
}

func testCA(t *testing.T) []byte {
	t.Helper()
	ca, err := os.ReadFile("../../join/testdata/ca.pem")
	if err != nil {
		t.Fatal(err)
	}
	return ca
}
