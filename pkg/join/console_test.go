package join_test

import (
	"strings"
	"testing"

	. "github.com/onsi/gomega"

	"github.com/karpenter-kubeadm/karpenter-provider-aws/pkg/join"
)

func TestScrub(t *testing.T) {
	key := strings.Repeat("0f", 32)
	for name, tc := range map[string]struct{ in, want string }{
		"a token that a script traced":     {"+ kubeadm join 10.0.0.1:6443 --token abcdef.0123456789abcdef --v=5", "+ kubeadm join 10.0.0.1:6443 --token <redacted> --v=5"},
		"a token in a variable":            {"+ BOOTSTRAP_TOKEN=abcdef.0123456789abcdef", "+ BOOTSTRAP_TOKEN=<redacted>"},
		"two tokens in one line":           {"abcdef.0123456789abcdef,ghijkl.0123456789abcdef", "<redacted>,<redacted>"},
		"a certificate key":                {"--certificate-key " + key, "--certificate-key <redacted>"},
		"a private key":                    {"a\n-----BEGIN EC PRIVATE KEY-----\nMHc\n-----END EC PRIVATE KEY-----\nb", "a\n<redacted>\nb"},
		"a private key that is cut off":    {"a\n-----BEGIN PRIVATE KEY-----\nMHc", "a\n<redacted>"},
		"a key in a kubeconfig":            {"    client-key-data: LS0tLS1CRUdJTg==", "    client-key-data: <redacted>"},
		"a bearer":                         {"Authorization: Bearer eyJhbGciOi", "Authorization: Bearer <redacted>"},
		"a password of the user's":         {`DB_PASSWORD="hunter2"`, `DB_PASSWORD=<redacted>"`},
		"what kubeadm says of a token":     {`JWS signature in the cluster-info ConfigMap for token ID "abcdef"`, `JWS signature in the cluster-info ConfigMap for token ID "abcdef"`},
		"a phase, an address and a length": {"karpenter-join phase=join result=error exit=1 10.0.1.23:6443", "karpenter-join phase=join result=error exit=1 10.0.1.23:6443"},
	} {
		t.Run(name, func(t *testing.T) {
			NewWithT(t).Expect(join.Scrub(tc.in)).To(Equal(tc.want))
		})
	}
}

func TestProgress(t *testing.T) {
	for name, tc := range map[string]struct {
		in   string
		want []string
	}{
		"nothing was written":     {"", nil},
		"nothing that tells":      {"[    0.000000] Linux version 6.8\n", nil},
		"behind what others add":  {"[   12.1] cloud-init[801]: karpenter-join phase=kernel result=ok\r\n", []string{"karpenter-join phase=kernel result=ok"}},
		"why kubeadm gave up":     {"error execution phase preflight: couldn't validate the identity of the API Server: x\n", []string{"error execution phase preflight: couldn't validate the identity of the API Server: x"}},
		"what preflight found":    {"\t[ERROR FileContent--proc-sys-net-ipv4-ip_forward]: not 1\n", []string{"[ERROR FileContent--proc-sys-net-ipv4-ip_forward]: not 1"}},
		"escapes of a terminal":   {"karpenter-join phase=join result=error \x1b[31mexit=1\n", []string{"karpenter-join phase=join result=error [31mexit=1"}},
		"a repeated line is once": {"karpenter-join phase=a result=ok\nkarpenter-join phase=b result=ok\nkarpenter-join phase=a result=ok\n", []string{"karpenter-join phase=b result=ok", "karpenter-join phase=a result=ok"}},
		"the last ones": {
			"karpenter-join phase=a result=ok\nkarpenter-join phase=b result=ok\nkarpenter-join phase=c result=ok\nkarpenter-join phase=d result=ok\nkarpenter-join phase=e result=error",
			[]string{"karpenter-join phase=b result=ok", "karpenter-join phase=c result=ok", "karpenter-join phase=d result=ok", "karpenter-join phase=e result=error"},
		},
		"a phase that failed, then succeeded": {
			"karpenter-join phase=reach result=error exit=7\nkarpenter-join phase=kernel result=ok\nkarpenter-join phase=reach result=ok\n",
			[]string{"karpenter-join phase=kernel result=ok", "karpenter-join phase=reach result=ok"},
		},
		"a failure that others were done after": {
			"karpenter-join phase=reach result=error exit=7\nkarpenter-join phase=a result=ok\nkarpenter-join phase=b result=ok\nkarpenter-join phase=c result=ok\nkarpenter-join phase=d result=ok",
			[]string{"karpenter-join phase=reach result=error exit=7", "karpenter-join phase=b result=ok", "karpenter-join phase=c result=ok", "karpenter-join phase=d result=ok"},
		},
		"attempts": {
			"karpenter-join phase=join result=error attempt=1\nkarpenter-join phase=join result=error attempt=2\n",
			[]string{"karpenter-join phase=join result=error attempt=2"},
		},
		"a line without end": {"karpenter-join phase=a result=ok " + strings.Repeat("x", 500), []string{"karpenter-join phase=a result=ok " + strings.Repeat("x", 167) + "..."}},
	} {
		t.Run(name, func(t *testing.T) {
			got := join.Progress(tc.in)
			if tc.want == nil {
				NewWithT(t).Expect(got).To(BeEmpty())
				return
			}
			NewWithT(t).Expect(got).To(Equal(tc.want))
		})
	}
}

func TestFirstFailure(t *testing.T) {
	for name, tc := range map[string]struct {
		in   []string
		want join.Failure
	}{
		"nothing failed":                 {[]string{"karpenter-join phase=a result=ok", "[ERROR Swap]: on"}, join.Failure{}},
		"what failed first is the cause": {[]string{"karpenter-join phase=reach result=error exit=7 clock=x", "karpenter-join phase=join result=error exit=1"}, join.Failure{Phase: "reach", Detail: "exit=7 clock=x"}},
		"without a detail":               {[]string{"karpenter-join phase=a result=ok", "karpenter-join phase=b result=error"}, join.Failure{Phase: "b"}},
	} {
		t.Run(name, func(t *testing.T) {
			got, failed := join.FirstFailure(tc.in)
			NewWithT(t).Expect(got).To(Equal(tc.want))
			NewWithT(t).Expect(failed).To(Equal(tc.want != join.Failure{}))
		})
	}
}
