package join

import (
	"maps"
	"net/netip"
	"slices"
	"strings"

	"github.com/karpenter-kubeadm/karpenter-provider-aws/pkg/cluster"
)

// PublicPackages is where the Kubernetes project serves its packages.
const PublicPackages = "https://pkgs.k8s.io/core:/stable:"

// Sources say where machines get packages and images from, where that is not straight from
// the internet. The zero value is the internet.
type Sources struct {
	// Packages is the URL that stands for PublicPackages, without a slash at its end: below it
	// are v1.36/deb/ and v1.36/rpm/. Empty for PublicPackages itself.
	Packages string
	// PackageKey is the URL of the key that packages are signed with; empty where it is beside
	// them, as PublicPackages has it.
	PackageKey string
	// Binaries is the URL that stands for PublicBinaries, for families without packages, without
	// a slash at its end: below it are v1.36.3/bin/linux/amd64/kubelet and its like with their
	// digests, and below cni-plugins/ and cri-tools/ what these projects release, as they do.
	Binaries string
	// HTTPProxy and HTTPSProxy are URLs of proxies, for what is fetched by http and by https.
	HTTPProxy, HTTPSProxy string
	// NoProxy are hosts, domains (".example.com") and networks that are reached without a
	// proxy, beside those that every node reaches so.
	NoProxy []string
	// RegistryMirrors has by registry, "registry.k8s.io", or "_default" for all others, the URL
	// of its mirror. One that names a folder of the mirror's API has it, "https://m.example.com/v2/k8s".
	RegistryMirrors map[string]string
}

func (s Sources) proxied() bool { return s.HTTPProxy != "" || s.HTTPSProxy != "" }

// packages is never empty.
func (s Sources) packages() string {
	if s.Packages == "" {
		return PublicPackages
	}
	return s.Packages
}

// named reports whether a script of the user's brings Kubernetes' package repository itself.
func (s Sources) named(script string) bool {
	return strings.Contains(script, "pkgs.k8s.io") || strings.Contains(script, s.packages())
}

// exceptions are reached without the proxy: the machine itself, its metadata, which no other
// machine must answer for, the API server, services and pods, then what the user says.
func exceptions(spec Spec) []string {
	hosts := []string{"localhost", "127.0.0.1", "::1", "169.254.169.254", "fd00:ec2::254", cluster.Host(spec.Cluster.Endpoint)}
	for _, network := range strings.Split(spec.Cluster.ServiceCIDR+","+spec.Cluster.PodCIDR, ",") {
		if _, err := netip.ParsePrefix(network); err == nil {
			hosts = append(hosts, network)
		}
	}
	hosts = append(hosts, ".svc", ".cluster.local")
	for _, host := range spec.Sources.NoProxy {
		if !slices.Contains(hosts, host) {
			hosts = append(hosts, host)
		}
	}
	return hosts
}

// sourceVariables are what scripts are told of spec's sources.
func sourceVariables(spec Spec) []variable {
	s := spec.Sources
	variables := []variable{{"package_repository", s.packages()}, {"package_key", s.PackageKey}}
	if spec.Family == Flatcar {
		variables = binaryVariables(s)
	}
	if s.proxied() {
		variables = append(variables,
			variable{"proxy_http", s.HTTPProxy},
			variable{"proxy_https", s.HTTPSProxy},
			variable{"proxy_except", strings.Join(exceptions(spec), ",")},
		)
	}
	if len(s.RegistryMirrors) > 0 {
		lines := make([]string, 0, len(s.RegistryMirrors))
		for _, registry := range slices.Sorted(maps.Keys(s.RegistryMirrors)) {
			lines = append(lines, registry+" "+s.RegistryMirrors[registry])
		}
		variables = append(variables, variable{"registry_mirrors", strings.Join(lines, "\n")})
	}
	return variables
}
