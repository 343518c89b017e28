package join_test

import (
	"encoding/base64"
	"errors"
	"net/netip"
	"testing"

	. "github.com/onsi/gomega"
	"github.com/onsi/gomega/types"
	"github.com/pelletier/go-toml/v2"
	corev1 "k8s.io/api/core/v1"
	"k8s.io/apimachinery/pkg/api/resource"

	"github.com/karpenter-kubeadm/karpenter-provider-aws/pkg/cluster"
	"github.com/karpenter-kubeadm/karpenter-provider-aws/pkg/join"
)

// bottlerocket renders s for Bottlerocket and reads the settings back.
func bottlerocket(t *testing.T, change func(*join.Spec)) map[string]any {
	t.Helper()
	data, err := join.Render(spec(t, func(s *join.Spec) {
		s.Family = join.Bottlerocket
		if change != nil {
			change(s)
		}
	}))
	g := NewWithT(t)
	g.Expect(err).NotTo(HaveOccurred())
	var document map[string]any
	g.Expect(toml.Unmarshal(data.Bytes(), &document)).To(Succeed())
	return document["settings"].(map[string]any)
}

func kubernetes(settings map[string]any) map[string]any {
	return settings["kubernetes"].(map[string]any)
}

// verifyBottlerocket reads a golden of the matrix back.
func verifyBottlerocket(t *testing.T, s join.Spec, userData []byte) {
	t.Helper()
	g := NewWithT(t)
	var document map[string]any
	g.Expect(toml.Unmarshal(userData, &document)).To(Succeed())
	g.Expect(document).To(HaveLen(1))
	got := kubernetes(document["settings"].(map[string]any))
	g.Expect(got).To(And(
		HaveKeyWithValue("api-server", "https://"+s.Cluster.Endpoint),
		HaveKeyWithValue("bootstrap-token", s.Token.Value()),
		HaveKeyWithValue("cluster-certificate", base64.StdEncoding.EncodeToString(s.Cluster.CA)),
		HaveKeyWithValue("cloud-provider", "external"),
		HaveKeyWithValue("cluster-dns-ip", "10.96.0.10"),
		HaveKeyWithValue("image-gc-high-threshold-percent", "70"),
		HaveKeyWithValue("image-gc-low-threshold-percent", "60"),
		HaveKeyWithValue("kube-reserved", map[string]any{"cpu": "80m", "memory": "0", "ephemeral-storage": "0"}),
		HaveKeyWithValue("system-reserved", map[string]any{"memory": "100Mi"}),
		HaveKeyWithValue("max-pods", s.Sizes.MaxPods),
		HaveKeyWithValue("node-taints", map[string]any{"karpenter.sh/unregistered": []any{":NoExecute"}, "workload": []any{"ai:NoSchedule"}}),
	))
}

func TestBottlerocketIsToldWhoItIs(t *testing.T) {
	g := NewWithT(t)
	got := kubernetes(bottlerocket(t, func(s *join.Spec) { s.Cluster.DNS = netip.MustParseAddr("10.96.0.10") }))
	g.Expect(got).To(Equal(map[string]any{
		"api-server":               "https://api.example.com:6443",
		"authentication-mode":      "tls",
		"bootstrap-token":          "abcdef." + secret,
		"cloud-provider":           "",
		"cluster-certificate":      base64.StdEncoding.EncodeToString(read(t, "ca.pem")),
		"cluster-dns-ip":           "10.96.0.10",
		"cluster-name":             "demo",
		"eviction-hard":            map[string]any{"memory.available": "100Mi", "nodefs.available": "10%"},
		"hostname-override-source": "private-dns-name",
		"kube-reserved":            map[string]any{"cpu": "0", "memory": "0", "ephemeral-storage": "0"},
		"max-pods":                 int64(110),
		"node-labels": map[string]any{
			"karpenter.sh/capacity-type": "on-demand", "karpenter.sh/do-not-sync-taints": "true",
			"karpenter.sh/nodepool": "worker-scalable", "role": "worker", "topology.kubernetes.io/region": "ap-northeast-2",
		},
		"node-taints": map[string]any{
			"karpenter.sh/unregistered": []any{":NoExecute"}, "workload": []any{"ai:NoSchedule"},
		},
	}))
}

