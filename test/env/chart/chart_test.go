package chart_test

import (
	"fmt"
	"slices"
	"testing"

	. "github.com/onsi/gomega"
	corev1 "k8s.io/api/core/v1"
	rbacv1 "k8s.io/api/rbac/v1"
	"k8s.io/apimachinery/pkg/apis/meta/v1/unstructured"
	"k8s.io/apimachinery/pkg/runtime"

	"github.com/karpenter-kubeadm/karpenter-provider-aws/test/env/chart"
)

func render(t *testing.T, settings map[string]any, rest map[string]any) []*unstructured.Unstructured {
	t.Helper()
	values := map[string]any{"settings": settings}
	for key, value := range rest {
		values[key] = value
	}
	release := chart.Release{
		Dir: "../../../charts/karpenter", Name: "karpenter", Namespace: "karpenter", KubeVersion: "v1.36.3", Values: values,
	}
	objects, err := release.Render()
	NewWithT(t).Expect(err).NotTo(HaveOccurred())
	return objects
}

// environment returns the controller's environment variables that have a plain value.
func environment(t *testing.T, objects []*unstructured.Unstructured) map[string]string {
	t.Helper()
	g := NewWithT(t)
	deployments := chart.Kind(objects, "Deployment")
	g.Expect(deployments).To(HaveLen(1))
	containers, _, err := unstructured.NestedSlice(deployments[0].Object, "spec", "template", "spec", "containers")
	g.Expect(err).NotTo(HaveOccurred())
	var container corev1.Container
	g.Expect(runtime.DefaultUnstructuredConverter.FromUnstructured(containers[0].(map[string]any), &container)).To(Succeed())
	env := map[string]string{}
	for _, variable := range container.Env {
		g.Expect(env).NotTo(HaveKey(variable.Name), "a variable is set once")
		env[variable.Name] = variable.Value
	}
	return env
}

func TestSettingsBecomeEnvironment(t *testing.T) {
	for name, tc := range map[string]struct {
		settings map[string]any
		want     map[string]string
	}{
		"defaults are upstream's": {
			settings: map[string]any{"clusterName": "prod"},
			want: map[string]string{
				"CLUSTER_NAME": "prod", "VM_MEMORY_OVERHEAD_PERCENT": "0.075", "IGNORE_DRA_REQUESTS": "true",
				"BATCH_IDLE_DURATION": "1s", "METRICS_PORT": "8080", "BOOTSTRAP_MODE": "auto",
				"FEATURE_GATES": "CapacityBuffer=false,NodeOverlay=false,NodeRepair=false,PodDeletionCostManagement=false," +
					"ReservedCapacity=true,SpotToSpotConsolidation=false,StaticCapacity=false,TerminateFirstDrift=false,TerminateFirstRepair=false",
				"AWS_FEATURE_GATES": "DRAEFA=false,DRANVIDIAGPU=false,NodeClassCEL=false,RebootForRepair=false",
			},
		},
		"an explicit zero is passed on": {
			settings: map[string]any{"clusterName": "prod", "vmMemoryOverheadPercent": 0},
			want:     map[string]string{"VM_MEMORY_OVERHEAD_PERCENT": "0"},
		},
		"where nodes fetch from": {
			settings: map[string]any{
				"clusterName": "prod", "nodePackageRepository": "https://mirror.example.com/core:/stable:", "nodeHTTPSProxy": "http://proxy:3128", "nodeNoProxy": ".example.com,10.0.0.0/8",
				"nodeRegistryMirrors": map[string]any{"registry.k8s.io": "https://mirror.example.com/v2/k8s", "*": "https://mirror.example.com"},
			},
			want: map[string]string{
				"NODE_PACKAGE_REPOSITORY": "https://mirror.example.com/core:/stable:", "NODE_HTTPS_PROXY": "http://proxy:3128", "NODE_NO_PROXY": ".example.com,10.0.0.0/8",
				"NODE_REGISTRY_MIRRORS": "*=https://mirror.example.com,registry.k8s.io=https://mirror.example.com/v2/k8s",
			},
		},
		"enableDRA switches on every driver": {
			settings: map[string]any{"clusterName": "prod", "enableDRA": true},
			want: map[string]string{
				"IGNORE_DRA_REQUESTS": "false",
				"AWS_FEATURE_GATES":   "DRAEFA=true,DRANVIDIAGPU=true,NodeClassCEL=false,RebootForRepair=false",
			},
		},
	} {
		t.Run(name, func(t *testing.T) {
			g := NewWithT(t)
			env := environment(t, render(t, tc.settings, nil))
			for key, value := range tc.want {
				g.Expect(env).To(HaveKeyWithValue(key, value))
			}
		})
	}
}

