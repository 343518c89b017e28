package machine

import (
	"context"
	"fmt"
	"path"
	"strings"

	"github.com/karpenter-kubeadm/karpenter-provider-aws/test/hollow/coreutils"
	"github.com/karpenter-kubeadm/karpenter-provider-aws/test/hollow/shell"
)

// kernel lays out /proc as it is after a boot, then loads what the disk says.
func (m *Machine) kernel() {
	m.must(m.FS.RemoveAll("/proc/sys/net/bridge"))
	for _, dir := range []string{"/run", "/tmp"} {
		m.must(m.FS.RemoveAll(dir))
		m.must(m.FS.MkdirAll(dir, 0o777))
	}
	for name, content := range map[string]string{
		"/proc/sys/net/ipv4/ip_forward":            "0\n",
		"/proc/sys/kernel/hostname":                m.Hostname() + "\n",
		"/proc/sys/kernel/random/boot_id":          m.BootID() + "\n",
		"/proc/sys/vm/overcommit_memory":           "0\n",
		"/proc/sys/vm/swappiness":                  "60\n",
		"/proc/sys/kernel/panic":                   "10\n",
		"/proc/sys/kernel/panic_on_oops":           "1\n",
		"/proc/sys/fs/inotify/max_user_watches":    "65536\n",
		"/proc/sys/fs/inotify/max_user_instances":  "128\n",
		"/proc/sys/fs/file-max":                    "1048576\n",
		"/proc/sys/net/core/somaxconn":             "4096\n",
		"/proc/sys/net/ipv4/conf/all/rp_filter":    "2\n",
		"/proc/sys/net/ipv6/conf/all/forwarding":   "0\n",
		"/proc/sys/net/ipv6/conf/all/disable_ipv6": "0\n",
		"/proc/swaps":                              "Filename\tType\tSize\tUsed\tPriority\n",
		"/proc/modules":                            "ena\n",
		"/proc/filesystems":                        "\text4\n",
		"/proc/cmdline":                            "root=LABEL=cloudimg-rootfs ro console=tty1 console=ttyS0\n",
		"/proc/meminfo":                            fmt.Sprintf("MemTotal: %d kB\nSwapTotal: 0 kB\n", m.Facts.MemoryMiB<<10),
		"/proc/cpuinfo":                            strings.Repeat("processor\t: 0\n", int(m.Facts.CPUs)),
	} {
		m.must(m.FS.Put(name, []byte(content), 0o644))
	}
	m.loadModules()
	m.applySysctls()
}

// settings calls body with each line that counts of each *.conf file in dirs, in systemd's order.
func (m *Machine) settings(body func(line string), dirs ...string) {
	for _, dir := range dirs {
		entries, err := m.FS.ReadDir(dir)
		if err != nil {
			continue
		}
		for _, entry := range entries {
			content, err := m.FS.ReadFile(path.Join(dir, entry.Name()))
			if err != nil || !strings.HasSuffix(entry.Name(), ".conf") {
				continue
			}
			for _, line := range strings.Split(string(content), "\n") {
				if line = strings.TrimSpace(line); line != "" && line[0] != '#' && line[0] != ';' {
					body(line)
				}
			}
		}
	}
}

func (m *Machine) loadModules() {
	m.settings(func(module string) { _ = m.loadModule(module) }, "/usr/lib/modules-load.d", "/etc/modules-load.d")
}

func (m *Machine) applySysctls() {
	m.settings(func(line string) {
		key, value, _ := strings.Cut(line, "=")
		if file := sysctlFile(strings.TrimPrefix(strings.TrimSpace(key), "-")); m.FS.Exists(file) {
			_ = m.FS.WriteFile(file, []byte(strings.TrimSpace(value)+"\n"), 0o644)
		}
	}, "/usr/lib/sysctl.d", "/etc/sysctl.d")
}

// loadModule loads a kernel module; br_netfilter brings its settings with it.
func (m *Machine) loadModule(name string) error {
	name = strings.ReplaceAll(name, "-", "_")
	if !strings.Contains(" overlay br_netfilter nf_conntrack ip_vs ip_vs_rr ip_vs_wrr ip_vs_sh ip_tables iptable_nat ip6_tables xt_socket vxlan ipip wireguard nvme_tcp dm_crypt ", " "+name+" ") {
		return fmt.Errorf("module %s not found in directory /lib/modules/6.8.0-aws", name)
	}
	if name == "br_netfilter" && !m.FS.Exists("/proc/sys/net/bridge") {
		for _, key := range []string{"iptables", "ip6tables", "arptables"} {
			if err := m.FS.Put("/proc/sys/net/bridge/bridge-nf-call-"+key, []byte("1\n"), 0o644); err != nil {
				return err
			}
		}
	}
	return m.FS.Append("/proc/modules", []byte(name+" 16384 0\n"), 0o444)
}

