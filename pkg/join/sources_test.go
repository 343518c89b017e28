package join_test

import (
	"strings"
	"testing"

	. "github.com/onsi/gomega"
	"github.com/pelletier/go-toml/v2"

	"github.com/karpenter-kubeadm/karpenter-provider-aws/pkg/join"
	"github.com/karpenter-kubeadm/karpenter-provider-aws/test/hollow/machine"
)

const (
	mirror = "http://mirror.example.com/kubernetes/core:/stable:"
	proxy  = "http://proxy.example.com:3128"
)

// elsewhere has something for all that can be told of where to fetch from.
func elsewhere() join.Sources {
	return join.Sources{
		Packages: mirror, PackageKey: "https://mirror.example.com/key.asc", HTTPProxy: proxy, HTTPSProxy: proxy, NoProxy: []string{".example.com"},
		RegistryMirrors: map[string]string{"_default": "https://mirror.example.com", "registry.k8s.io": "https://mirror.example.com/v2/k8s"},
	}
}

// eachJoin boots each scripted family twice: joining by itself, and with a script of the
// user's, which knows nothing of where packages come from.
func eachJoin(t *testing.T, i image, change func(*join.Spec), look func(g Gomega, family string, b *booted)) {
	t.Helper()
	t.Run("by itself", func(t *testing.T) { eachScripted(t, i, change, look) })
	for name, family := range scripted {
		t.Run("by the user's script/"+name, func(t *testing.T) {
			t.Parallel()
			s := served(t, spec(t, func(s *join.Spec) { s.Family = family.family }))
			s.UserData = "#!/bin/bash\nset -ex\n" + family.users + "\ncontainerd config default > /etc/containerd/config.toml\nsystemctl restart containerd\n" +
				"kubeadm join ${CLUSTER_ENDPOINT}:6443 --token ${BOOTSTRAP_TOKEN} --discovery-token-ca-cert-hash sha256:${CA_CERT_HASH}\n"
			change(&s)
			own := i
			own.name = family.image
			look(NewWithT(t), name, boot(t, s, own))
		})
	}
}

func expectJoined(g Gomega, b *booted) {
	g.Expect(b.joins).To(HaveLen(1), b.Console.Text())
	g.Expect(phases(b.Console.Text())).NotTo(ContainElement(ContainSubstring("result=error")), b.Console.Text())
}

// The machine does not reach pkgs.k8s.io.
func TestPackagesComeFromAMirror(t *testing.T) {
	around := func(c *machine.Config) { c.Packages = mirror }
	eachJoin(t, image{around: around}, func(s *join.Spec) { s.Sources.Packages = mirror }, func(g Gomega, family string, b *booted) {
		expectJoined(g, b)
		g.Expect(b.file(scripted[family].repository)).To(ContainSubstring(mirror + "/v1.36/"))
	})
}

func TestPackagesComeFromNowhereElse(t *testing.T) {
	around := func(c *machine.Config) { c.Packages = mirror }
	eachScripted(t, image{around: around}, nil, func(g Gomega, _ string, b *booted) {
		g.Expect(b.joins).To(BeEmpty(), "the machine reaches the mirror only, and was not told of it")
	})
}

func TestTheKeyOfPackagesMayBeElsewhere(t *testing.T) {
	change := func(s *join.Spec) { s.Sources.PackageKey = "https://pkgs.k8s.io/core:/stable:/v1.35/deb/Release.key" }
	eachJoin(t, image{}, change, func(g Gomega, family string, b *booted) {
		expectJoined(g, b)
		if family == "AL2023" {
			g.Expect(b.file(scripted[family].repository)).To(ContainSubstring("gpgkey=https://pkgs.k8s.io/core:/stable:/v1.35/deb/Release.key\n"))
		}
	})
	change = func(s *join.Spec) { s.Sources.PackageKey = "https://pkgs.k8s.io/nothing.key" }
	eachScripted(t, image{}, change, func(g Gomega, _ string, b *booted) { g.Expect(b.joins).To(BeEmpty()) })
}

// Everything but metadata and the API server is behind the proxy, and they are not.
func TestWhatIsFetchedComesThroughTheProxy(t *testing.T) {
	around := func(c *machine.Config) { c.Proxy = proxy }
	change := func(s *join.Spec) {
		s.Cluster.ServiceCIDR, s.Cluster.PodCIDR = "10.96.0.0/12", "10.244.0.0/16,fd00:10:244::/56"
		s.Sources.HTTPProxy, s.Sources.HTTPSProxy = proxy, proxy
		s.Sources.NoProxy = []string{".example.org", "10.0.0.0/8"}
	}
	eachJoin(t, image{around: around}, change, func(g Gomega, _ string, b *booted) {
		expectJoined(g, b)
		for _, service := range []string{"containerd", "kubelet"} {
			unit := b.file("/etc/systemd/system/" + service + ".service.d/10-karpenter-proxy.conf")
			g.Expect(unit).To(And(HavePrefix("[Service]\n"), ContainSubstring(`Environment="HTTP_PROXY=`+proxy+`"`), ContainSubstring(`Environment="HTTPS_PROXY=`+proxy+`"`)))
			_, list, _ := strings.Cut(unit, `"NO_PROXY=`)
			list, _, _ = strings.Cut(list, `"`)
			g.Expect(strings.Split(list, ",")).To(Equal([]string{
				"localhost", "127.0.0.1", "::1", "169.254.169.254", "fd00:ec2::254", "127.0.0.1",
				"10.96.0.0/12", "10.244.0.0/16", "fd00:10:244::/56", ".svc", ".cluster.local", ".example.org", "10.0.0.0/8",
			}))
		}
	})
}

