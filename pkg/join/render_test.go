package join_test

import (
	"compress/gzip"
	"encoding/json"
	"fmt"
	"maps"
	"os"
	"path/filepath"
	"strings"
	"testing"
	"time"

	. "github.com/onsi/gomega"
	corev1 "k8s.io/api/core/v1"
	"k8s.io/apimachinery/pkg/api/resource"

	"github.com/karpenter-kubeadm/karpenter-provider-aws/pkg/cluster"
	"github.com/karpenter-kubeadm/karpenter-provider-aws/pkg/join"
	"github.com/karpenter-kubeadm/karpenter-provider-aws/pkg/kubelet"
)

const secret = "0123456789abcdef"

// spec is a cluster as kubeadm makes it, and the NodeClaim of a small pool.
func spec(t *testing.T, change func(*join.Spec)) join.Spec {
	t.Helper()
	s := join.Spec{
		Family: join.Ubuntu,
		Cluster: cluster.Cluster{
			Mode:          cluster.Kubeadm,
			Name:          "demo",
			Endpoint:      "api.example.com:6443",
			CA:            read(t, "ca.pem"),
			Version:       cluster.Version{Major: 1, Minor: 36, Patch: 3},
			CloudProvider: cluster.None,
			Kubelet:       []byte("cgroupDriver: systemd\n"),
		},
		Token:  join.Token{ID: "abcdef", Secret: secret, Expires: time.Unix(0, 0)},
		Region: "ap-northeast-2",
		Sizes: kubelet.Sizes{
			MaxPods:      110,
			EvictionHard: map[string]string{"memory.available": "100Mi", "nodefs.available": "10%"},
		},
		Labels: map[string]string{
			"role":                                "worker",
			"karpenter.sh/nodepool":               "worker-scalable",
			"karpenter.sh/capacity-type":          "on-demand",
			"node.kubernetes.io/instance-type":    "t3.xlarge",
			"node-restriction.kubernetes.io/team": "ai",
		},
		Taints: []corev1.Taint{{Key: "workload", Value: "ai", Effect: corev1.TaintEffectNoSchedule}},
	}
	if change != nil {
		change(&s)
	}
	return s
}

func read(t *testing.T, name string) []byte {
	t.Helper()
	content, err := os.ReadFile(filepath.Join("testdata", name))
	if err != nil {
		t.Fatal(err)
	}
	return content
}

// goldens are the user data that are kept in testdata/golden, by file name: those of the
// matrix, <family>/<minor>, and what else is worth a look.
func goldens(t *testing.T) map[string]join.Spec {
	t.Helper()
	all := matrix(t)
	maps.Copy(all, map[string]join.Spec{
		"ubuntu/external-1.30": spec(t, func(s *join.Spec) {
			s.Cluster.Version = cluster.Version{Major: 1, Minor: 30, Patch: 14}
			s.Cluster.CloudProvider = cluster.External
			s.Region = "us-east-1"
			s.ResourceNaming = true
			s.InstanceStoreRAID0 = true
			s.Cluster.Kubelet = []byte("cgroupDriver: cgroupfs\n")
			s.Cluster.ImageRepository = "registry.example.com/kubernetes"
			s.Sizes.KubeReserved = corev1.ResourceList{corev1.ResourceCPU: resource.MustParse("80m")}
			s.Kubelet = []byte(`{"maxPods":20,"podsPerCore":10,"imageGCHighThresholdPercent":70,"imageGCLowThresholdPercent":60}`)
			s.UserData = "#cloud-config\nruncmd:\n- [touch, /etc/mine]\n"
		}),
		"ubuntu/everything":         spec(t, everything),
		"al2023/everything":         spec(t, func(s *join.Spec) { everything(s); s.Family = join.AL2023 }),
		"ubuntu/prepare-everything": spec(t, func(s *join.Spec) { everything(s); s.UserData = "#!/bin/sh\nkubeadm join --config /etc/mine.yaml\n" }),
		"ubuntu/prepare-seed-long-1.31": spec(t, func(s *join.Spec) {
			s.Cluster.Version, s.UserData = minor(31), string(read(t, "seed-long.sh"))
		}),
		"ubuntu/prepare-seed": spec(t, func(s *join.Spec) { s.UserData = string(read(t, "seed.sh")) }),
		"ubuntu/prepare-cloud-config": spec(t, func(s *join.Spec) {
			s.Cluster.CloudProvider = cluster.External
			s.Kubelet = []byte(`{"evictionSoft":{"memory.available":"200Mi"},"evictionSoftGracePeriod":{"memory.available":"1m"},"cpuCFSQuota":false,"clusterDNS":["10.96.0.10"]}`)
			s.UserData = "#cloud-config\nruncmd:\n- curl https://pkgs.k8s.io/ -o /dev/null\n" +
				"- [kubeadm, join, '${CLUSTER_ENDPOINT}:6443', --token, '${BOOTSTRAP_TOKEN}', --discovery-token-ca-cert-hash, 'sha256:${CA_CERT_HASH}']\n"
		}),
		"debian/prepare-sources": spec(t, func(s *join.Spec) {
			s.Family, s.UserData = join.Debian, string(read(t, "seed.sh"))
			s.Sources = elsewhere()
		}),
		"al2023/sources": spec(t, func(s *join.Spec) {
			s.Family, s.InstanceStoreRAID0 = join.AL2023, true
			s.Sources = elsewhere()
		}),
		"custom/seed": spec(t, func(s *join.Spec) {
			s.Family = join.Custom
			s.UserData = string(read(t, "seed.sh"))
		}),
	})
	return all
}

