package hollow

import (
	"context"
	"sync"
	"time"

	corev1 "k8s.io/api/core/v1"

	"github.com/karpenter-kubeadm/karpenter-provider-aws/test/hollow/kubeadm"
	"github.com/karpenter-kubeadm/karpenter-provider-aws/test/hollow/kubelet"
	"github.com/karpenter-kubeadm/karpenter-provider-aws/test/hollow/machine"
	"github.com/karpenter-kubeadm/karpenter-provider-aws/test/hollow/provision"
	"github.com/karpenter-kubeadm/karpenter-provider-aws/test/hollow/shell"
)

// stopTime is how long the programs of a machine have to end; a script in a tight loop
// ends at its next command.
const stopTime = 5 * time.Second

// guest is one instance with its machine.
type guest struct {
	machine *machine.Machine

	mu      sync.Mutex
	cancel  context.CancelFunc // nil while the machine is off
	done    chan struct{}
	boot    time.Time // the boot that EC2 asked for and that this is; zero when not known
	again   bool      // somebody asked for a reboot
	console string    // as it was pushed
}

// newMachine returns a machine with everything that a node needs.
func newMachine(facts machine.Facts, config Config) *machine.Machine {
	return machine.New(facts, config.Machine, func(m *machine.Machine) map[string]shell.Command {
		return map[string]shell.Command{"kubeadm": kubeadm.Command(m), "kubelet": kubelet.Command(m, config.Kubelet), "kubectl": kubectl}
	})
}

// newGuest makes a machine and boots it.
func newGuest(ctx context.Context, facts machine.Facts, config Config, boot time.Time) *guest {
	g := &guest{machine: newMachine(facts, config)}
	g.start(ctx, boot)
	return g
}

// start boots the machine and lets it run its user data.
func (g *guest) start(ctx context.Context, boot time.Time) {
	ctx, cancel := context.WithCancel(ctx)
	done := make(chan struct{})
	g.mu.Lock()
	g.cancel, g.done, g.boot = cancel, done, boot
	g.mu.Unlock()
	go func() {
		defer close(done)
		m := g.machine
		provision.Boot(ctx, m)
		<-ctx.Done()
		m.Halt()
	}()
}

// off switches the machine off without waiting for what runs on it.
func (g *guest) off() {
	g.mu.Lock()
	defer g.mu.Unlock()
	if g.cancel != nil {
		g.cancel()
		g.cancel = nil
	}
}

// stop switches the machine off and waits until nothing runs on it. It is no fault when it is off already.
func (g *guest) stop() {
	g.off()
	g.mu.Lock()
	done := g.done
	g.mu.Unlock()
	select {
	case <-done:
	case <-time.After(stopTime):
		g.machine.Logf("hollow: user data did not end within %s of the power button", stopTime)
	}
}

func (g *guest) running() bool {
	g.mu.Lock()
	defer g.mu.Unlock()
	return g.cancel != nil
}

// rebooted reports whether the machine is to boot again: EC2 was told so at boot, which
// is later than the boot that is running, or requestReboot was called.
func (g *guest) rebooted(boot time.Time) bool {
	g.mu.Lock()
	defer g.mu.Unlock()
	if g.boot.IsZero() {
		g.boot = boot
	}
	again := g.again || boot.After(g.boot)
	g.again = false
	return again
}

func (g *guest) requestReboot() {
	g.mu.Lock()
	defer g.mu.Unlock()
	g.again = true
}

// unpushed returns the console's text and whether it differs from what was pushed.
func (g *guest) unpushed() (string, bool) {
	text := g.machine.Console.Text()
	g.mu.Lock()
	defer g.mu.Unlock()
	return text, text != g.console
}

func (g *guest) pushed(text string) {
	g.mu.Lock()
	defer g.mu.Unlock()
	g.console = text
}

// kubectl knows its version only: user data of a worker has no rights to do more with it.
func kubectl(_ context.Context, p *shell.Proc) int {
	if len(p.Args) > 1 && (p.Args[1] == "version" || p.Args[1] == "completion") {
		p.Printf("Client Version: %s\n", p.Build())
		return 0
	}
	return p.Fail(1, "hollow machines know `kubectl version` only")
}

// noPods leaves pods alone.
type noPods struct{}

func (noPods) NodeUp(*corev1.Node) {}
func (noPods) NodeDown(string)     {}
