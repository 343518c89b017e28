package machine

import (
	"context"
	"fmt"
	"maps"
	"net"
	"strings"
	"sync"
	"sync/atomic"
	"time"

	"k8s.io/apimachinery/pkg/util/uuid"

	"github.com/karpenter-kubeadm/karpenter-provider-aws/test/hollow/coreutils"
	"github.com/karpenter-kubeadm/karpenter-provider-aws/test/hollow/shell"
	"github.com/karpenter-kubeadm/karpenter-provider-aws/test/hollow/vfs"
)

// Machine is one hollow instance.
type Machine struct {
	Facts Facts
	FS    *vfs.FS
	// Console is the serial console that EC2 shows: what the kernel, cloud-init and who writes to /dev/console say.
	Console *Console
	// Journal is where the output of systemd's units goes; a console never sees it.
	Journal *Console

	config   Config
	system   system
	shell    *shell.Shell
	systemd  *systemd
	network  *network
	packages sync.Mutex   // one package manager at a time, as dpkg's lock has it
	skew     atomic.Int64 // nanoseconds that the clock is ahead

	mu       sync.Mutex
	hostname string
	bootID   string
	waited   time.Duration // until since
	since    time.Time
	hurry    time.Duration // a factor
}

// New returns a machine that is not booted yet. The commands are programs beside those
// that the operating system and its packages have; they are there once their package is.
func New(facts Facts, config Config, commands func(*Machine) map[string]shell.Command) *Machine {
	m := &Machine{
		Facts: facts, Console: &Console{size: consoleSize}, Journal: &Console{size: journalSize}, config: config, system: systemOf(facts.ImageName),
		since: time.Now(), hurry: 1,
	}
	m.network = &network{metadata: NewMetadata(facts), config: config, arch: facts.Arch, now: m.Now}
	m.systemd = &systemd{machine: m, services: map[string]*service{}}
	all := coreutils.Commands()
	for _, group := range []map[string]shell.Command{m.systemCommands(), m.packageCommands(), m.networkCommands(), m.diskCommands(), m.runtimeCommands(), commands(m)} {
		maps.Copy(all, group)
	}
	m.FS = vfs.New()
	m.shell = &shell.Shell{FS: m.FS, Commands: all, Pipes: config.Pipes, Devices: map[string]shell.Device{
		"/dev/console": shell.Writer(m.Console), "/dev/kmsg": shell.Writer(m.Console), "/dev/tty0": shell.Writer(m.Console), "/dev/ttyS0": shell.Writer(m.Console),
	}}
	m.paint()
	return m
}

// Boot brings the machine up: kernel state, host name, then the enabled units. All that it starts ends with ctx.
func (m *Machine) Boot(ctx context.Context) {
	m.mu.Lock()
	m.bootID = string(uuid.NewUUID())
	m.hostname = m.Facts.PrivateDNS
	if name, err := m.FS.ReadFile("/etc/hostname"); err == nil && len(name) > 0 {
		m.hostname = strings.TrimSpace(string(name))
	}
	m.mu.Unlock()
	m.kernel()
	m.Logf("%s booting on %s (%s)", m.system.pretty, m.Facts.ID, m.Facts.Type)
	m.systemd.boot(ctx)
}

// Halt waits until nothing of the last boot runs any more. The context of that boot has ended.
func (m *Machine) Halt() { m.systemd.halt() }

// Run runs a program as root and returns its exit status; its output goes to the console.
func (m *Machine) Run(ctx context.Context, args ...string) int {
	return m.shell.Start(ctx, m.environment(), args, m.Console)
}

func (m *Machine) environment() []string {
	return []string{"PATH=" + shell.DefaultPath, "HOME=/root", "LANG=C.UTF-8", "USER=root"}
}

// Logf writes a line to the console.
func (m *Machine) Logf(format string, args ...any) {
	_, _ = fmt.Fprintf(m.Console, format+"\n", args...)
}

// Journalf writes a line to the journal.
func (m *Machine) Journalf(format string, args ...any) {
	_, _ = fmt.Fprintf(m.Journal, format+"\n", args...)
}

// Now is the time by the machine's own clock.
func (m *Machine) Now() time.Time { return time.Now().Add(time.Duration(m.skew.Load())) }

// SetClock puts the machine's clock ahead of the right time, or behind it.
func (m *Machine) SetClock(ahead time.Duration) { m.skew.Store(int64(ahead)) }

// Waited is how long the machine is up, as kubeadm and kubelet feel it when they wait.
func (m *Machine) Waited() time.Duration {
	m.mu.Lock()
	defer m.mu.Unlock()
	return m.waited + m.hurry*time.Since(m.since)
}

// Hurry makes the time that kubeadm and kubelet wait pass times as fast from now on.
func (m *Machine) Hurry(times int) {
	waited := m.Waited()
	m.mu.Lock()
	defer m.mu.Unlock()
	m.waited, m.since, m.hurry = waited, time.Now(), time.Duration(times)
}

// Hostname is the machine's present host name.
func (m *Machine) Hostname() string {
	m.mu.Lock()
	defer m.mu.Unlock()
	return m.hostname
}

// BootID changes with every boot.
func (m *Machine) BootID() string {
	m.mu.Lock()
	defer m.mu.Unlock()
	return m.bootID
}

// ID is the machine's identity in /etc/machine-id, made from the instance's.
func (m *Machine) ID() string { return fmt.Sprintf("%032s", strings.TrimPrefix(m.Facts.ID, "i-")) }

// OS is the operating system's name for people.
func (m *Machine) OS() string { return m.system.pretty }

// SetHostname renames the machine, for good when static.
func (m *Machine) SetHostname(name string, static bool) error {
	m.mu.Lock()
	m.hostname = name
	m.mu.Unlock()
	if err := m.FS.WriteFile("/proc/sys/kernel/hostname", []byte(name+"\n"), 0o644); err != nil || !static {
		return err
	}
	return m.FS.WriteFile("/etc/hostname", []byte(name+"\n"), 0o644)
}

// Sleep waits for d as this machine's clock runs, or until ctx ends.
func (m *Machine) Sleep(ctx context.Context, d time.Duration) error {
	timer := time.NewTimer(m.scaled(d))
	defer timer.Stop()
	select {
	case <-ctx.Done():
		return ctx.Err()
	case <-timer.C:
		return nil
	}
}

func (m *Machine) scaled(d time.Duration) time.Duration {
	return d / time.Duration(max(1, m.config.Speed))
}

// Systemctl does what the program of that name does and returns its status; what it says goes to the console.
func (m *Machine) Systemctl(ctx context.Context, args ...string) int {
	return m.Run(ctx, append([]string{"/usr/bin/systemctl"}, args...)...)
}

// Active reports whether a unit runs.
func (m *Machine) Active(unit string) bool { return m.systemd.state(unit) == stateActive }

// setKernel sets a file below /proc/sys, which exists only for what the kernel has.
func (m *Machine) setKernel(key, value string) error {
	return m.FS.WriteFile(sysctlFile(key), []byte(value+"\n"), 0o644)
}

func sysctlFile(key string) string { return "/proc/sys/" + strings.ReplaceAll(key, ".", "/") }

func hostPort(endpoint string) (string, string) {
	host, port, err := net.SplitHostPort(endpoint)
	if err != nil {
		return endpoint, ""
	}
	return host, port
}
