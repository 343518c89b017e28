package join

import (
	"encoding/base64"
	"fmt"
	"regexp"
	"slices"
	"strings"

	corev1 "k8s.io/api/core/v1"

	"github.com/karpenter-kubeadm/karpenter-provider-aws/pkg/cluster"
)

// renderBottlerocket returns settings for Bottlerocket's API, as TOML: the user's, with ours
// over them. Nothing runs there that we could write; the kubelet of the image makes its own
// way to a certificate with the token.
//
// What differs between machines of a template is left to the image, which asks EC2's metadata
// for it at each boot: the provider ID and the node's address, and as node name EC2's private
// DNS name, for which the instance's role must be allowed ec2:DescribeInstances. All variants
// aws-k8s-* do so (sources/api/pluto in bottlerocket-core-kit).
func renderBottlerocket(spec Spec) ([]byte, error) {
	if err := bottlerocketTakes(spec); err != nil {
		return nil, err
	}
	root, err := parseTOML(spec.UserData)
	if err != nil {
		return nil, &SpecError{Field: "spec.userData", Problem: err.Error()}
	}
	settings, err := root.child("settings")
	if err != nil {
		return nil, &SpecError{Field: "spec.userData", Problem: err.Error()}
	}
	kubernetes, err := settings.child("kubernetes")
	if err != nil {
		return nil, &SpecError{Field: "spec.userData", Problem: "settings." + err.Error()}
	}
	if err := mergeKubernetes(kubernetes, spec); err != nil {
		return nil, err
	}
	if spec.InstanceStoreRAID0 {
		commands, err := settings.child("bootstrap-commands")
		if err != nil {
			return nil, &SpecError{Field: "spec.userData", Problem: "settings." + err.Error()}
		}
		commands.put(instanceStoreCommands())
	}
	return writeTOML(root)
}

// clusterName is what Bottlerocket takes for one.
var clusterName = regexp.MustCompile(`^[0-9A-Za-z][0-9A-Za-z_-]{0,99}$`)

// bottlerocketTakes refuses what Bottlerocket has no way to do.
func bottlerocketTakes(spec Spec) error {
	switch {
	case spec.Cluster.Mode != cluster.Kubeadm:
		return &SpecError{Field: "spec.amiFamily", Problem: "Bottlerocket is rendered for kubeadm clusters only; use Custom"}
	case spec.Parameter != "":
		return &SpecError{Field: "spec.amiFamily", Problem: "Bottlerocket has no program to fetch the bootstrap token with, " +
			"so it works with TOKEN_DELIVERY=UserData only; set that, or use another family"}
	case fillsIn(spec.UserData):
		return &SpecError{Field: "spec.userData", Problem: placeholderBootstrap + " is not filled in on Bottlerocket, " +
			"whose settings.kubernetes.bootstrap-token Karpenter sets; remove it"}
	case !clusterName.MatchString(spec.Cluster.Name):
		return &SpecError{Field: "spec.amiFamily", Problem: fmt.Sprintf("Bottlerocket takes cluster names of at most 100 letters, "+
			"digits, - and _, and CLUSTER_NAME is %q; use another family", spec.Cluster.Name)}
	}
	return nil
}

// machineSettings would be the same on all machines of a template.
var machineSettings = []string{"hostname-override", "node-ip", "provider-id"}

// mergeKubernetes puts into kubernetes, the user's table, what makes the machine the node that
// spec asks for. What the cluster's kubelets have otherwise only fills gaps.
func mergeKubernetes(kubernetes table, spec Spec) error {
	for _, name := range machineSettings {
		if _, set := kubernetes[name]; set {
			return &SpecError{Field: "spec.userData", Problem: "settings.kubernetes." + name +
				" would be the same on all nodes; remove it, Bottlerocket finds out its own"}
		}
	}
	if kubernetes["standalone-mode"] == true {
		return &SpecError{Field: "spec.userData", Problem: "settings.kubernetes.standalone-mode keeps the machine out of any cluster; remove it"}
	}
	defaults, err := clusterSettings(spec.Cluster)
	if err != nil {
		return err
	}
	fields, err := userSettings(spec.Kubelet)
	if err != nil {
		return err
	}
	kubernetes.complete(defaults)
	kubernetes.put(fields)
	for _, name := range []string{"max-pods", "kube-reserved", "system-reserved", "eviction-hard"} {
		delete(kubernetes, name) // the scheduler knows of our sizes only
	}
	kubernetes.put(sizeSettings(spec.Sizes))
	kubernetes.put(identitySettings(spec))
	labels, err := kubernetes.child("node-labels")
	if err != nil {
		return &SpecError{Field: "spec.userData", Problem: "settings.kubernetes." + err.Error()}
	}
	for _, pair := range nodeLabels(spec.Labels) {
		key, value, _ := strings.Cut(pair, "=")
		labels[key] = value
	}
	if spec.Region != "" {
		labels[corev1.LabelTopologyRegion] = spec.Region
	}
	return nil
}

// identitySettings are whom the kubelet trusts, how it introduces itself, and as what.
func identitySettings(spec Spec) table {
	provider := "" // Bottlerocket's own default is external, and such a node waits for one for ever
	if spec.Cluster.CloudProvider == cluster.External {
		provider = "external"
	}
	taints := map[string]any{}
	for _, taint := range registrationTaints(spec.Taints) {
		values, _ := taints[taint.Key].([]string)
		taints[taint.Key] = append(slices.Clone(values), fmt.Sprintf("%s:%s", taint.Value, taint.Effect))
	}
	return table{
		"api-server":               "https://" + spec.Cluster.Endpoint,
		"authentication-mode":      "tls",
		"bootstrap-token":          spec.Token.Value(),
		"cloud-provider":           provider,
		"cluster-certificate":      base64.StdEncoding.EncodeToString(spec.Cluster.CA),
		"cluster-name":             spec.Cluster.Name,
		"hostname-override-source": "private-dns-name",
		"node-taints":              taints,
	}
}

// instanceStoreCommands have Bottlerocket make one array of its instance store disks and keep
// on it what containerd, kubelet and pods write. The name is the AWS provider's, so that
// commands of the user's which are ordered after it still are.
func instanceStoreCommands() table {
	return table{"000-mount-instance-storage": map[string]any{
		"commands": [][]string{
			{"apiclient", "ephemeral-storage", "init"},
			{"apiclient", "ephemeral-storage", "bind", "--dirs", "/var/lib/containerd", "/var/lib/kubelet", "/var/log/pods"},
		},
		"essential": true,
		"mode":      "always",
	}}
}
