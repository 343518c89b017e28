package bottlerocket

import (
	"context"
	"encoding/base64"
	"errors"
	"fmt"
	"maps"
	"slices"
	"strings"

	"sigs.k8s.io/yaml"

	"github.com/karpenter-kubeadm/karpenter-provider-aws/test/hollow/machine"
)

// Where the kubelet of a Bottlerocket has its files.
const (
	kubeletConfig       = "/etc/kubernetes/kubelet/config"
	kubeconfig          = "/etc/kubernetes/kubelet/kubeconfig"
	bootstrapKubeconfig = "/etc/kubernetes/kubelet/bootstrap-kubeconfig"
	clusterCA           = "/etc/kubernetes/pki/ca.crt"
)

// Run reads the user data of a machine that has booted, and starts its kubelet.
func Run(ctx context.Context, m *machine.Machine) error {
	s, err := parse(m.Facts.UserData)
	if err != nil {
		return err
	}
	if s.AuthenticationMode != "tls" {
		return errors.New("authentication mode aws is for EKS")
	}
	if err := s.generate(m.Facts); err != nil {
		return fmt.Errorf("pluto: %w", err)
	}
	if s.ClusterCertificate, err = base64.StdEncoding.DecodeString(s.EncodedCertificate); err != nil {
		return fmt.Errorf("settings.kubernetes.cluster-certificate: %w", err)
	}
	files, err := s.files()
	if err != nil {
		return err
	}
	for name, content := range files {
		if err := m.FS.Put(name, content, 0o600); err != nil {
			return err
		}
	}
	unit := "[Service]\nType=simple\nExecStart=/usr/bin/kubelet " + strings.Join(s.arguments(), " ") + "\nRestart=always\nRestartSec=5\n"
	if err := m.FS.Put("/etc/systemd/system/kubelet.service", []byte(unit), 0o644); err != nil {
		return err
	}
	if status := m.Systemctl(ctx, "start", "kubelet"); status != 0 {
		return fmt.Errorf("starting kubelet: status %d", status)
	}
	return nil
}

// generate completes settings as pluto does. For the private DNS name it asks EC2 itself,
// with the instance's role.
func (s *settings) generate(f machine.Facts) error {
	if s.ProviderID == "" {
		s.ProviderID = "aws:///" + f.Zone + "/" + f.ID
	}
	if s.NodeIP == "" {
		s.NodeIP = f.PrivateIP.String()
	}
	switch {
	case s.HostnameOverride != "":
	case s.HostnameOverrideSource == "instance-id":
		s.HostnameOverride = f.ID
	case f.Role == nil:
		return errors.New("DescribeInstances: no credentials in the instance's metadata")
	default:
		s.HostnameOverride = f.PrivateDNS
	}
	return nil
}

// arguments are the kubelet's, of which the real one has some more.
func (s *settings) arguments() []string {
	provider := "external"
	if s.CloudProvider != nil {
		provider = *s.CloudProvider
	}
	var taints []string
	for _, key := range slices.Sorted(maps.Keys(s.NodeTaints)) {
		for _, value := range s.NodeTaints[key] {
			taints = append(taints, key+"="+value)
		}
	}
	labels := make([]string, 0, len(s.NodeLabels))
	for _, key := range slices.Sorted(maps.Keys(s.NodeLabels)) {
		labels = append(labels, key+"="+s.NodeLabels[key])
	}
	return []string{
		"--cloud-provider=" + provider,
		"--kubeconfig=" + kubeconfig,
		"--bootstrap-kubeconfig=" + bootstrapKubeconfig,
		"--config=" + kubeletConfig,
		"--container-runtime-endpoint=" + machine.CRISocket,
		"--cert-dir=/var/lib/kubelet/pki",
		"--hostname-override=" + s.HostnameOverride,
		"--node-ip=" + s.NodeIP,
		"--node-labels=" + strings.Join(labels, ","),
		"--register-with-taints=" + strings.Join(taints, ","),
	}
}

// files are what the kubelet reads.
func (s *settings) files() (map[string][]byte, error) {
	type entry map[string]any
	dns, ok := s.ClusterDNS.([]any)
	if !ok && s.ClusterDNS != nil {
		dns = []any{s.ClusterDNS}
	}
	config := entry{
		"apiVersion": "kubelet.config.k8s.io/v1beta1", "kind": "KubeletConfiguration",
		"cgroupDriver": "systemd", "failSwapOn": false, "clusterDomain": s.ClusterDomain, "clusterDNS": dns,
		"kubeReserved": s.reserved(), "providerID": s.ProviderID, "serverTLSBootstrap": s.ServerTLSBootstrap == nil || *s.ServerTLSBootstrap,
	}
	if s.MaxPods > 0 {
		config["maxPods"] = s.MaxPods
	}
	if len(s.SystemReserved) > 0 {
		config["systemReserved"] = s.SystemReserved
	}
	if len(s.EvictionHard) > 0 {
		config["evictionHard"] = s.EvictionHard
	}
	const name = "kubelet"
	bootstrap := entry{
		"apiVersion": "v1", "kind": "Config", "current-context": name,
		"clusters": []entry{{"name": name, "cluster": entry{"server": s.APIServer, "certificate-authority": clusterCA}}},
		"users":    []entry{{"name": name, "user": entry{"token": s.BootstrapToken}}},
		"contexts": []entry{{"name": name, "context": entry{"cluster": name, "user": name}}},
	}
	files := map[string][]byte{clusterCA: s.ClusterCertificate}
	var err error
	if files[kubeletConfig], err = yaml.Marshal(config); err != nil {
		return nil, fmt.Errorf("writing kubelet's configuration: %w", err)
	}
	if files[bootstrapKubeconfig], err = yaml.Marshal(bootstrap); err != nil {
		return nil, fmt.Errorf("writing bootstrap kubeconfig: %w", err)
	}
	return files, nil
}

// reserved is what is held back for Kubernetes: where a setting says nothing, Bottlerocket has
// its own idea of it.
func (s *settings) reserved() map[string]string {
	all := map[string]string{"cpu": "70m", "memory": fmt.Sprintf("%dMi", 11*max(s.MaxPods, 1)+255), "ephemeral-storage": "1Gi"}
	maps.Copy(all, s.KubeReserved)
	return all
}
