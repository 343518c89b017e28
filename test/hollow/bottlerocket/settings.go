package bottlerocket

import (
	"bytes"
	"compress/gzip"
	"errors"
	"fmt"
	"io"
	"regexp"
	"slices"

	"github.com/pelletier/go-toml/v2"
)

// settings are those of Kubernetes, as far as they are of the kubelet that is played here;
// the rest is known by name only.
type settings struct {
	APIServer              string              `toml:"api-server"`
	AuthenticationMode     string              `toml:"authentication-mode"`
	BootstrapToken         string              `toml:"bootstrap-token"`
	CloudProvider          *string             `toml:"cloud-provider"`
	ClusterCertificate     []byte              `toml:"-"`
	ClusterDNS             any                 `toml:"cluster-dns-ip"` // one or a list
	ClusterDomain          string              `toml:"cluster-domain"`
	ClusterName            string              `toml:"cluster-name"`
	EncodedCertificate     string              `toml:"cluster-certificate"`
	EvictionHard           map[string]string   `toml:"eviction-hard"`
	EvictionSoft           map[string]string   `toml:"eviction-soft"`
	EvictionSoftGrace      map[string]string   `toml:"eviction-soft-grace-period"`
	EvictionMaxGrace       int                 `toml:"eviction-max-pod-grace-period"`
	HostnameOverride       string              `toml:"hostname-override"`
	HostnameOverrideSource string              `toml:"hostname-override-source"`
	ImageGCHigh            any                 `toml:"image-gc-high-threshold-percent"`
	ImageGCLow             any                 `toml:"image-gc-low-threshold-percent"`
	KubeReserved           map[string]string   `toml:"kube-reserved"`
	MaxPods                int                 `toml:"max-pods"`
	NodeIP                 string              `toml:"node-ip"`
	NodeLabels             map[string]string   `toml:"node-labels"`
	NodeTaints             map[string][]string `toml:"node-taints"`
	ProviderID             string              `toml:"provider-id"`
	ServerTLSBootstrap     *bool               `toml:"server-tls-bootstrap"`
	SystemReserved         map[string]string   `toml:"system-reserved"`

	AllowedUnsafeSysctls  []string       `toml:"allowed-unsafe-sysctls"`
	CPUCFSQuota           bool           `toml:"cpu-cfs-quota-enforced"`
	CPUManagerPolicy      string         `toml:"cpu-manager-policy"`
	ContainerLogMaxFiles  int            `toml:"container-log-max-files"`
	ContainerLogMaxSize   string         `toml:"container-log-max-size"`
	PodPidsLimit          int            `toml:"pod-pids-limit"`
	StaticPods            map[string]any `toml:"static-pods"`
	TopologyManagerPolicy string         `toml:"topology-manager-policy"`
}

// What the API takes.
var (
	bootstrapToken = regexp.MustCompile(`^[a-z0-9]{6}\.[a-z0-9]{16}$`)
	clusterName    = regexp.MustCompile(`^[0-9A-Za-z][0-9A-Za-z_-]{0,99}$`)
	taintValue     = regexp.MustCompile(`^([0-9A-Za-z]([0-9A-Za-z._-]{0,61}[0-9A-Za-z])?)?:[0-9A-Za-z]{1,253}$`)
	quantity       = regexp.MustCompile(`^[+-]?[0-9.]+(e?[0-9]*|(E|P|T|G|M|K)i?|n|u|m|k)?$`)
	percentage     = regexp.MustCompile(`^[0-9]{1,2}(\.[0-9]+)?%$`)
)

// parse reads user data as the API does: TOML, packed with gzip or not.
func parse(userData []byte) (settings, error) {
	// Defaults of the variants.
	s := settings{AuthenticationMode: "aws", ClusterDomain: "cluster.local", HostnameOverrideSource: "private-dns-name"}
	if bytes.HasPrefix(userData, []byte{0x1f, 0x8b}) {
		reader, err := gzip.NewReader(bytes.NewReader(userData))
		if err != nil {
			return s, fmt.Errorf("unpacking user data: %w", err)
		}
		if userData, err = io.ReadAll(reader); err != nil {
			return s, fmt.Errorf("unpacking user data: %w", err)
		}
	}
	var document struct {
		Settings map[string]any `toml:"settings"`
	}
	decoder := toml.NewDecoder(bytes.NewReader(userData)).DisallowUnknownFields()
	if err := decoder.Decode(&document); err != nil {
		return s, fmt.Errorf("reading user data: %w", err)
	}
	kubernetes, err := toml.Marshal(document.Settings["kubernetes"])
	if err != nil {
		return s, fmt.Errorf("reading settings.kubernetes: %w", err)
	}
	if err := toml.NewDecoder(bytes.NewReader(kubernetes)).DisallowUnknownFields().Decode(&s); err != nil {
		return s, fmt.Errorf("reading settings.kubernetes: %w", err)
	}
	return s, s.validate()
}

// validate refuses values that the API does not take.
func (s settings) validate() error {
	var errs []error
	expect := func(ok bool, name, value string) {
		if !ok {
			errs = append(errs, fmt.Errorf("settings.kubernetes.%s: %q is not valid", name, value))
		}
	}
	expect(slices.Contains([]string{"aws", "tls"}, s.AuthenticationMode), "authentication-mode", s.AuthenticationMode)
	expect(s.BootstrapToken == "" || bootstrapToken.MatchString(s.BootstrapToken), "bootstrap-token", "...")
	expect(clusterName.MatchString(s.ClusterName), "cluster-name", s.ClusterName)
	expect(slices.Contains([]string{"private-dns-name", "instance-id"}, s.HostnameOverrideSource), "hostname-override-source", s.HostnameOverrideSource)
	if s.CloudProvider != nil {
		expect(slices.Contains([]string{"", "aws", "external"}, *s.CloudProvider), "cloud-provider", *s.CloudProvider)
	}
	for _, values := range s.NodeTaints {
		for _, value := range values {
			expect(taintValue.MatchString(value), "node-taints", value)
		}
	}
	for name, reserved := range map[string]map[string]string{"kube-reserved": s.KubeReserved, "system-reserved": s.SystemReserved} {
		for resource, value := range reserved {
			expect(slices.Contains([]string{"cpu", "memory", "ephemeral-storage"}, resource), name, resource)
			expect(quantity.MatchString(value), name, value)
		}
	}
	for signal, value := range s.EvictionHard {
		expect(slices.Contains([]string{"memory.available", "nodefs.available", "nodefs.inodesFree", "imagefs.available", "imagefs.inodesFree", "pid.available"}, signal), "eviction-hard", signal)
		expect(quantity.MatchString(value) || percentage.MatchString(value), "eviction-hard", value)
	}
	return errors.Join(errs...)
}
