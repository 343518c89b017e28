package join_test

import (
	"bytes"
	"encoding/json"
	"fmt"
	"strings"
	"testing"

	. "github.com/onsi/gomega"
	corev1 "k8s.io/api/core/v1"
	"k8s.io/apimachinery/pkg/api/resource"
	"k8s.io/client-go/tools/clientcmd"
	"k8s.io/client-go/tools/clientcmd/api"
	"mvdan.cc/sh/v3/syntax"

	"github.com/karpenter-kubeadm/karpenter-provider-aws/pkg/cluster"
	"github.com/karpenter-kubeadm/karpenter-provider-aws/pkg/join"
)

// Kubernetes' minors that nodes are rendered for.
const oldestMinor, newestMinor = 28, 37

// families are the rows of the matrix: every family is rendered for every minor. What is
// rendered does not depend on the architecture (Spec has no field for it): repositories serve
// both under one address, and what differs the machine finds out by itself. That one document
// serves both is shown by booting it on both, in TestOneDocumentServesBothArchitectures.
//
// A family that boots with shell, in whatever wrapping, is a row with the function that
// unwraps the script that joins. One that does not has an own verify.
var families = map[string]struct {
	family join.Family
	// stock is the image that the hollow machine boots, "" when it cannot run this family.
	stock  string
	verify func(*testing.T, join.Spec, []byte)
}{
	"ubuntu":       {join.Ubuntu, stock, verifyShell(cloudInitScript)},
	"debian":       {join.Debian, "debian-12-amd64-20260101-1", verifyShell(cloudInitScript)},
	"al2023":       {join.AL2023, "al2023-ami-2023.9.20260101.0-kernel-6.1-x86_64", verifyShell(cloudInitScript)},
	"bottlerocket": {join.Bottlerocket, "", verifyBottlerocket},
	"flatcar":      {join.Flatcar, "", verifyShell(ignitionScript)},
}

// matrix are the goldens of all families and minors, each with something in every place that
// user data has for what a Spec says.
func matrix(t *testing.T) map[string]join.Spec {
	t.Helper()
	all := map[string]join.Spec{}
	for name, row := range families {
		for minor := oldestMinor; minor <= newestMinor; minor++ {
			all[fmt.Sprintf("%s/1.%d", name, minor)] = spec(t, func(s *join.Spec) {
				s.Family = row.family
				s.Cluster.Version = cluster.Version{Major: 1, Minor: minor, Patch: 3}
				s.Cluster.CloudProvider = cluster.External
				s.Sizes.KubeReserved = corev1.ResourceList{corev1.ResourceCPU: resource.MustParse("80m")}
				s.Sizes.SystemReserved = corev1.ResourceList{corev1.ResourceMemory: resource.MustParse("100Mi")}
				s.Kubelet = []byte(`{"clusterDNS":["10.96.0.10"],"imageGCHighThresholdPercent":70,"imageGCLowThresholdPercent":60}`)
			})
		}
	}
	return all
}

// Every golden of the matrix is read back, as a machine would, and says what its Spec says.
func TestGoldensSayWhatTheSpecSays(t *testing.T) {
	for name, s := range matrix(t) {
		t.Run(name, func(t *testing.T) {
			folder, _, _ := strings.Cut(name, "/")
			families[folder].verify(t, s, read(t, "golden/"+name+".golden"))
		})
	}
}

// cloudInitScript is the script of a MIME archive that is nothing but our script.
func cloudInitScript(t *testing.T, userData []byte) string {
	t.Helper()
	parts := parse(t, bytes.NewReader(userData))
	g := NewWithT(t)
	g.Expect(parts).To(HaveLen(1))
	g.Expect(parts[0].mediaType).To(Equal("text/x-shellscript"))
	return parts[0].body
}

func verifyShell(unwrap func(*testing.T, []byte) string) func(*testing.T, join.Spec, []byte) {
	return func(t *testing.T, s join.Spec, userData []byte) {
		t.Helper()
		g := NewWithT(t)
		script := unwrap(t, userData)
		g.Expect(script).To(HavePrefix("#!/bin/bash\n"))
		_, err := syntax.NewParser(syntax.Variant(syntax.LangBash)).Parse(strings.NewReader(script), "")
		g.Expect(err).NotTo(HaveOccurred())
		values := variables(t, script)
		g.Expect(values).To(And(
			HaveKeyWithValue("kubernetes_version", s.Cluster.Version.String()),
			HaveKeyWithValue("kubernetes_minor", s.Cluster.Version.MinorString()),
			HaveKeyWithValue("region", s.Region),
			HaveKeyWithValue("systemd_cgroup", "true"),
		))
		verifyJoinConfiguration(g, s, values["kubeadm_config"])
		verifyKubeletPatch(g, s, values["kubelet_patch"])
		verifyDiscovery(g, s, values["discovery_config"])
		g.Expect(strings.Count(script, s.Token.Secret)).To(Equal(1), "the secret stands in one place")
	}
}

