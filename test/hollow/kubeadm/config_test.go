package kubeadm

import (
	"bytes"
	"strings"
	"testing"
	"time"

	. "github.com/onsi/gomega"
)

func TestParseFlags(t *testing.T) {
	for name, tc := range map[string]struct {
		args string
		want OmegaMatcher
		err  OmegaMatcher
	}{
		"endpoint anywhere": {args: "--token a.b 10.0.0.1:6443 --v 5", want: And(field(func(x flags) any { return x.endpoint }, "10.0.0.1:6443"), field(func(x flags) any { return x.token }, "a.b")), err: BeNil()},
		"pins add up":       {args: "x:1 --discovery-token-ca-cert-hash a --discovery-token-ca-cert-hash b,c", want: field(func(x flags) any { return x.hashes }, []string{"a", "b", "c"}), err: BeNil()},
		"equals sign":       {args: "x:1 --discovery-token-unsafe-skip-ca-verification=true", want: field(func(x flags) any { return x.skipCA }, true), err: BeNil()},
		"two endpoints":     {args: "x:1 y:1", want: Not(BeNil()), err: MatchError(ContainSubstring("at most 1 arg"))},
		"unknown":           {args: "--cni cilium", want: Not(BeNil()), err: MatchError("unknown flag: --cni")},
		"config and token":  {args: "--config /x --token a.b", want: Not(BeNil()), err: MatchError("can not mix '--config' with arguments [token]")},
		"config and name":   {args: "--config /x --node-name n --v=1", want: field(func(x flags) any { return x.nodeName }, "n"), err: BeNil()},
	} {
		t.Run(name, func(t *testing.T) {
			g := NewWithT(t)
			f, err := parseFlags(strings.Fields(tc.args))
			g.Expect(err).To(tc.err)
			g.Expect(f).To(tc.want)
		})
	}
}

func TestDecode(t *testing.T) {
	for name, tc := range map[string]struct {
		text     string
		want     OmegaMatcher
		warnings OmegaMatcher
		err      OmegaMatcher
	}{
		"beside another document": {
			text: "kind: ClusterConfiguration\n---\napiVersion: kubeadm.k8s.io/v1beta4\nkind: JoinConfiguration\nnodeRegistration: {kubeletExtraArgs: [{name: v, value: '2'}, {name: v, value: '3'}]}\n",
			want: HaveField("NodeRegistration.KubeletExtraArgs", []arg{{"v", "2"}, {"v", "3"}}), warnings: BeEmpty(), err: BeNil()},
		"older arguments are a map": {
			text: "apiVersion: kubeadm.k8s.io/v1beta3\nkind: JoinConfiguration\nnodeRegistration: {kubeletExtraArgs: {b: '2', a: '1'}}\ndiscovery: {timeout: 30s}\n",
			want: And(HaveField("NodeRegistration.KubeletExtraArgs", []arg{{"a", "1"}, {"b", "2"}}), HaveField("Timeouts.Discovery.Duration", 30*time.Second), HaveField("Timeouts.TLSBootstrap", BeNil())), warnings: BeEmpty(), err: BeNil()},
		"unknown field is warned of": {
			text: "apiVersion: kubeadm.k8s.io/v1beta4\nkind: JoinConfiguration\ncaCertPath: /x.crt\nnodeName: n\n",
			want: HaveField("CACertPath", "/x.crt"), warnings: ContainSubstring(`unknown field "nodeName"`), err: BeNil()},
		"wrong type": {
			text: "apiVersion: kubeadm.k8s.io/v1beta4\nkind: JoinConfiguration\nnodeRegistration: {kubeletExtraArgs: {a: b}}\n",
			want: Not(BeNil()), warnings: Not(BeEmpty()), err: HaveOccurred()},
		"version that is gone": {text: "apiVersion: kubeadm.k8s.io/v1beta2\nkind: JoinConfiguration\n", want: BeNil(), warnings: BeEmpty(), err: MatchError(ContainSubstring("v1beta2"))},
		"nothing":              {text: "kind: InitConfiguration\n", want: BeNil(), warnings: BeEmpty(), err: MatchError(ContainSubstring("no JoinConfiguration"))},
		"not YAML":             {text: "a: [", want: BeNil(), warnings: BeEmpty(), err: HaveOccurred()},
	} {
		t.Run(name, func(t *testing.T) {
			g := NewWithT(t)
			var warnings bytes.Buffer
			c, err := decode([]byte(tc.text), &warnings)
			g.Expect(err).To(tc.err)
			g.Expect(c).To(tc.want)
			g.Expect(warnings.String()).To(tc.warnings)
		})
	}
}