// everything asks for every section that scripts have.
func everything(s *join.Spec) {
	s.Parameter = parameterName
	s.InstanceStoreRAID0 = true
	s.Sources = join.Sources{
		Packages: "https://packages.example.com", RegistryMirrors: map[string]string{"registry.k8s.io": "https://mirror.example.com"},
		HTTPProxy: "http://proxy.example.com:3128", HTTPSProxy: "http://proxy.example.com:3128",
	}
}

func TestRenderRefuses(t *testing.T) {
	large := strings.Repeat("# a line of a script that is far too long for EC2\n", 400)
	noise := noise(3 * join.MaxUserData)
	for name, tc := range map[string]struct {
		change func(*join.Spec)
		want   string
	}{
		"a family that is not ours":      {func(s *join.Spec) { s.Family = "Windows2022" }, `spec.amiFamily: "Windows2022"`},
		"Ubuntu on EKS":                  {func(s *join.Spec) { s.Cluster.Mode = cluster.EKS }, "kubeadm clusters only"},
		"a broken archive":               {func(s *join.Spec) { s.UserData = "MIME-Version: 1.0\nContent-Type: text/plain\n\nx" }, "spec.userData: MIME content type text/plain"},
		"an archive without end":         {func(s *join.Spec) { s.UserData = "Content-Type: multipart/mixed; boundary=b\n\n--b\n\nx" }, "spec.userData: reading MIME part 1"},
		"spec.kubelet that is no object": {func(s *join.Spec) { s.Kubelet = []byte(`[]`) }, "spec.kubelet: is not a JSON object"},
		"a setting without flag": {func(s *join.Spec) {
			s.UserData, s.Kubelet = "kubeadm join", []byte(`{"featureGates":{"A":true}}`)
		}, "spec.kubelet.featureGates: has no kubelet flag"},
		"a setting that would break the line": {func(s *join.Spec) {
			s.UserData, s.Kubelet = "kubeadm join", []byte(`{"clusterDNS":["1.1.1.1 --anonymous-auth"]}`)
		}, "cannot be written as a kubelet flag"},
		"no CA to pin": {func(s *join.Spec) {
			s.UserData, s.Cluster.CA = "kubeadm join --token ${BOOTSTRAP_TOKEN}", nil
		}, "no certificate"},
		"no region":                      {func(s *join.Spec) { s.Region = "" }, "region"},
		"a custom script that is large":  {func(s *join.Spec) { s.Family, s.UserData = join.Custom, large }, "EC2 takes 16384"},
		"Ubuntu that no gzip makes fit":  {func(s *join.Spec) { s.UserData = "#!/bin/sh\n" + noise }, "EC2 takes 16384"},
		"kubelet-config that is no YAML": {func(s *join.Spec) { s.Cluster.Kubelet = []byte("\t") }, "reading kubelet-config"},
	} {
		t.Run(name, func(t *testing.T) {
			g := NewWithT(t)
			_, err := join.Render(spec(t, tc.change))
			g.Expect(err).To(MatchError(ContainSubstring(tc.want)))
			g.Expect(err.Error()).NotTo(ContainSubstring(secret))
		})
	}
}