// verifyJoinConfiguration compares values; whether kubeadm takes the document is judged by
// kubeadm itself, in test/cluster/judge.
func verifyJoinConfiguration(g Gomega, s join.Spec, text string) {
	var config map[string]any
	decode(g, text, &config)
	node := config["nodeRegistration"].(map[string]any)
	labels := "karpenter.sh/capacity-type=on-demand,karpenter.sh/do-not-sync-taints=true," +
		"karpenter.sh/nodepool=worker-scalable,role=worker,__MACHINE_LABELS__"
	if s.Cluster.Version.AtLeast(1, 31) {
		g.Expect(config).To(HaveKeyWithValue("apiVersion", "kubeadm.k8s.io/v1beta4"))
		g.Expect(config).To(HaveKeyWithValue("timeouts", Equal(map[string]any{"discovery": "20m0s", "tlsBootstrap": "20m0s"})))
		g.Expect(node["kubeletExtraArgs"]).To(ConsistOf(
			map[string]any{"name": "cloud-provider", "value": "external"},
			map[string]any{"name": "node-labels", "value": labels},
			map[string]any{"name": "provider-id", "value": "__PROVIDER_ID__"},
		))
	} else {
		g.Expect(config).To(HaveKeyWithValue("apiVersion", "kubeadm.k8s.io/v1beta3"))
		g.Expect(config).NotTo(HaveKey("timeouts"), "v1beta3 has none")
		g.Expect(config).To(HaveKeyWithValue("discovery", HaveKeyWithValue("timeout", "20m0s")))
		g.Expect(node["kubeletExtraArgs"]).To(Equal(map[string]any{
			"cloud-provider": "external", "node-labels": labels, "provider-id": "__PROVIDER_ID__",
		}))
	}
	g.Expect(node).To(HaveKeyWithValue("name", "__NODE_NAME__"))
	g.Expect(node["taints"]).To(ConsistOf(
		map[string]any{"key": "workload", "value": "ai", "effect": "NoSchedule"},
		map[string]any{"key": "karpenter.sh/unregistered", "effect": "NoExecute"},
	))
}

// verifyKubeletPatch expects one operation for each field of spec.kubelet and of the sizes.
func verifyKubeletPatch(g Gomega, s join.Spec, text string) {
	var operations []struct {
		Op, Path string
		Value    json.RawMessage
	}
	decode(g, text, &operations)
	got := map[string]string{}
	for _, operation := range operations {
		g.Expect(operation.Op).To(Equal("add"))
		got[operation.Path] = string(operation.Value)
	}
	want := map[string]string{
		"/clusterDNS":                  `["10.96.0.10"]`,
		"/evictionHard":                `{"memory.available":"100Mi","nodefs.available":"10%"}`,
		"/imageGCHighThresholdPercent": "70",
		"/imageGCLowThresholdPercent":  "60",
		"/kubeReserved":                `{"cpu":"80m"}`,
		"/maxPods":                     fmt.Sprint(s.Sizes.MaxPods),
		"/systemReserved":              `{"memory":"100Mi"}`,
	}
	if s.Family == join.Flatcar {
		want["/volumePluginDir"] = `"/opt/libexec/kubernetes/kubelet-plugins/volume/exec/"`
	}
	g.Expect(got).To(Equal(want))
}

// verifyDiscovery reads the kubeconfig as client-go does.
func verifyDiscovery(g Gomega, s join.Spec, text string) {
	config, err := clientcmd.Load([]byte(text))
	g.Expect(err).NotTo(HaveOccurred())
	g.Expect(clientcmd.ConfirmUsable(*config, "")).To(Succeed())
	g.Expect(config.Clusters).To(HaveLen(1))
	g.Expect(config.AuthInfos).To(HaveLen(1))
	current := config.Contexts[config.CurrentContext]
	g.Expect(config.Clusters).To(HaveKeyWithValue(current.Cluster, And(
		HaveField("Server", "https://"+s.Cluster.Endpoint),
		HaveField("CertificateAuthorityData", s.Cluster.CA),
		HaveField("InsecureSkipTLSVerify", false),
	)))
	user := &api.AuthInfo{Token: s.Token.Value(), Extensions: config.AuthInfos[current.AuthInfo].Extensions}
	g.Expect(config.AuthInfos).To(HaveKeyWithValue(current.AuthInfo, Equal(user)))
}
