package join

import (
	_ "embed"
	"net/url"

	"github.com/karpenter-kubeadm/karpenter-provider-aws/pkg/cluster"
)

// PublicBinaries is where the Kubernetes project serves its programs.
const PublicBinaries = "https://dl.k8s.io/release"

// Where other projects serve theirs.
const (
	publicCNIPlugins = "https://github.com/containernetworking/plugins/releases/download"
	publicCRITools   = "https://github.com/kubernetes-sigs/cri-tools/releases/download"
)

var (
	//go:embed scripts/flatcar.sh
	flatcarScript string
	//go:embed scripts/karpenter-join.service
	joinUnit string
)

// scriptFile holds the script with its secret until it has run.
const scriptFile = "/opt/karpenter/join.sh"

// volumePlugins is a folder that a Flatcar's kubelet can make; its default is below /usr.
const volumePlugins = "/opt/libexec/kubernetes/kubelet-plugins/volume/exec/"

// renderFlatcar returns an Ignition configuration: the user's, and over it ours, which has a
// script run that is much like the other families'. Ignition runs at the first boot only, and
// so does the script.
func renderFlatcar(spec Spec) ([]byte, error) {
	switch {
	case spec.Cluster.Mode != cluster.Kubeadm:
		return nil, &SpecError{Field: "spec.amiFamily", Problem: "Flatcar is rendered for kubeadm clusters only; use Custom"}
	case fillsIn(spec.UserData):
		return nil, &SpecError{Field: "spec.userData", Problem: placeholderBootstrap + " is not filled in on Flatcar, " +
			"where Karpenter's own unit joins; remove it, or use Custom"}
	}
	script, err := scripted{family: Flatcar, packages: flatcarScript}.join(spec)
	if err != nil {
		return nil, err
	}
	return mergeIgnition(spec.UserData, ignitionConfig{
		Ignition: ignition{Version: ignitionVersion},
		Storage: &storage{Files: []file{{
			Path: scriptFile, Mode: 0o700, Overwrite: true, Contents: resource{Source: "data:," + url.PathEscape(script)},
		}}},
		Systemd: &systemd{Units: []unit{{Name: "karpenter-join.service", Enabled: true, Contents: joinUnit}}},
	})
}

// binaryVariables are where a machine without packages gets its programs from. A mirror has
// those of other projects beside Kubernetes' own.
func binaryVariables(s Sources) []variable {
	if s.Binaries != "" {
		return []variable{{"binaries", s.Binaries}, {"cni_plugins", s.Binaries + "/cni-plugins"}, {"cri_tools", s.Binaries + "/cri-tools"}}
	}
	return []variable{{"binaries", PublicBinaries}, {"cni_plugins", publicCNIPlugins}, {"cri_tools", publicCRITools}}
}