// noise is text that does not compress, the same each time.
func noise(size int) string {
	var b strings.Builder
	for state := uint64(1); b.Len() < size; {
		state = state*6364136223846793005 + 1442695040888963407
		fmt.Fprintf(&b, "%016x", state^state>>29)
	}
	return b.String()
}

func TestLargeUbuntuIsCompressed(t *testing.T) {
	g := NewWithT(t)
	large := "#!/bin/sh\n" + strings.Repeat("# a line of a script that is far too long for EC2\n", 400)
	got, err := join.Render(spec(t, func(s *join.Spec) { s.UserData = large }))
	g.Expect(err).NotTo(HaveOccurred())
	g.Expect(len(got.Bytes())).To(BeNumerically("<", join.MaxUserData))

	unpacked, err := gzip.NewReader(strings.NewReader(string(got.Bytes())))
	g.Expect(err).NotTo(HaveOccurred())
	parts := parse(t, unpacked)
	g.Expect(parts).To(HaveLen(2))
	g.Expect(parts[0].body).To(Equal(large))
}

func TestCustomIsLeftAlone(t *testing.T) {
	script := string(read(t, "seed.sh"))
	for name, tc := range map[string]struct {
		change func(*join.Spec)
	}{
		"without a place for the token": {func(s *join.Spec) { s.UserData = strings.ReplaceAll(script, "${BOOTSTRAP_TOKEN}", "$TOKEN") }},
		"on EKS":                        {func(s *join.Spec) { s.UserData, s.Cluster.Mode = script, cluster.EKS }},
		"when it is not text":           {func(s *join.Spec) { s.UserData = "\x1f\x8b\x00\xff" }},
		"when there is none":            {func(*join.Spec) {}},
	} {
		t.Run(name, func(t *testing.T) {
			g := NewWithT(t)
			s := spec(t, func(s *join.Spec) { s.Family = join.Custom; tc.change(s) })
			got, err := join.Render(s)
			g.Expect(err).NotTo(HaveOccurred())
			g.Expect(string(got.Bytes())).To(Equal(s.UserData))
		})
	}
}

func TestNeedsSigning(t *testing.T) {
	g := NewWithT(t)
	withToken := func(s *join.Spec) { s.UserData = "kubeadm join --token ${BOOTSTRAP_TOKEN}" }

	g.Expect(join.NeedsSigning(spec(t, withToken))).To(BeTrue())
	g.Expect(join.NeedsSigning(spec(t, nil))).To(BeFalse())
	g.Expect(join.NeedsSigning(spec(t, func(s *join.Spec) { withToken(s); s.Cluster.Mode = cluster.EKS }))).To(BeFalse())
}

func TestSecretsShowNowhere(t *testing.T) {
	token := join.Token{ID: "abcdef", Secret: secret}
	data := join.NewUserData([]byte("token " + secret))
	hexSecret := fmt.Sprintf("%x", secret)
	decimal := strings.Trim(fmt.Sprintf("%d", []byte(secret)), "[]")
	type holder struct {
		Token *join.Token
		Data  join.UserData
	}
	for _, value := range []any{token, &token, data, &data, holder{&token, data}, &holder{&token, data}, []any{token, data}, struct{ T join.Token }{token}} {
		for _, verb := range []string{"%v", "%+v", "%#v", "%s", "%q", "%x", "%X", "%d"} {
			g := NewWithT(t)
			text := fmt.Sprintf(verb, value)
			g.Expect(text).NotTo(ContainSubstring(secret), verb)
			g.Expect(strings.ToLower(text)).NotTo(ContainSubstring(hexSecret), verb)
			g.Expect(text).NotTo(ContainSubstring(decimal), verb)
			asJSON, err := json.Marshal(value)
			g.Expect(err).NotTo(HaveOccurred())
			g.Expect(string(asJSON)).NotTo(ContainSubstring(secret))
		}
	}
	g := NewWithT(t)
	g.Expect(token.MarshalLog()).To(Equal("abcdef.<redacted>"))
	g.Expect(data.MarshalLog()).To(Equal("<22 bytes of user data>"))
	g.Expect(token.Value()).To(Equal("abcdef." + secret))
}
