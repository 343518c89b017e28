package machine

import (
	"context"
	"encoding/json"
	"errors"
	"fmt"
	"net/http"
	"net/netip"
	"os"
	"os/exec"
	"path/filepath"
	"strings"
	"syscall"
	"time"

	"github.com/karpenter-kubeadm/karpenter-provider-aws/test/node/cgroup"
	"github.com/karpenter-kubeadm/karpenter-provider-aws/test/node/world"
)

// Boot is the command that Start has the program call itself with.
const Boot = "boot"

// Spec says what machine to run.
type Spec struct {
	// ID is the instance's.
	ID string
	// Dir is a folder of the machine's own; it is made, and removed when the machine is off.
	Dir string
	// Layers of the root file system, the upper one first.
	Layers []string
	// Files are put over the layers, by path.
	Files map[string]string

	Hostname  string
	Address   netip.Addr
	MAC       string
	CPUs      int64
	MemoryMiB int64

	// Controllers are the cgroup hierarchies that the machine mounts; Start sets them.
	Controllers []string
}

// Machine is one that is on.
type Machine struct {
	// Started is when it was switched on.
	Started time.Time

	spec    Spec
	group   cgroup.Group
	cmd     *exec.Cmd
	done    chan struct{}
	service *http.Server
	console *console
}

// Start boots a machine with program, which must call Main for the command Boot. metadata
// answers its metadata requests.
func Start(ctx context.Context, program string, spec Spec, metadata http.Handler) (*Machine, error) {
	m := &Machine{Started: time.Now(), spec: spec, done: make(chan struct{})}
	if err := m.start(ctx, program, metadata); err != nil {
		return nil, errors.Join(fmt.Errorf("booting %s: %w", spec.ID, err), m.Off(context.WithoutCancel(ctx)))
	}
	return m, nil
}

func (m *Machine) start(ctx context.Context, program string, metadata http.Handler) error {
	if err := m.enclose(); err != nil {
		return err
	}
	if err := m.spec.lay(); err != nil {
		return err
	}
	var err error
	if m.console, err = newConsole(m.spec.path("console")); err != nil {
		return err
	}
	start, begin, err := os.Pipe()
	if err != nil {
		return err
	}
	// Until it is closed the machine waits: for its control group, its network and its metadata.
	defer func() { _ = begin.Close() }()
	err = m.launch(ctx, program, start)
	_ = start.Close()
	if err != nil {
		return err
	}
	pid := m.cmd.Process.Pid
	if err := m.group.Enter(pid); err != nil {
		return err
	}
	if err := m.connect(ctx, pid); err != nil {
		return err
	}
	return m.serve(ctx, pid, metadata)
}

// enclose makes the machine's control group.
func (m *Machine) enclose() error {
	own, err := cgroup.Own()
	if err != nil {
		return err
	}
	if m.group, err = own.Child(m.spec.ID); err != nil {
		return err
	}
	if err := m.group.DenyDisks(); err != nil {
		return err
	}
	for _, h := range m.group {
		m.spec.Controllers = append(m.spec.Controllers, h.Controllers)
	}
	return nil
}

// launch starts the machine's first process, which waits for start to end. It lives until Off,
// whatever becomes of ctx.
func (m *Machine) launch(ctx context.Context, program string, start *os.File) error {
	// Not the console's own file: giving one to a child makes reads from it block for good.
	console, err := os.OpenFile(m.spec.path("console"), os.O_WRONLY, 0)
	if err != nil {
		return fmt.Errorf("opening the console: %w", err)
	}
	defer func() { _ = console.Close() }()
	cmd := exec.CommandContext(context.WithoutCancel(ctx), program, Boot, m.spec.path("spec.json"))
	cmd.Stdout, cmd.Stderr = console, console
	cmd.ExtraFiles = []*os.File{start}
	cmd.SysProcAttr = &syscall.SysProcAttr{
		Cloneflags: syscall.CLONE_NEWNET | syscall.CLONE_NEWNS | syscall.CLONE_NEWPID | syscall.CLONE_NEWUTS | syscall.CLONE_NEWIPC,
		Setsid:     true,
	}
	if err := cmd.Start(); err != nil {
		return err
	}
	m.cmd = cmd
	go func() {
		_ = cmd.Wait() // it is killed, or has said on the console why it ended
		close(m.done)
	}()
	return nil
}

