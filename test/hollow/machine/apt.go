package machine

import (
	"context"
	"path"
	"slices"
	"strings"

	"github.com/karpenter-kubeadm/karpenter-provider-aws/test/hollow/shell"
)

// lists is where apt keeps which repositories it has read: one URL a line.
const lists = "/var/lib/apt/lists/hollow"

// aptFailure is the status with which apt says that something is wrong.
const aptFailure = 100

// apt is apt-get and apt: update, install and what goes with them.
func (m *Machine) apt(ctx context.Context, p *shell.Proc) int {
	m.packages.Lock()
	defer m.packages.Unlock()
	words := aptWords(p.Args[1:])
	if len(words) == 0 {
		return p.Fail(1, "no operation given")
	}
	switch words[0] {
	case "update":
		return m.aptUpdate(p)
	case "install", "reinstall":
		return m.aptInstall(ctx, p, words[1:])
	case "remove", "purge", "autoremove":
		for _, name := range words[1:] {
			if err := m.removePackage(name); err != nil {
				return p.Fail(aptFailure, "%v", err)
			}
		}
		return 0
	case "upgrade", "dist-upgrade", "full-upgrade", "clean", "autoclean":
		return 0
	}
	return p.Fail(aptFailure, "Invalid operation %s", words[0])
}

// aptWords drops the flags of apt; -o, -c and -t take a word.
func aptWords(args []string) []string {
	var words []string
	for i := 0; i < len(args); i++ {
		switch {
		case slices.Contains([]string{"-o", "-c", "-t"}, args[i]):
			i++
		case !strings.HasPrefix(args[i], "-"):
			words = append(words, args[i])
		}
	}
	return words
}

func (m *Machine) aptUpdate(p *shell.Proc) int {
	var read []string
	status := 0
	for _, source := range m.aptSources() {
		_, kubernetes := m.config.minor(source.url)
		key, err := m.FS.ReadFile(source.keyring)
		switch {
		case !m.aptReaches(p, source.url):
			status = aptFail(p, "Failed to fetch %s  Could not resolve or not found", source.url)
		case kubernetes && source.keyring == "":
			status = aptFail(p, "The repository '%s  InRelease' is not signed.", source.url)
		case source.keyring != "" && (err != nil || !strings.Contains(string(key), keyText)):
			status = aptFail(p, "The repository '%s  InRelease' is not signed: the public key is not available in %s.", source.url, source.keyring)
		default:
			read = append(read, source.url)
			p.Printf("Get: %s InRelease\n", source.url)
		}
	}
	if err := m.FS.WriteFile(lists, []byte(strings.Join(read, "\n")), 0o644); err != nil {
		return p.Fail(aptFailure, "%v", err)
	}
	return status
}

func aptFail(p *shell.Proc, format string, args ...any) int {
	p.Args = []string{"E"}
	return p.Fail(aptFailure, format, args...)
}

// aptSources reads sources.list and the files beside it, in both formats.
func (m *Machine) aptSources() []repository {
	files := []string{"/etc/apt/sources.list"}
	entries, err := m.FS.ReadDir("/etc/apt/sources.list.d")
	if err == nil {
		for _, entry := range entries {
			files = append(files, path.Join("/etc/apt/sources.list.d", entry.Name()))
		}
	}
	var sources []repository
	for _, file := range files {
		content, err := m.FS.ReadFile(file)
		switch {
		case err != nil:
		case strings.HasSuffix(file, ".sources"):
			sources = append(sources, deb822(string(content))...)
		case strings.HasSuffix(file, ".list"):
			sources = append(sources, oneLine(string(content))...)
		}
	}
	return sources
}

// oneLine reads lines like "deb [signed-by=/etc/k.gpg] https://host/path/ suite".
func oneLine(content string) []repository {
	var sources []repository
	for _, line := range strings.Split(content, "\n") {
		rest, ok := strings.CutPrefix(strings.TrimSpace(line), "deb ")
		if !ok {
			continue
		}
		var source repository
		if rest = strings.TrimSpace(rest); strings.HasPrefix(rest, "[") {
			options, after, _ := strings.Cut(rest[1:], "]")
			rest = after
			for _, option := range strings.Fields(options) {
				if keyring, ok := strings.CutPrefix(option, "signed-by="); ok {
					source.keyring = keyring
				}
			}
		}
		if words := strings.Fields(rest); len(words) > 1 {
			source.url = words[0]
			sources = append(sources, source)
		}
	}
	return sources
}

// deb822 reads stanzas of "URIs: ..." and "Signed-By: ...".
func deb822(content string) []repository {
	var sources []repository
	for _, stanza := range strings.Split(content, "\n\n") {
		var source repository
		for _, line := range strings.Split(stanza, "\n") {
			key, value, _ := strings.Cut(line, ":")
			switch value = strings.TrimSpace(value); strings.ToLower(strings.TrimSpace(key)) {
			case "uris":
				source.url = value
			case "signed-by":
				source.keyring = value
			}
		}
		if source.url != "" {
			sources = append(sources, source)
		}
	}
	return sources
}

// aptInstall installs all of the packages or none, and starts their services.
func (m *Machine) aptInstall(ctx context.Context, p *shell.Proc, names []string) int {
	var found []pkg
	for _, name := range names {
		name, version, _ := strings.Cut(name, "=")
		if version == "" && m.installed(name) != "" {
			continue
		}
		one, ok := m.aptFind(name, version)
		switch {
		case !ok && version != "":
			return aptFail(p, "Version '%s' for '%s' was not found", version, name)
		case !ok:
			return aptFail(p, "Unable to locate package %s", name)
		}
		found = append(found, one)
		for _, dependency := range depends(name) {
			if one, ok := m.aptFind(dependency, ""); ok && m.installed(dependency) == "" {
				found = append(found, one)
			}
		}
	}
	return m.install(ctx, p, found)
}

