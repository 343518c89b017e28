package kubeadm

import (
	"fmt"
	"net"
	"net/netip"
	"slices"
	"strings"

	"github.com/karpenter-kubeadm/karpenter-provider-aws/test/hollow/machine"
	"github.com/karpenter-kubeadm/karpenter-provider-aws/test/hollow/shell"
)

// preflightError holds the checks that failed, in kubeadm's words.
type preflightError struct{ faults []string }

func (e *preflightError) Error() string {
	return "[preflight] Some fatal errors occurred:\n\t" + strings.Join(e.faults, "\n\t") + "\n[preflight] If you know what you are doing, you can make a check non-fatal with `--ignore-preflight-errors=...`"
}

// check is one preflight check: its name, as it is ignored by, and what is wrong, empty when nothing is.
type check struct{ name, fault string }

// preflight runs the checks of a joining worker. Faults of ignored checks are warnings, as is swap.
func preflight(m *machine.Machine, p *shell.Proc, c *joinConfiguration) error {
	p.Printf("[preflight] Running pre-flight checks\n")
	ignored := c.NodeRegistration.IgnorePreflightErrors
	var faults []string
	for _, one := range checks(m, p, c) {
		if one.fault == "" {
			continue
		}
		isIgnored := slices.ContainsFunc(ignored, func(name string) bool { return strings.EqualFold(name, one.name) || strings.EqualFold(name, "all") })
		if isIgnored || one.name == "Swap" {
			_, _ = fmt.Fprintf(p.Stderr, "\t[WARNING %s]: %s\n", one.name, one.fault)
			continue
		}
		faults = append(faults, fmt.Sprintf("[ERROR %s]: %s", one.name, one.fault))
	}
	if len(faults) > 0 {
		return &preflightError{faults}
	}
	return nil
}

func checks(m *machine.Machine, p *shell.Proc, c *joinConfiguration) []check {
	all := []check{
		available(m, kubeletConfig), available(m, bootstrapConfig), runtime(m, c.NodeRegistration.CRISocket), swap(m),
		program(p, "mount"), program(p, "cp"), available(m, c.CACertPath), port(m),
	}
	if _, ok := p.Look("kubelet"); !ok {
		all = append(all, check{"KubeletVersion", "couldn't get kubelet version: cannot execute 'kubelet --version': executable file not found in $PATH"})
	}
	if t := c.Discovery.BootstrapToken; t != nil {
		host, _, _ := net.SplitHostPort(t.APIServerEndpoint)
		// The kernel's forwarding is looked at only where the endpoint is an address: so kubeadm has it.
		if address, err := netip.ParseAddr(host); err == nil && address.Is4() {
			all = append(all, forwarding(m))
		}
	}
	return all
}

func available(m *machine.Machine, file string) check {
	c := check{name: "FileAvailable-" + strings.ReplaceAll(file, "/", "-")}
	if m.FS.Exists(file) {
		c.fault = file + " already exists"
	}
	return c
}

func runtime(m *machine.Machine, socket string) check {
	c := check{name: "CRI"}
	serves, _ := m.Runtime()
	switch {
	case !slices.Contains([]string{machine.CRISocket, strings.Replace(machine.CRISocket, "/run/", "/var/run/", 1), strings.TrimPrefix(machine.CRISocket, "unix://")}, socket):
		c.fault = fmt.Sprintf("could not connect to the container runtime: no such socket: %s", socket)
	case !serves:
		c.fault = fmt.Sprintf("could not connect to the container runtime: validate service connection: validate CRI v1 runtime API for endpoint %q: unavailable or unknown service runtime.v1.RuntimeService", socket)
	}
	return c
}

// swapOn reports whether any swap is in use.
func swapOn(m *machine.Machine) bool {
	content, err := m.FS.ReadFile("/proc/swaps")
	return err == nil && strings.Count(strings.TrimSpace(string(content)), "\n") > 0
}

func swap(m *machine.Machine) check {
	c := check{name: "Swap"}
	if swapOn(m) {
		c.fault = "swap is supported for cgroup v2 only. The kubelet must be properly configured to use swap. Please refer to https://kubernetes.io/docs/concepts/architecture/nodes/#swap-memory, or disable swap on the node"
	}
	return c
}

func program(p *shell.Proc, name string) check {
	c := check{name: "FileExisting-" + name}
	if _, ok := p.Look(name); !ok {
		c.fault = name + " not found in system path"
	}
	return c
}

func port(m *machine.Machine) check {
	c := check{name: "Port-10250"}
	if m.FS.Exists(machine.KubeletHealth) {
		c.fault = "Port 10250 is in use"
	}
	return c
}

func forwarding(m *machine.Machine) check {
	c := check{name: "FileContent--proc-sys-net-ipv4-ip_forward"}
	content, err := m.FS.ReadFile("/proc/sys/net/ipv4/ip_forward")
	if err != nil || !strings.HasPrefix(string(content), "1") {
		c.fault = "/proc/sys/net/ipv4/ip_forward contents are not set to 1"
	}
	return c
}