func TestBottlerocketHoldsBackWhatTheSchedulerWasTold(t *testing.T) {
	g := NewWithT(t)
	got := kubernetes(bottlerocket(t, func(s *join.Spec) {
		s.Cluster.CloudProvider = cluster.External
		s.Cluster.Kubelet = []byte("clusterDNS: [10.0.0.10]\nclusterDomain: corp.local\nimageMinimumGCAge: 0s\nevictionMaxPodGracePeriod: 0\ncontainerLogMaxFiles: 7\nfeatureGates: {A: true}\n")
		s.Sizes.KubeReserved = corev1.ResourceList{corev1.ResourceCPU: resource.MustParse("80m"), "pid": resource.MustParse("100")}
		s.Sizes.SystemReserved = corev1.ResourceList{corev1.ResourceMemory: resource.MustParse("1Gi")}
		s.Sizes.EvictionHard = map[string]string{}
		s.Kubelet = []byte(`{"maxPods":20,"podsPerCore":2,"kubeReserved":{"cpu":"1"},"mergeDefaultEvictionSettings":true,
			"imageGCHighThresholdPercent":70,"cpuCFSQuota":false,"clusterDNS":["10.0.0.1","10.0.0.2"],"podPidsLimit":null,
			"evictionSoft":{"memory.available":"100%","nodefs.available":"5%"},"evictionSoftGracePeriod":{"memory.available":"90s","nodefs.available":"1h"}}`)
		s.UserData = "[settings.kubernetes]\nmax-pods = 5\nkube-reserved = {memory = \"1Gi\"}\nsystem-reserved = {cpu = \"1\"}\ncluster-domain = \"users.local\"\n"
	}))
	g.Expect(got).To(And(
		HaveKeyWithValue("cloud-provider", "external"),
		HaveKeyWithValue("max-pods", int64(110)),
		HaveKeyWithValue("kube-reserved", map[string]any{"cpu": "80m", "memory": "0", "ephemeral-storage": "0"}),
		HaveKeyWithValue("system-reserved", map[string]any{"memory": "1Gi"}),
		HaveKeyWithValue("eviction-hard", map[string]any{"memory.available": "0%"}),
		HaveKeyWithValue("eviction-soft", map[string]any{"memory.available": "0%", "nodefs.available": "5%"}),
		HaveKeyWithValue("eviction-soft-grace-period", map[string]any{"memory.available": "1m30s", "nodefs.available": "1h0m0s"}),
		HaveKeyWithValue("image-gc-high-threshold-percent", "70"),
		HaveKeyWithValue("cpu-cfs-quota-enforced", false),
		HaveKeyWithValue("cluster-dns-ip", []any{"10.0.0.1", "10.0.0.2"}),
		HaveKeyWithValue("cluster-domain", "users.local"),
		HaveKeyWithValue("container-log-max-files", int64(7)),
	))
	g.Expect(got).NotTo(Or(HaveKey("pod-pids-limit"), HaveKey("eviction-max-pod-grace-period"), HaveKey("feature-gates")))
}

func TestBottlerocketKeepsTheUsersSettings(t *testing.T) {
	g := NewWithT(t)
	users := `
other = 1
[settings.kubernetes]
cluster-name = "theirs"
api-server = "https://theirs"
topology-manager-policy = "restricted"
a-setting-of-tomorrow = [1, 2.5, 1979-05-27]
[settings.kubernetes.node-labels]
role = "theirs"
team = "ai"
[settings.kubernetes.node-taints]
gone = ["x:NoSchedule"]
[settings.kubernetes.static-pods.mine]
enabled = true
[settings.host-containers.admin]
enabled = true
[settings.bootstrap-commands.001-mine]
commands = [["apiclient", "set", "motd=hello"]]
mode = "once"
[[settings.container-registry.mirrors]]
registry = "docker.io"
endpoint = ["https://mirror"]
`
	settings := bottlerocket(t, func(s *join.Spec) { s.UserData, s.InstanceStoreRAID0 = users, true })
	got := kubernetes(settings)
	g.Expect(got).To(And(
		HaveKeyWithValue("cluster-name", "demo"),
		HaveKeyWithValue("api-server", "https://api.example.com:6443"),
		HaveKeyWithValue("topology-manager-policy", "restricted"),
		HaveKeyWithValue("a-setting-of-tomorrow", Equal([]any{int64(1), 2.5, toml.LocalDate{Year: 1979, Month: 5, Day: 27}})),
		HaveKeyWithValue("static-pods", map[string]any{"mine": map[string]any{"enabled": true}}),
		HaveKeyWithValue("node-labels", And(HaveKeyWithValue("role", "worker"), HaveKeyWithValue("team", "ai"))),
		HaveKeyWithValue("node-taints", Not(HaveKey("gone"))),
	))
	g.Expect(settings).To(And(
		HaveKeyWithValue("host-containers", map[string]any{"admin": map[string]any{"enabled": true}}),
		HaveKeyWithValue("container-registry", HaveKeyWithValue("mirrors", HaveLen(1))),
		HaveKeyWithValue("bootstrap-commands", And(
			HaveKey("001-mine"),
			HaveKeyWithValue("000-mount-instance-storage", And(
				HaveKeyWithValue("mode", "always"), HaveKeyWithValue("essential", true),
				HaveKeyWithValue("commands", ContainElement([]any{"apiclient", "ephemeral-storage", "init"})),
			)),
		)),
	))
}