func TestWrongValuesAreRefused(t *testing.T) {
	for name, tc := range map[string]struct {
		settings map[string]any
		message  string
	}{
		"no cluster name":              {settings: map[string]any{}, message: "settings.clusterName is missing"},
		"enableDRA and a single value": {settings: map[string]any{"clusterName": "a", "enableDRA": true, "ignoreDRARequests": true}, message: "remove ignoreDRARequests"},
		"legacy repair and terminate first": {
			settings: map[string]any{"clusterName": "a", "legacyNodeRepair": true, "featureGates": map[string]any{"terminateFirstRepair": true}},
			message:  "settings.legacyNodeRepair",
		},
	} {
		t.Run(name, func(t *testing.T) {
			release := chart.Release{
				Dir: "../../../charts/karpenter", Name: "karpenter", Namespace: "karpenter", KubeVersion: "v1.36.3",
				Values: map[string]any{"settings": tc.settings},
			}
			_, err := release.Render()
			NewWithT(t).Expect(err).To(MatchError(ContainSubstring(tc.message)))
		})
	}
}

// Least privilege that a reader can check at a glance: what the controller must never be able to do.
func TestNoRuleReadsSecretsBroadly(t *testing.T) {
	g := NewWithT(t)
	for _, object := range chart.Kind(render(t, map[string]any{"clusterName": "prod"}, nil), "Role", "ClusterRole") {
		var role rbacv1.Role
		g.Expect(runtime.DefaultUnstructuredConverter.FromUnstructured(object.Object, &role)).To(Succeed())
		for _, rule := range role.Rules {
			where := fmt.Sprintf("%s %s/%s: %v", object.GetKind(), object.GetNamespace(), object.GetName(), rule)
			g.Expect(rule.Verbs).NotTo(ContainElement("*"), where)
			g.Expect(rule.Resources).NotTo(ContainElement("*"), where)
			g.Expect(rule.APIGroups).NotTo(ContainElement("*"), where)
			if !slices.Contains(rule.Resources, "secrets") {
				continue
			}
			g.Expect(object.GetKind()).To(Equal("Role"), where)
			if slices.Contains(rule.Verbs, "get") || slices.Contains(rule.Verbs, "list") || slices.Contains(rule.Verbs, "watch") || slices.Contains(rule.Verbs, "update") {
				g.Expect(object.GetNamespace()).To(Equal("karpenter"), where)
				g.Expect(rule.ResourceNames).To(Equal([]string{"karpenter-bootstrap-tokens"}), where)
				g.Expect(rule.Verbs).NotTo(ContainElement("list"), where)
			}
		}
	}
}

// A token that users rotate is theirs: the controller may create nothing in kube-system then.
func TestATokenOfTheUsersTakesRightsAway(t *testing.T) {
	for setting, may := range map[string]bool{"": true, "bootstrapTokenFile": false, "bootstrapTokenParameter": false} {
		g := NewWithT(t)
		settings := map[string]any{"clusterName": "prod"}
		if setting != "" {
			settings[setting] = "/token"
		}
		objects := render(t, settings, nil)
		var found bool
		for _, object := range chart.Kind(objects, "Role", "RoleBinding") {
			found = found || object.GetNamespace() == "kube-system" && object.GetName() == "karpenter-token"
		}
		g.Expect(found).To(Equal(may), setting)
		if setting == "bootstrapTokenFile" {
			g.Expect(environment(t, objects)).To(HaveKeyWithValue("BOOTSTRAP_TOKEN_FILE", "/token"))
		}
	}
}

func TestApproverIsOptional(t *testing.T) {
	for setting, approves := range map[string]bool{"karpenter": true, "kubeadm": false} {
		g := NewWithT(t)
		var resources []string
		for _, object := range chart.Kind(render(t, map[string]any{"clusterName": "a", "csrApproval": setting}, nil), "ClusterRole") {
			var role rbacv1.ClusterRole
			g.Expect(runtime.DefaultUnstructuredConverter.FromUnstructured(object.Object, &role)).To(Succeed())
			for _, rule := range role.Rules {
				if slices.Contains(rule.APIGroups, "certificates.k8s.io") {
					resources = append(resources, rule.Resources...)
				}
			}
		}
		g.Expect(resources).To(ContainElement("certificatesigningrequests"), "nodes that are late are explained with them")
		g.Expect(slices.Contains(resources, "certificatesigningrequests/approval")).To(Equal(approves), setting)
		g.Expect(slices.Contains(resources, "signers")).To(Equal(approves), setting)
	}
}

func TestOwnPodsAreTheDefaultOfSpreads(t *testing.T) {
	g := NewWithT(t)
	deployment := chart.Kind(render(t, map[string]any{"clusterName": "a"}, nil), "Deployment")[0]
	spread, _, err := unstructured.NestedSlice(deployment.Object, "spec", "template", "spec", "topologySpreadConstraints")
	g.Expect(err).NotTo(HaveOccurred())
	g.Expect(spread[0]).To(HaveKeyWithValue("labelSelector", HaveKeyWithValue("matchLabels", HaveKeyWithValue("app.kubernetes.io/instance", "karpenter"))))
	anti, _, err := unstructured.NestedSlice(deployment.Object, "spec", "template", "spec", "affinity", "podAntiAffinity", "requiredDuringSchedulingIgnoredDuringExecution")
	g.Expect(err).NotTo(HaveOccurred())
	g.Expect(anti[0]).To(HaveKey("labelSelector"))
}
