package options_test

import (
	"io"
	"testing"

	. "github.com/onsi/gomega"

	"github.com/karpenter-kubeadm/karpenter-provider-aws/pkg/join"
	"github.com/karpenter-kubeadm/karpenter-provider-aws/pkg/operator/options"
)

func TestNodesAreToldWhereToFetchFrom(t *testing.T) {
	for name, tc := range map[string]struct {
		env  map[string]string
		want join.Sources
	}{
		"the internet": {want: join.Sources{RegistryMirrors: map[string]string{}}},
		"a mirror of packages": {
			env: map[string]string{"NODE_PACKAGE_REPOSITORY": "https://mirrors.example.com/kubernetes/core:/stable:/", "NODE_PACKAGE_KEY": "http://10.0.0.1:8081/key.asc"},
			want: join.Sources{
				Packages: "https://mirrors.example.com/kubernetes/core:/stable:", PackageKey: "http://10.0.0.1:8081/key.asc", RegistryMirrors: map[string]string{},
			},
		},
		"a mirror of programs": {
			env:  map[string]string{"NODE_BINARY_REPOSITORY": "https://mirror.example.com/k8s/"},
			want: join.Sources{Binaries: "https://mirror.example.com/k8s", RegistryMirrors: map[string]string{}},
		},
		"a proxy": {
			env: map[string]string{"NODE_HTTP_PROXY": "http://proxy.example.com:3128", "NODE_HTTPS_PROXY": "http://[fd00::1]:3128/", "NODE_NO_PROXY": ".example.com, 10.0.0.0/8,fd00::/8,mirror"},
			want: join.Sources{
				HTTPProxy: "http://proxy.example.com:3128", HTTPSProxy: "http://[fd00::1]:3128",
				NoProxy: []string{".example.com", "10.0.0.0/8", "fd00::/8", "mirror"}, RegistryMirrors: map[string]string{},
			},
		},
		"mirrors of registries": {
			env:  map[string]string{"NODE_REGISTRY_MIRRORS": "registry.k8s.io=https://m.example.com/v2/k8s,*=https://m.example.com:5000,localhost:5000=http://m"},
			want: join.Sources{RegistryMirrors: map[string]string{"registry.k8s.io": "https://m.example.com/v2/k8s", "_default": "https://m.example.com:5000", "localhost:5000": "http://m"}},
		},
	} {
		t.Run(name, func(t *testing.T) {
			g := NewWithT(t)
			t.Setenv("CLUSTER_NAME", "one")
			for name, value := range tc.env {
				t.Setenv(name, value)
			}
			_, o, err := options.Read(nil, io.Discard)
			g.Expect(err).NotTo(HaveOccurred())
			if tc.want.NoProxy == nil {
				g.Expect(o.Sources.NoProxy).To(BeEmpty())
				o.Sources.NoProxy = nil
			}
			g.Expect(o.Sources).To(Equal(tc.want))
		})
	}
}

func TestPlacesThatNodesCannotFetchFromAreRefused(t *testing.T) {
	for name, tc := range map[string]struct {
		flag, value, want string
	}{
		"a mirror without scheme":            {"node-package-repository", "mirror.example.com/k8s", `--node-package-repository (NODE_PACKAGE_REPOSITORY) must be an http or https URL`},
		"a mirror by a scheme that is none":  {"node-package-repository", "ftp://mirror.example.com", `not "ftp://mirror.example.com"`},
		"a mirror that ends a line":          {"node-package-repository", "https://mirror.example.com/a b", "--node-package-repository"},
		"a mirror that ends a string":        {"node-package-repository", `https://mirror.example.com/"`, "--node-package-repository"},
		"a mirror that runs a command":       {"node-package-repository", "https://mirror.example.com/$(reboot)", "--node-package-repository"},
		"a mirror with a query":              {"node-package-key", "https://mirror.example.com/key?a=b", "--node-package-key (NODE_PACKAGE_KEY)"},
		"a proxy without scheme":             {"node-http-proxy", "proxy.example.com:3128", "--node-http-proxy (NODE_HTTP_PROXY) must be an http or https URL"},
		"a proxy with a path":                {"node-https-proxy", "http://proxy.example.com/squid", "--node-https-proxy (NODE_HTTPS_PROXY) must have no path"},
		"an exception without a proxy":       {"node-no-proxy", "example.com", `--node-no-proxy (NODE_NO_PROXY) needs --node-http-proxy or --node-https-proxy`},
		"a registry without mirror":          {"node-registry-mirrors", "docker.io", `needs a URL behind each registry, as registry.k8s.io=https://mirror.example.com, not "docker.io"`},
		"a registry that leaves its folder":  {"node-registry-mirrors", "../../x=https://m", "takes registries by host"},
		"a registry with a scheme":           {"node-registry-mirrors", "https://docker.io=https://m", "takes registries by host"},
		"a registry that is named twice":     {"node-registry-mirrors", "a.io=https://m,a.io=https://n", "one mirror for each registry"},
		"a registry whose mirror is no URL":  {"node-registry-mirrors", "docker.io=m.example.com", "must be an http or https URL"},
		"a registry that is the empty name":  {"node-registry-mirrors", "=https://m", "takes registries by host"},
		"a registry that has a user at home": {"node-registry-mirrors", "me@a.io=https://m", "must hold no user and password"},
	} {
		t.Run(name, func(t *testing.T) {
			g := NewWithT(t)
			_, _, err := options.Read([]string{"--cluster-name=one", "--" + tc.flag + "=" + tc.value}, io.Discard)
			g.Expect(err).To(MatchError(ContainSubstring(tc.want)))
		})
	}
}

func TestExceptionsOfAProxyAreHostsDomainsAndNetworks(t *testing.T) {
	for _, wrong := range []string{"*", "*.example.com", "http://example.com", "10.0.0.0/33", `a"b`, "a;b"} {
		g := NewWithT(t)
		_, _, err := options.Read([]string{"--cluster-name=one", "--node-http-proxy=http://p:1", "--node-no-proxy=" + wrong}, io.Discard)
		g.Expect(err).To(MatchError(ContainSubstring("takes hosts, domains as .example.com and networks as 10.0.0.0/8")), wrong)
	}
}

func TestAPasswordOfAProxyIsRefusedAndNotShown(t *testing.T) {
	g := NewWithT(t)
	for flag, value := range map[string]string{
		"node-http-proxy": "http://me:hunter2@proxy:3128", "node-package-repository": "https://me:hunter2@mirror", "node-registry-mirrors": "a.io=https://me:hunter2@m",
	} {
		_, _, err := options.Read([]string{"--cluster-name=one", "--" + flag + "=" + value}, io.Discard)
		g.Expect(err).To(MatchError(ContainSubstring("--" + flag)))
		g.Expect(err).To(MatchError(ContainSubstring("must hold no user and password")))
		g.Expect(err.Error()).NotTo(ContainSubstring("hunter2"))
	}
}