func TestBottlerocketRefuses(t *testing.T) {
	for name, tc := range map[string]struct {
		change func(*join.Spec)
		want   types.GomegaMatcher
	}{
		"EKS":                                  {func(s *join.Spec) { s.Cluster.Mode = cluster.EKS }, HavePrefix("spec.amiFamily: Bottlerocket is rendered for kubeadm")},
		"a token to fetch":                     {func(s *join.Spec) { s.Parameter = parameterName }, ContainSubstring("TOKEN_DELIVERY=UserData")},
		"a script":                             {func(s *join.Spec) { s.UserData = "#!/bin/bash\nkubeadm join\n" }, HavePrefix("spec.userData: is not TOML")},
		"a place for the token":                {func(s *join.Spec) { s.UserData = "x = '${BOOTSTRAP_TOKEN}'" }, ContainSubstring("not filled in on Bottlerocket")},
		"settings that are none":               {func(s *join.Spec) { s.UserData = "settings = 1" }, Equal("spec.userData: settings is not a table")},
		"kubernetes that is no table":          {func(s *join.Spec) { s.UserData = "settings.kubernetes = []" }, Equal("spec.userData: settings.kubernetes is not a table")},
		"labels that are no table":             {func(s *join.Spec) { s.UserData = "settings.kubernetes.node-labels = 'a'" }, Equal("spec.userData: settings.kubernetes.node-labels is not a table")},
		"commands that are no table":           {func(s *join.Spec) { s.UserData, s.InstanceStoreRAID0 = "settings.bootstrap-commands = 'a'", true }, Equal("spec.userData: settings.bootstrap-commands is not a table")},
		"one name for all nodes":               {func(s *join.Spec) { s.UserData = "settings.kubernetes.hostname-override = 'a'" }, ContainSubstring("hostname-override would be the same on all nodes")},
		"one provider ID for all":              {func(s *join.Spec) { s.UserData = "settings.kubernetes.provider-id = 'a'" }, ContainSubstring("provider-id would be the same on all nodes")},
		"a machine of no cluster":              {func(s *join.Spec) { s.UserData = "settings.kubernetes.standalone-mode = true" }, ContainSubstring("standalone-mode keeps the machine out")},
		"a kubelet field without a setting":    {func(s *join.Spec) { s.Kubelet = []byte(`{"featureGates":{"A":true}}`) }, HavePrefix("spec.kubelet.featureGates: has no setting in Bottlerocket")},
		"process ids":                          {func(s *join.Spec) { s.Kubelet = []byte(`{"systemReserved":{"pid":"10"}}`) }, HavePrefix("spec.kubelet.systemReserved[pid]: cannot be reserved")},
		"half a file":                          {func(s *join.Spec) { s.Kubelet = []byte(`{"containerLogMaxFiles":1.5}`) }, Equal("spec.kubelet.containerLogMaxFiles: is 1.5 and must be a whole number")},
		"a duration that is none":              {func(s *join.Spec) { s.Kubelet = []byte(`{"evictionSoftGracePeriod":{"memory.available":"soon"}}`) }, ContainSubstring(`[memory.available] is "soon" and must be a duration`)},
		"a list that is none":                  {func(s *join.Spec) { s.Kubelet = []byte(`{"clusterDNS":"10.0.0.1"}`) }, ContainSubstring("must be a list")},
		"a name that Bottlerocket cannot have": {func(s *join.Spec) { s.Cluster.Name = "prod.example.com" }, ContainSubstring(`CLUSTER_NAME is "prod.example.com"`)},
	} {
		t.Run(name, func(t *testing.T) {
			g := NewWithT(t)
			_, err := join.Render(spec(t, func(s *join.Spec) { s.Family = join.Bottlerocket; tc.change(s) }))
			var fault *join.SpecError
			g.Expect(errors.As(err, &fault)).To(BeTrue(), "%v", err)
			g.Expect(err.Error()).To(tc.want)
			g.Expect(err.Error()).NotTo(ContainSubstring(secret))
		})
	}
}