func (m *Machine) aptFind(name, version string) (pkg, bool) {
	content, err := m.FS.ReadFile(lists)
	if err != nil {
		return pkg{}, false
	}
	wanted := []string{version}
	if version == "" {
		wanted = append(m.pins(name), "")
	}
	for _, version := range wanted {
		for _, url := range strings.Split(string(content), "\n") {
			if one, ok := m.find(repository{url: url}, name, version); ok {
				return one, true
			}
		}
	}
	return pkg{}, false
}

func (m *Machine) install(ctx context.Context, p *shell.Proc, found []pkg) int {
	for _, one := range found {
		if err := m.unpack(one); err != nil {
			return p.Fail(aptFailure, "unpacking %s: %v", one.name, err)
		}
		p.Printf("Setting up %s (%s) ...\n", one.name, one.version)
	}
	if !m.system.debian() {
		return 0
	}
	for _, one := range found {
		for _, unit := range units(one.name) {
			if err := m.systemd.enable(unit); err != nil {
				return p.Fail(aptFailure, "enabling %s: %v", unit, err)
			}
			if m.systemd.masked(unit) {
				continue
			}
			// A service that does not start does not fail the installation.
			if status := p.Exec(ctx, "systemctl", "start", unit); status != 0 {
				p.Printf("invoke-rc.d: initscript %s, action \"start\" failed.\n", unit)
			}
		}
	}
	return 0
}

func (m *Machine) aptMark(_ context.Context, p *shell.Proc) int {
	if len(p.Args) < 2 {
		return p.Fail(1, "no operation given")
	}
	for _, name := range p.Args[2:] {
		if m.installed(name) == "" {
			return aptFail(p, "Unable to locate package %s", name)
		}
		p.Printf("%s set on %s.\n", p.Args[1], name)
	}
	return 0
}

func (m *Machine) aptCache(_ context.Context, p *shell.Proc) int {
	for _, name := range p.Args[min(2, len(p.Args)):] {
		if one, ok := m.aptFind(name, ""); ok {
			p.Printf(" %s | %s |\n", one.name, one.version)
		}
	}
	return 0
}

// aptKey keeps a key for all repositories, as before signed-by; repositories of
// Kubernetes' are required to name theirs here, since current instructions do.
func (m *Machine) aptKey(_ context.Context, p *shell.Proc) int {
	key, err := p.ReadFile("-")
	if err != nil {
		return p.Fail(1, "%v", err)
	}
	if err := m.FS.Put("/etc/apt/trusted.gpg.d/apt-key.asc", key, 0o644); err != nil {
		return p.Fail(1, "%v", err)
	}
	return 0
}

func (m *Machine) addRepository(_ context.Context, p *shell.Proc) int {
	for _, arg := range aptWords(p.Args[1:]) {
		if strings.HasPrefix(arg, "deb ") {
			if err := m.FS.Append("/etc/apt/sources.list.d/added.list", []byte(arg+"\n"), 0o644); err != nil {
				return p.Fail(1, "%v", err)
			}
		}
	}
	return m.aptUpdate(p)
}

// dpkg answers what is installed: dpkg -s, -l and -W, dpkg-query, rpm -q.
func (m *Machine) dpkg(_ context.Context, p *shell.Proc) int {
	status := 0
	if len(p.Args) > 1 && p.Args[1] == "--print-architecture" {
		p.Printf("%s\n", m.Facts.Arch)
		return 0
	}
	for _, name := range aptWords(p.Args[1:]) {
		if version := m.installed(name); version != "" {
			p.Printf("Package: %s\nStatus: install ok installed\nVersion: %s\n", name, version)
			continue
		}
		status = p.Fail(1, "package '%s' is not installed", name)
	}
	return status
}

// gpg knows --dearmor: the key stays the text that it is.
func (m *Machine) gpg(_ context.Context, p *shell.Proc) int {
	input, output := gpgFiles(p.Args[1:])
	key, err := p.ReadFile(input)
	switch {
	case err != nil:
		return p.Fail(2, "can't open '%s': %s", input, shell.Reason(err))
	case !strings.Contains(string(key), keyText):
		return p.Fail(2, "no valid OpenPGP data found.")
	case output == "":
		p.Printf("%s", key)
		return 0
	}
	overwrite := slices.Contains(p.Args, "--yes") || slices.Contains(p.Args, "--batch")
	if m.FS.Exists(p.Path(output)) && !overwrite {
		return p.Fail(2, "cannot open '/dev/tty': No such device or address; File '%s' exists", output)
	}
	if err := p.WriteFile(output, key, 0o644); err != nil {
		return p.Fail(2, "can't create '%s': %s", output, shell.Reason(err))
	}
	return 0
}

// gpgFiles returns the files that gpg reads and writes; "-" and none when not named.
func gpgFiles(args []string) (input, output string) {
	input = "-"
	for i := 0; i < len(args); i++ {
		switch {
		case slices.Contains([]string{"-o", "--output"}, args[i]) && i+1 < len(args):
			i++
			output = args[i]
		case !strings.HasPrefix(args[i], "-"):
			input = args[i]
		}
	}
	return input, output
}