func TestWithoutTheProxyNothingIsFetched(t *testing.T) {
	around := func(c *machine.Config) { c.Proxy = proxy }
	eachScripted(t, image{around: around}, nil, func(g Gomega, _ string, b *booted) { g.Expect(b.joins).To(BeEmpty()) })
	change := func(s *join.Spec) { s.Sources.HTTPProxy, s.Sources.HTTPSProxy = proxy, proxy }
	eachScripted(t, image{}, change, func(g Gomega, _ string, b *booted) {
		g.Expect(b.joins).To(BeEmpty(), "there is no such proxy")
	})
}

// A mirror in the same network is an exception of the proxy's, also for apt and dnf alone.
func TestAMirrorCanBeAnExceptionOfTheProxy(t *testing.T) {
	around := func(c *machine.Config) {
		c.Proxy, c.Packages = proxy, mirror
		c.Reachable = append(c.Reachable, "mirror.example.com")
	}
	change := func(s *join.Spec) {
		s.Sources = join.Sources{Packages: mirror, PackageKey: "https://download.docker.com/linux/ubuntu/gpg", HTTPProxy: proxy, HTTPSProxy: proxy, NoProxy: []string{"mirror.example.com"}}
	}
	eachJoin(t, image{around: around}, change, func(g Gomega, _ string, b *booted) { expectJoined(g, b) })
}

func TestImagesComeFromMirrorsOfRegistries(t *testing.T) {
	change := func(s *join.Spec) {
		s.Sources.RegistryMirrors = map[string]string{"registry.k8s.io": "https://mirror.example.com/v2/k8s", "_default": "http://10.0.0.1:5000", "quay.io": "http://10.0.0.1:5000"}
	}
	before := func(m *machine.Machine) {
		if err := m.FS.Put("/etc/containerd/certs.d/quay.io/hosts.toml", []byte("the image's own"), 0o644); err != nil {
			panic(err)
		}
	}
	for _, baked := range []string{"", "1.36.3"} {
		eachJoin(t, image{baked: baked, before: before}, change, func(g Gomega, _ string, b *booted) {
			expectJoined(g, b)
			g.Expect(hosts(g, b, "registry.k8s.io")).To(Equal(map[string]any{
				"https://mirror.example.com/v2/k8s": map[string]any{"capabilities": []any{"pull", "resolve"}, "override_path": true},
			}))
			g.Expect(hosts(g, b, "_default")).To(Equal(map[string]any{
				"http://10.0.0.1:5000": map[string]any{"capabilities": []any{"pull", "resolve"}},
			}))
			g.Expect(b.file("/etc/containerd/certs.d/quay.io/hosts.toml")).To(Equal("the image's own"))
			var config struct {
				Plugins map[string]map[string]any
			}
			g.Expect(toml.Unmarshal([]byte(b.file("/etc/containerd/config.toml")), &config)).To(Succeed())
			g.Expect(config.Plugins["io.containerd.grpc.v1.cri"]["registry"]).To(Equal(map[string]any{"config_path": "/etc/containerd/certs.d"}))
		})
	}
}

func hosts(g Gomega, b *booted, registry string) map[string]any {
	var file struct {
		Host map[string]any
	}
	g.Expect(toml.Unmarshal([]byte(b.file("/etc/containerd/certs.d/"+registry+"/hosts.toml")), &file)).To(Succeed())
	return file.Host
}

// A prepared image's configuration may say nothing of registries, or all in the older way.
func TestTheImagesConfigurationLearnsOfMirrors(t *testing.T) {
	cri := `[plugins."io.containerd.grpc.v1.cri".containerd.runtimes.runc.options]` + "\nSystemdCgroup = true\n"
	for name, tc := range map[string]struct{ before, want string }{
		"that says nothing": {"version = 2\n" + cri, `[plugins."io.containerd.grpc.v1.cri".registry]` + "\n  config_path = \"/etc/containerd/certs.d\"\n"},
		"of containerd 2": {
			"version = 3\n" + strings.ReplaceAll(cri, "grpc.v1.cri", "cri.v1.runtime"),
			`[plugins."io.containerd.cri.v1.images".registry]` + "\n  config_path = \"/etc/containerd/certs.d\"\n",
		},
		"that names another folder": {"version = 2\n" + cri + `[plugins."io.containerd.grpc.v1.cri".registry]` + "\n  config_path = \"\"\n", "config_path = \"/etc/containerd/certs.d\"\n"},
		"that has mirrors itself": {
			"version = 2\n" + cri + `[plugins."io.containerd.grpc.v1.cri".registry.mirrors."docker.io"]` + "\nendpoint = [\"https://own\"]\n",
			"endpoint = [\"https://own\"]\n",
		},
	} {
		t.Run(name, func(t *testing.T) {
			t.Parallel()
			g := NewWithT(t)
			s := served(t, spec(t, func(s *join.Spec) {
				s.Sources.RegistryMirrors = map[string]string{"docker.io": "https://mirror.example.com"}
			}))
			b := boot(t, s, image{name: stock, baked: "1.36.3", before: func(m *machine.Machine) {
				if err := m.FS.Put("/etc/containerd/config.toml", []byte(tc.before), 0o644); err != nil {
					panic(err)
				}
			}})
			expectJoined(g, b)
			g.Expect(b.file("/etc/containerd/config.toml")).To(HaveSuffix(tc.want))
			var document map[string]any
			g.Expect(toml.Unmarshal([]byte(b.file("/etc/containerd/config.toml")), &document)).To(Succeed())
		})
	}
}

func TestSourcesThatAreTheInternetLeaveNothingInUserData(t *testing.T) {
	g := NewWithT(t)
	plain := render(t, spec(t, nil))[0].body
	for _, word := range []string{"proxy()", "registry_hosts()"} {
		g.Expect(plain).NotTo(ContainSubstring(word))
	}
}
