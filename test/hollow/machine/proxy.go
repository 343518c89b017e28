package machine

import (
	"net/netip"
	"net/url"
	"path"
	"regexp"
	"slices"
	"strings"

	"github.com/karpenter-kubeadm/karpenter-provider-aws/test/hollow/shell"
)

// leads is nil where a program whose proxies getenv knows reaches address. What is published
// it reaches through Config.Proxy and no other way, where there is one; what is near, metadata
// and the API server, through none.
func (m *Machine) leads(getenv func(string) string, address string) error {
	target, err := url.Parse(address)
	if err != nil {
		return err
	}
	host := target.Hostname()
	through := getenv(target.Scheme + "_proxy")
	if excepted(getenv("no_proxy"), host) {
		through = ""
	}
	wanted := m.config.Proxy
	if host == metadataHost || slices.Contains(m.config.Reachable, host) {
		wanted = ""
	}
	if through != wanted {
		return errNoRoute
	}
	return nil
}

// excepted reports whether a host is in a list of hosts, domains and networks.
func excepted(list, host string) bool {
	address, _ := netip.ParseAddr(host)
	return slices.ContainsFunc(strings.Split(list, ","), func(entry string) bool {
		network, err := netip.ParsePrefix(entry)
		return entry == host || (entry != "" && strings.HasSuffix(host, "."+strings.TrimPrefix(entry, "."))) || (err == nil && network.Contains(address))
	})
}

func hostOf(address string) string {
	target, err := url.Parse(address)
	if err != nil {
		return ""
	}
	return target.Hostname()
}

// aptSetting is a proxy in apt's configuration, of a scheme or of one host.
var aptSetting = regexp.MustCompile(`Acquire::(https?)::Proxy(?:::([^ ]+))? "([^"]*)";`)

// aptReaches reports whether there is such a repository, and apt knows the way.
func (m *Machine) aptReaches(p *shell.Proc, url string) bool {
	return m.config.serves(url) && m.leads(m.aptProxy(p), url) == nil
}

// aptProxy is what apt knows of proxies: its configuration, then its environment.
func (m *Machine) aptProxy(p *shell.Proc) func(string) string {
	known := map[string]string{}
	entries, err := m.FS.ReadDir("/etc/apt/apt.conf.d")
	if err != nil {
		return p.Getenv
	}
	for _, entry := range entries {
		content, err := m.FS.ReadFile(path.Join("/etc/apt/apt.conf.d", entry.Name()))
		if err != nil {
			continue
		}
		for _, setting := range aptSetting.FindAllStringSubmatch(string(content), -1) {
			if scheme, host, proxy := setting[1], setting[2], setting[3]; host == "" {
				known[scheme+"_proxy"] = proxy
			} else if proxy == "DIRECT" {
				known["no_proxy"] += "," + host
			}
		}
	}
	return func(name string) string {
		switch {
		case name == "no_proxy":
			return p.Getenv(name) + known[name]
		case known[name] != "":
			return known[name]
		}
		return p.Getenv(name)
	}
}

// dnfProxy is what dnf knows of proxies: one for all repositories that are not exempt in its
// configuration, then its environment.
func (m *Machine) dnfProxy(p *shell.Proc, repo dnfRepository) func(string) string {
	if repo.direct {
		return func(string) string { return "" }
	}
	content, err := m.FS.ReadFile("/etc/dnf/dnf.conf")
	if err != nil {
		return p.Getenv
	}
	_, rest, found := strings.Cut(string(content), "\nproxy=")
	line, _, _ := strings.Cut(rest, "\n")
	return func(name string) string {
		if found && name != "no_proxy" {
			return line
		}
		return p.Getenv(name)
	}
}
