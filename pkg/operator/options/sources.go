package options

import (
	"errors"
	"flag"
	"fmt"
	"net/netip"
	"net/url"
	"regexp"
	"slices"
	"strings"

	"github.com/karpenter-kubeadm/karpenter-provider-aws/pkg/join"
)

// sources are the flags of join.Sources as they were given.
type sources struct {
	packages, packageKey, binaries, httpProxy, httpsProxy, noProxy, registryMirrors string
}

// The flags of sources. They are named after nodes, since HTTP_PROXY and its like in the
// controller's own environment are for its own calls.
const (
	flagPackages   = "node-package-repository"
	flagPackageKey = "node-package-key"
	flagBinaries   = "node-binary-repository"
	flagHTTPProxy  = "node-http-proxy"
	flagHTTPSProxy = "node-https-proxy"
	flagNoProxy    = "node-no-proxy"
	flagMirrors    = "node-registry-mirrors"
)

func (s *sources) addFlags(fs *flag.FlagSet) {
	fs.StringVar(&s.packages, flagPackages, "", "The URL of a mirror of "+join.PublicPackages+", from which nodes install kubelet and kubeadm where their image lacks them. Below it are v<minor>/deb/ and v<minor>/rpm/.")
	fs.StringVar(&s.packageKey, flagPackageKey, "", "The URL of the key that those packages are signed with. By default the one beside them: Release.key, or repodata/repomd.xml.key.")
	fs.StringVar(&s.binaries, flagBinaries, "", "The URL of a mirror of "+join.PublicBinaries+", from which Flatcar nodes install kubelet and kubeadm where their image lacks them. Below it are v<version>/bin/linux/<arch>/, and cni-plugins/ and cri-tools/ with what these projects release.")
	fs.StringVar(&s.httpProxy, flagHTTPProxy, "", "The URL of the proxy through which nodes fetch http URLs: packages, and what containerd and kubelet fetch. Never metadata, the API server, services or pods.")
	fs.StringVar(&s.httpsProxy, flagHTTPSProxy, "", "The same for https URLs, with which images are fetched.")
	fs.StringVar(&s.noProxy, flagNoProxy, "", "What nodes reach without the proxy beside that, separated by commas: hosts, domains (.example.com) and networks (10.0.0.0/8).")
	fs.StringVar(&s.registryMirrors, flagMirrors, "", "Registries and the URLs of their mirrors, as registry.k8s.io=https://mirror.example.com/v2/k8s,..., for containerd on nodes. The registry * is all that are not named.")
}

// parse returns what nodes are told, and all faults.
func (s *sources) parse() (join.Sources, error) {
	mirrors, mirrorFault := parseMirrors(s.registryMirrors)
	noProxy := splitList(s.noProxy)
	wrong := slices.DeleteFunc(slices.Clone(noProxy), isException)
	proxied := s.httpProxy != "" || s.httpsProxy != ""
	faults := []error{
		checkURL(flagPackages, s.packages),
		checkURL(flagPackageKey, s.packageKey),
		checkURL(flagBinaries, s.binaries),
		checkProxy(flagHTTPProxy, s.httpProxy),
		checkProxy(flagHTTPSProxy, s.httpsProxy),
		check(flagNoProxy, s.noProxy, len(noProxy) == 0 || proxied, "needs --"+flagHTTPProxy+" or --"+flagHTTPSProxy),
		check(flagNoProxy, strings.Join(wrong, ","), len(wrong) == 0, "takes hosts, domains as .example.com and networks as 10.0.0.0/8"),
		mirrorFault,
	}
	return join.Sources{
		Packages: strings.TrimSuffix(s.packages, "/"), PackageKey: s.packageKey, Binaries: strings.TrimSuffix(s.binaries, "/"),
		HTTPProxy: strings.TrimSuffix(s.httpProxy, "/"), HTTPSProxy: strings.TrimSuffix(s.httpsProxy, "/"), NoProxy: noProxy,
		RegistryMirrors: mirrors,
	}, errors.Join(faults...)
}

func splitList(text string) []string {
	return strings.FieldsFunc(text, func(r rune) bool { return r == ',' || r == ' ' || r == '\n' })
}

// parseMirrors reads pairs of a registry and the URL of its mirror.
func parseMirrors(text string) (map[string]string, error) {
	pairs := splitList(text)
	faults := make([]error, 0, len(pairs))
	mirrors := map[string]string{}
	for _, pair := range pairs {
		if strings.Contains(pair, "@") {
			faults = append(faults, checkURL(flagMirrors, pair))
			continue
		}
		registry, mirror, _ := strings.Cut(pair, "=")
		if registry == "*" {
			registry = "_default" // containerd's word for it
		}
		faults = append(faults,
			check(flagMirrors, pair, isRegistry(registry), "takes registries by host, as registry.k8s.io=https://mirror.example.com, or * for all others"),
			check(flagMirrors, pair, mirror != "", "needs a URL behind each registry, as registry.k8s.io=https://mirror.example.com"),
			check(flagMirrors, pair, mirrors[registry] == "", "takes one mirror for each registry"),
			checkURL(flagMirrors, mirror),
		)
		mirrors[registry] = strings.TrimSuffix(mirror, "/")
	}
	return mirrors, errors.Join(faults...)
}

// What URLs and names may be made of. Both leave out what the files that hold them on nodes
// would need quoted.
var (
	plainPath = regexp.MustCompile(`^[A-Za-z0-9._~:/+-]*$`)
	hostName  = regexp.MustCompile(`^[A-Za-z0-9]([A-Za-z0-9.-]*[A-Za-z0-9])?$`)
)

// checkURL refuses what is neither empty nor a URL that nodes can use. What it says shows no password.
func checkURL(flag, text string) error {
	if text == "" {
		return nil
	}
	if strings.Contains(text, "@") {
		return fmt.Errorf("--%s (%s) must hold no user and password, since pods could read them in the user data of their node; "+
			"let the proxy or mirror know nodes by their addresses", flag, env(flag))
	}
	u, err := url.Parse(text)
	ok := err == nil && (u.Scheme == "http" || u.Scheme == "https") && isHost(u.Hostname()) && u.RawQuery == "" && u.Fragment == "" && plainPath.MatchString(u.Path)
	return check(flag, text, ok, "must be an http or https URL of letters, digits and ._~:/+-, for example https://mirror.example.com/kubernetes")
}

// checkProxy refuses what is no URL of a host and, at most, a port.
func checkProxy(flag, text string) error {
	if err := checkURL(flag, text); err != nil {
		return err
	}
	u, err := url.Parse(text)
	return check(flag, text, err == nil && strings.Trim(u.Path, "/") == "", "must have no path, as http://proxy.example.com:3128")
}

func isHost(name string) bool {
	_, err := netip.ParseAddr(name)
	return err == nil || hostName.MatchString(name)
}

// isRegistry accepts hosts with a port or without.
func isRegistry(name string) bool {
	if name == "_default" {
		return true
	}
	u, err := url.Parse("//" + name)
	return err == nil && u.Host == name && u.User == nil && isHost(u.Hostname())
}

func isException(text string) bool {
	_, err := netip.ParsePrefix(text)
	return err == nil || isHost(strings.TrimPrefix(text, "."))
}