// connect puts the machine on the bridge.
func (m *Machine) connect(ctx context.Context, pid int) error {
	outside := m.spec.port()
	if err := world.IP(ctx,
		fmt.Sprintf("link add %s type veth peer name eth0 address %s netns %d", outside, m.spec.MAC, pid),
		"link set "+outside+" master "+world.Bridge+" up",
	); err != nil {
		return err
	}
	return world.IPOf(ctx, pid,
		"link set lo up",
		fmt.Sprintf("address add %s/%d dev eth0", m.spec.Address, world.Bits),
		"link set eth0 up",
		"route add default via "+world.Router,
		"address add "+metadataAddress+"/32 dev lo",
	)
}

// Done is closed when the machine is off, whoever switched it off.
func (m *Machine) Done() <-chan struct{} { return m.done }

// PID is the machine's first process, as this process sees it.
func (m *Machine) PID() int { return m.cmd.Process.Pid }

// Console returns what the machine has written to its console so far.
func (m *Machine) Console() string { return m.console.text() }

// ErrBooting says that a machine does not run its own programs yet.
var ErrBooting = errors.New("the machine has not come to its own root file system yet")

// Command returns a command that runs in the machine, as root, for looking into it. It fails
// with ErrBooting while the machine's root is still the one of the machine around it.
func (m *Machine) Command(ctx context.Context, args ...string) *exec.Cmd {
	cmd := exec.CommandContext(ctx, "nsenter", append([]string{
		"--target", fmt.Sprint(m.PID()), "--mount", "--uts", "--ipc", "--net", "--pid", "--cgroup", "--root", "--wd",
	}, args...)...)
	cmd.Env = []string{"PATH=/usr/local/sbin:/usr/local/bin:/usr/sbin:/usr/bin:/sbin:/bin", "HOME=/root"}
	if name, err := os.ReadFile(fmt.Sprintf("/proc/%d/comm", m.PID())); err != nil || string(name) != "systemd\n" {
		cmd.Err = ErrBooting
	}
	return cmd
}

// Off switches the machine off as pulling its plug would, and removes everything of it.
func (m *Machine) Off(ctx context.Context) error {
	var errs []error
	if m.cmd != nil {
		_ = m.cmd.Process.Kill() // it may be off already
		<-m.done
		errs = append(errs, m.unplug(ctx))
	}
	if m.service != nil {
		errs = append(errs, m.service.Close())
	}
	if m.console != nil {
		errs = append(errs, m.console.close())
	}
	errs = append(errs, m.group.Remove(ctx), os.RemoveAll(m.spec.Dir))
	if err := errors.Join(errs...); err != nil {
		return fmt.Errorf("switching %s off: %w", m.spec.ID, err)
	}
	return nil
}

// unplug removes the machine's port; the kernel would too, some time after the last process.
func (m *Machine) unplug(ctx context.Context) error {
	err := world.IP(ctx, "link delete "+m.spec.port())
	if err != nil && strings.Contains(err.Error(), "Cannot find device") {
		return nil // gone already, or never made; ip(8) has no exit code of its own for it
	}
	return err
}

func (s Spec) path(name string) string { return filepath.Join(s.Dir, name) }

// port is the name of the machine's interface on the bridge, at most 15 characters.
func (s Spec) port() string { return "m" + s.ID[max(0, len(s.ID)-12):] }

// lay makes the machine's folder: upper layer, disks that are no overlay, and the spec.
func (s Spec) lay() error {
	for _, name := range []string{"upper", "work", "root", "containerd", "kubelet", "hardware"} {
		if err := os.MkdirAll(s.path(name), 0o755); err != nil {
			return err
		}
	}
	for name, content := range s.Files {
		file := filepath.Join(s.path("upper"), name)
		if err := os.MkdirAll(filepath.Dir(file), 0o755); err != nil {
			return err
		}
		if err := os.WriteFile(file, []byte(content), 0o644); err != nil {
			return err
		}
	}
	text, err := json.Marshal(s)
	if err != nil {
		return err
	}
	return os.WriteFile(s.path("spec.json"), text, 0o600)
}