func (m *Machine) systemCommands() map[string]shell.Command {
	quiet := func(context.Context, *shell.Proc) int { return 0 }
	return map[string]shell.Command{
		"sysctl": m.sysctl, "modprobe": m.modprobe, "lsmod": m.lsmod, "swapoff": m.swapoff, "swapon": m.swapon, "mount": m.mount,
		"hostname": m.hostnameCommand, "hostnamectl": m.hostnamectl, "uname": m.uname, "nproc": m.nproc, "sleep": m.sleep, "date": coreutils.Date(m.Now),
		"systemctl": m.systemd.systemctl, "journalctl": quiet, "logger": m.logger, "cloud-init": quiet, "setenforce": quiet, "iptables": quiet,
		"ufw": quiet, "ip": m.ip, "arch": m.arch, "timedatectl": quiet, "update-alternatives": quiet, "systemd-analyze": quiet, "ldconfig": quiet,
		"udevadm": quiet, "lsblk": quiet, "umount": quiet, "lsb_release": m.lsbRelease, "groupadd": quiet, "useradd": quiet,
		"usermod": quiet, "passwd": quiet, "restorecon": quiet, "poweroff": quiet, "shutdown": quiet, "locale-gen": quiet,
	}
}

func (m *Machine) sysctl(_ context.Context, p *shell.Proc) int {
	status, quiet := 0, false
	for i, arg := range p.Args[1:] {
		key, value, set := strings.Cut(arg, "=")
		key = strings.TrimSpace(key)
		switch {
		case arg == "--system":
			m.applySysctls()
			return 0
		case arg == "-p" || strings.HasPrefix(arg, "--load"):
			return m.sysctlFileCommand(p, append(p.Args[i+2:], "/etc/sysctl.conf")[0])
		case strings.HasPrefix(arg, "-"):
			quiet = quiet || strings.ContainsAny(arg, "qn")
		case !m.FS.Exists(sysctlFile(key)):
			status = p.Fail(255, "cannot stat %s: No such file or directory", sysctlFile(key))
		case set:
			status = max(status, m.writeSysctl(p, key, value))
		default:
			m.showSysctl(p, key, quiet)
		}
	}
	return status
}

func (m *Machine) showSysctl(p *shell.Proc, key string, quiet bool) {
	content, err := m.FS.ReadFile(sysctlFile(key))
	if err != nil {
		return
	}
	if quiet {
		p.Printf("%s", content)
		return
	}
	p.Printf("%s = %s", key, content)
}

func (m *Machine) sysctlFileCommand(p *shell.Proc, file string) int {
	content, err := p.ReadFile(file)
	if err != nil {
		return p.Fail(255, "cannot open %q: %s", file, shell.Reason(err))
	}
	status := 0
	for _, line := range strings.Split(string(content), "\n") {
		key, value, set := strings.Cut(line, "=")
		if !set || strings.HasPrefix(strings.TrimSpace(line), "#") {
			continue
		}
		if key = strings.TrimSpace(key); !m.FS.Exists(sysctlFile(key)) {
			status = p.Fail(255, "cannot stat %s: No such file or directory", sysctlFile(key))
			continue
		}
		status = max(status, m.writeSysctl(p, key, value))
	}
	return status
}

func (m *Machine) writeSysctl(p *shell.Proc, key, value string) int {
	if err := m.setKernel(key, strings.TrimSpace(value)); err != nil {
		return p.Fail(255, "setting key %q: %s", key, shell.Reason(err))
	}
	return 0
}

func (m *Machine) modprobe(_ context.Context, p *shell.Proc) int {
	all, status := false, 0
	for i, arg := range p.Args[1:] {
		switch {
		case strings.HasPrefix(arg, "-"):
			all = all || arg == "-a" || arg == "--all"
			continue
		case i > 0 && !all && !strings.HasPrefix(p.Args[i], "-"):
			continue // a parameter of the module
		}
		if err := m.loadModule(arg); err != nil {
			status = p.Fail(1, "FATAL: %v", err)
		}
	}
	return status
}

func (m *Machine) lsmod(_ context.Context, p *shell.Proc) int {
	content, err := m.FS.ReadFile("/proc/modules")
	if err != nil {
		return p.Fail(1, "%v", err)
	}
	p.Printf("%s", content)
	return 0
}

func (m *Machine) swapoff(_ context.Context, p *shell.Proc) int {
	if err := m.FS.WriteFile("/proc/swaps", []byte("Filename\tType\tSize\tUsed\tPriority\n"), 0o444); err != nil {
		return p.Fail(1, "%s", shell.Reason(err))
	}
	return 0
}

func (m *Machine) swapon(_ context.Context, p *shell.Proc) int {
	for _, file := range p.Args[1:] {
		if strings.HasPrefix(file, "-") {
			continue
		}
		if err := m.FS.Append("/proc/swaps", []byte(file+"\tfile\t1048572\t0\t-2\n"), 0o444); err != nil {
			return p.Fail(1, "%s", shell.Reason(err))
		}
	}
	return 0
}

