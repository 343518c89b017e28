package cluster

import (
	"testing"

	. "github.com/onsi/gomega"
	"sigs.k8s.io/yaml"

	"github.com/karpenter-kubeadm/karpenter-provider-aws/test/env/chart"
)

// The chart takes every value: one it does not know would be passed over in silence.
func TestValuesReachTheController(t *testing.T) {
	g := NewWithT(t)
	p := Product{Repository: "localhost/controller", Tag: "v1", Endpoint: "http://172.31.255.254:4566", Region: "us-east-1", ClusterName: "seed"}
	objects, err := chart.Release{
		Dir: "../../../charts/karpenter", Name: release, Namespace: namespace, KubeVersion: "v1.36.3", Values: plain(t, p.values()),
	}.Render()
	g.Expect(err).NotTo(HaveOccurred())
	deployments := chart.Kind(objects, "Deployment")
	g.Expect(deployments).To(HaveLen(1))
	text, err := yaml.Marshal(deployments[0])
	g.Expect(err).NotTo(HaveOccurred())
	g.Expect(string(text)).To(And(
		ContainSubstring("image: localhost/controller:v1"), ContainSubstring("replicas: 1"), ContainSubstring("imagePullPolicy: Never"),
		ContainSubstring("value: http://172.31.255.254:4566"), ContainSubstring("value: seed"), ContainSubstring("value: 500ms"),
	))
}

// plain is what Helm reads from the file.
func plain(t *testing.T, values map[string]any) map[string]any {
	t.Helper()
	g := NewWithT(t)
	text, err := yaml.Marshal(values)
	g.Expect(err).NotTo(HaveOccurred())
	out := map[string]any{}
	g.Expect(yaml.Unmarshal(text, &out)).To(Succeed())
	return out
}

// kind's configuration is right, or kind says so only after minutes.
func TestConfigurationHasTwoNodesAndPatchesThatAreYAML(t *testing.T) {
	g := NewWithT(t)
	var c struct {
		Kind                 string
		KubeadmConfigPatches []string
		Nodes                []struct{ Role string }
	}
	g.Expect(yaml.UnmarshalStrict([]byte(config), &map[string]any{})).To(Succeed())
	g.Expect(yaml.Unmarshal([]byte(config), &c)).To(Succeed())
	g.Expect(c.Kind).To(Equal("Cluster"))
	g.Expect(c.Nodes).To(HaveLen(2))
	for _, patch := range c.KubeadmConfigPatches {
		var object struct{ Kind string }
		g.Expect(yaml.UnmarshalStrict([]byte(patch), &map[string]any{})).To(Succeed())
		g.Expect(yaml.Unmarshal([]byte(patch), &object)).To(Succeed())
		g.Expect(object.Kind).To(BeElementOf("ClusterConfiguration", "InitConfiguration", "JoinConfiguration", "KubeletConfiguration"))
	}
}
