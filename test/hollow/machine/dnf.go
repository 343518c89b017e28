package machine

import (
	"context"
	"path"
	"slices"
	"strings"

	"github.com/karpenter-kubeadm/karpenter-provider-aws/test/hollow/shell"
)

// dnf is dnf and yum: install from the repositories of /etc/yum.repos.d.
func (m *Machine) dnf(ctx context.Context, p *shell.Proc) int {
	m.packages.Lock()
	defer m.packages.Unlock()
	words := aptWords(p.Args[1:])
	if len(words) == 0 {
		return p.Fail(1, "no command given")
	}
	switch words[0] {
	case "install", "reinstall":
		return m.dnfInstall(ctx, p, words[1:])
	case "remove", "erase":
		for _, name := range words[1:] {
			if err := m.removePackage(name); err != nil {
				return p.Fail(1, "%v", err)
			}
		}
		return 0
	case "list":
		return m.dnfList(p, words[1:])
	case "update", "upgrade", "makecache", "clean", "check-update", "versionlock", "config-manager":
		return 0
	}
	return p.Fail(1, "No such command: %s", words[0])
}

// dnfList finds packages as install would.
func (m *Machine) dnfList(p *shell.Proc, names []string) int {
	status := 1
	for _, wanted := range names {
		if one, ok := m.dnfFind(p, wanted, lifted(p)); ok {
			p.Printf("%s.x86_64 %s\n", one.name, one.version)
			status = 0
		}
	}
	if status != 0 {
		return p.Fail(status, "Error: No matching Packages to list")
	}
	return status
}

// lifted is the repository whose exclusions do not count, or all.
func lifted(p *shell.Proc) string {
	for _, arg := range p.Args {
		if value, ok := strings.CutPrefix(arg, "--disableexcludes="); ok {
			return value
		}
	}
	return ""
}

func (m *Machine) dnfInstall(ctx context.Context, p *shell.Proc, names []string) int {
	var found []pkg
	for _, wanted := range names {
		one, ok := m.dnfFind(p, wanted, lifted(p))
		if !ok && m.installed(wanted) != "" {
			continue
		}
		if !ok {
			return p.Fail(1, "Error: Unable to find a match: %s", wanted)
		}
		if one.unsigned {
			return p.Fail(1, "Error: GPG check FAILED: the public key for %s is not installed", one.name)
		}
		found = append(found, one)
		for _, dependency := range depends(one.name) {
			if one, ok := m.dnfFind(p, dependency, dependencyOf); ok && m.installed(dependency) == "" {
				found = append(found, one)
			}
		}
	}
	return m.install(ctx, p, found)
}

// dependencyOf lifts every exclusion, as a repository's own dependencies are found by.
const dependencyOf = "all"

func (m *Machine) dnfFind(p *shell.Proc, wanted, lifted string) (pkg, bool) {
	for _, repo := range m.dnfRepositories(p) {
		name, version := wanted, ""
		for _, program := range []string{"kubelet", "kubeadm", "kubectl"} {
			if rest, ok := strings.CutPrefix(wanted, program+"-"); ok {
				name, version = program, rest
			}
		}
		if slices.Contains(repo.excluded, name) && lifted != repo.id && lifted != dependencyOf {
			continue
		}
		if one, ok := m.find(repository{url: repo.url}, name, version); ok {
			one.unsigned = !m.trusted(repo)
			return one, true
		}
	}
	return pkg{}, false
}

type dnfRepository struct {
	id, url, key string
	excluded     []string
	direct       bool // without the proxy of dnf's configuration
}

// trusted reports whether the packages of a repository can be verified, which those of the
// distribution always can.
func (m *Machine) trusted(repo dnfRepository) bool {
	if _, kubernetes := m.config.minor(repo.url); !kubernetes {
		return true
	}
	key, known := m.network.published(repo.key)
	return known && strings.Contains(string(key), keyText)
}

// dnfRepositories reads the enabled repositories that exist.
func (m *Machine) dnfRepositories(p *shell.Proc) []dnfRepository {
	entries, err := m.FS.ReadDir("/etc/yum.repos.d")
	if err != nil {
		return nil
	}
	var found []dnfRepository
	for _, entry := range entries {
		content, err := m.FS.ReadFile(path.Join("/etc/yum.repos.d", entry.Name()))
		if err != nil || !strings.HasSuffix(entry.Name(), ".repo") {
			continue
		}
		for _, section := range strings.Split("\n"+string(content), "\n[")[1:] {
			if repo, on := dnfSection(section); on && m.config.serves(repo.url) && m.leads(m.dnfProxy(p, repo), repo.url) == nil {
				found = append(found, repo)
			}
		}
	}
	return found
}

func dnfSection(section string) (dnfRepository, bool) {
	id, body, _ := strings.Cut(section, "]")
	repo, enabled := dnfRepository{id: id}, true
	for _, line := range strings.Split(body, "\n") {
		key, value, _ := strings.Cut(line, "=")
		switch value = strings.TrimSpace(value); strings.TrimSpace(key) {
		case "baseurl":
			repo.url = value
		case "gpgkey":
			repo.key = value
		case "proxy":
			repo.direct = value == "_none_"
		case "enabled":
			enabled = value == "1"
		case "exclude", "excludepkgs":
			repo.excluded = strings.FieldsFunc(value, func(r rune) bool { return r == ' ' || r == ',' })
		}
	}
	return repo, enabled
}