func (m *Machine) mount(_ context.Context, p *shell.Proc) int {
	if len(p.Args) > 1 {
		return 0
	}
	p.Printf("/dev/root on / type ext4 (rw)\n")
	return 0
}

func (m *Machine) hostnameCommand(_ context.Context, p *shell.Proc) int {
	if len(p.Args) < 2 {
		p.Printf("%s\n", m.Hostname())
		return 0
	}
	short, domain, _ := strings.Cut(m.Hostname(), ".")
	answers := map[string]string{"-f": m.Hostname(), "--fqdn": m.Hostname(), "-s": short, "-d": domain, "-I": m.Facts.PrivateIP.String(), "-i": m.Facts.PrivateIP.String()}
	if answer, ok := answers[p.Args[1]]; ok {
		p.Printf("%s\n", answer)
		return 0
	}
	if err := m.SetHostname(p.Args[1], false); err != nil {
		return p.Fail(1, "%v", err)
	}
	return 0
}

func (m *Machine) hostnamectl(_ context.Context, p *shell.Proc) int {
	args := p.Args[1:]
	for len(args) > 0 && strings.HasPrefix(args[0], "-") {
		args = args[1:]
	}
	switch {
	case len(args) == 0, args[0] == "status":
		p.Printf(" Static hostname: %s\n", m.Hostname())
	case (args[0] == "set-hostname" || args[0] == "hostname") && len(args) > 1:
		if err := m.SetHostname(args[1], true); err != nil {
			return p.Fail(1, "%v", err)
		}
	default:
		p.Printf("%s\n", m.Hostname())
	}
	return 0
}

func (m *Machine) uname(_ context.Context, p *shell.Proc) int {
	machine := map[string]string{"arm64": "aarch64"}[m.Facts.Arch]
	if machine == "" {
		machine = "x86_64"
	}
	answers := map[string]string{"-m": machine, "-r": "6.8.0-aws", "-n": m.Hostname(), "-s": "Linux", "-p": machine, "-i": machine}
	if len(p.Args) < 2 {
		p.Printf("Linux\n")
		return 0
	}
	if answer, ok := answers[p.Args[1]]; ok {
		p.Printf("%s\n", answer)
		return 0
	}
	p.Printf("Linux %s 6.8.0-aws #1-%s SMP %s GNU/Linux\n", m.Hostname(), m.system.id, machine)
	return 0
}

func (m *Machine) arch(ctx context.Context, p *shell.Proc) int {
	p.Args = []string{"uname", "-m"}
	return m.uname(ctx, p)
}

func (m *Machine) nproc(_ context.Context, p *shell.Proc) int {
	p.Printf("%d\n", m.Facts.CPUs)
	return 0
}

func (m *Machine) sleep(ctx context.Context, p *shell.Proc) int {
	for _, arg := range p.Args[1:] {
		d, err := coreutils.Duration(arg)
		if err != nil {
			return p.Fail(1, "invalid time interval '%s'", arg)
		}
		if m.Sleep(ctx, d) != nil {
			return 143
		}
	}
	return 0
}

// logger writes its words, or its input, to the console where -s would show them.
func (m *Machine) logger(_ context.Context, p *shell.Proc) int {
	args, echo := p.Args[1:], false
	for len(args) > 0 && strings.HasPrefix(args[0], "-") {
		echo = echo || strings.Contains(args[0], "s")
		if (args[0] == "-t" || args[0] == "-p") && len(args) > 1 {
			args = args[1:]
		}
		args = args[1:]
	}
	text := strings.Join(args, " ")
	if text == "" {
		content, err := p.ReadFile("-")
		if err != nil {
			return p.Fail(1, "%v", err)
		}
		text = strings.TrimSuffix(string(content), "\n")
	}
	if echo {
		_, _ = fmt.Fprintln(p.Stderr, text)
	}
	return 0
}

func (m *Machine) ip(_ context.Context, p *shell.Proc) int {
	switch line := strings.Join(p.Args[1:], " "); {
	case strings.Contains(line, "route"):
		p.Printf("default via 10.0.0.1 dev ens5 proto dhcp src %s metric 100\n", m.Facts.PrivateIP)
	case strings.Contains(line, "addr") || strings.HasPrefix(line, "a"):
		p.Printf("2: ens5    inet %s/20 brd 10.0.15.255 scope global dynamic ens5\n", m.Facts.PrivateIP)
	}
	return 0
}

func (m *Machine) lsbRelease(_ context.Context, p *shell.Proc) int {
	flags := strings.Join(p.Args[1:], "")
	for letter, value := range map[string]string{"c": m.system.codename, "i": m.system.id, "r": m.system.version, "d": m.system.pretty} {
		if strings.Contains(flags, letter) {
			p.Printf("%s\n", value)
			return 0
		}
	}
	return 0
}