func TestParsePins(t *testing.T) {
	sum := strings.Repeat("ab", 32)
	for name, tc := range map[string]struct {
		hash string
		err  OmegaMatcher
	}{
		"right":       {"sha256:" + sum, BeNil()},
		"upper case":  {"SHA256:" + strings.ToUpper(sum), BeNil()},
		"no format":   {sum, MatchError(ContainSubstring("invalid hash"))},
		"other kind":  {"md5:" + sum, MatchError(ContainSubstring("unknown hash format"))},
		"too short":   {"sha256:abcd", MatchError(ContainSubstring("expected hash of length 32"))},
		"placeholder": {"sha256:${CA_CERT_HASH}", MatchError(ContainSubstring("expected hash of length 32"))},
	} {
		t.Run(name, func(t *testing.T) {
			g := NewWithT(t)
			pins, err := parsePins([]string{tc.hash})
			g.Expect(err).To(tc.err)
			if err == nil {
				g.Expect(pins).To(Equal([]string{sum}))
			}
		})
	}
}

func TestApplyFile(t *testing.T) {
	document := "apiVersion: kubelet.config.k8s.io/v1beta1\nclusterDNS: [10.96.0.10]\nevictionHard: {a: b}\nkind: KubeletConfiguration\nmaxPods: 110\n"
	for name, tc := range map[string]struct {
		kind, patch string
		want        OmegaMatcher
		err         OmegaMatcher
	}{
		"strategic by default":  {patch: "maxPods: 29\nevictionHard: {c: d}\n", want: And(ContainSubstring("maxPods: 29"), ContainSubstring("a: b"), ContainSubstring("c: d")), err: BeNil()},
		"merge":                 {kind: "merge", patch: "clusterDNS: null\n", want: Not(ContainSubstring("clusterDNS")), err: BeNil()},
		"json":                  {kind: "json", patch: "- {op: replace, path: /maxPods, value: 7}\n", want: ContainSubstring("maxPods: 7"), err: BeNil()},
		"two documents":         {patch: "maxPods: 1\n---\nmaxPods: 2\n", want: ContainSubstring("maxPods: 2"), err: BeNil()},
		"json of what is not":   {kind: "json", patch: "- {op: remove, path: /nope}\n", want: BeEmpty(), err: HaveOccurred()},
		"patch that is no YAML": {patch: "a: [", want: BeEmpty(), err: HaveOccurred()},
	} {
		t.Run(name, func(t *testing.T) {
			g := NewWithT(t)
			out, err := applyFile([]byte(document), []byte(tc.patch), tc.kind)
			g.Expect(err).To(tc.err)
			g.Expect(string(out)).To(tc.want)
		})
	}
}

func TestPatchName(t *testing.T) {
	for name, kind := range map[string]string{
		"kubeletconfiguration.yaml": "", "kubeletconfiguration0.json": "", "kubeletconfiguration1+merge.yaml": "merge",
		"kubeletconfiguration-x+json.yaml": "json", "kubeletconfiguration+strategic.yaml": "strategic",
	} {
		NewWithT(t).Expect(patchName.FindStringSubmatch(name)).To(HaveExactElements(name, Not(BeNil()), Not(BeNil()), kind, Not(BeEmpty())))
	}
	for _, name := range []string{"etcd.yaml", "kubeletconfiguration.txt", "x-kubeletconfiguration.yaml"} {
		NewWithT(t).Expect(patchName.MatchString(name)).To(BeFalse(), name)
	}
}

// field matches what get returns with want, a matcher or a value.
func field[T any](get func(T) any, want any) OmegaMatcher {
	matcher, ok := want.(OmegaMatcher)
	if !ok {
		matcher = Equal(want)
	}
	return WithTransform(get, matcher)
}
