package hollow

import (
	"cmp"
	"context"
	"errors"
	"fmt"
	"maps"
	"os"
	"slices"
	"sync"
	"time"

	"golang.org/x/sync/errgroup"
	"k8s.io/client-go/rest"
	"sigs.k8s.io/controller-runtime/pkg/log"

	"github.com/karpenter-kubeadm/karpenter-provider-aws/test/hollow/inventory"
	"github.com/karpenter-kubeadm/karpenter-provider-aws/test/hollow/kubelet"
	"github.com/karpenter-kubeadm/karpenter-provider-aws/test/hollow/machine"
	"github.com/karpenter-kubeadm/karpenter-provider-aws/test/hollow/pods"
)

// Hypervisor is what EC2's API has no call for. A booter can do without one.
type Hypervisor interface {
	// SetConsole makes text the console output that EC2 shows of an instance.
	SetConsole(ctx context.Context, id, text string) error
	// Changes returns the instances that changed their state or were told to boot after a
	// moment, and the present moment; 0 is before everything.
	Changes(ctx context.Context, since uint64) ([]inventory.Change, uint64, error)
}

// Config says what a booter boots and how.
type Config struct {
	EC2 inventory.EC2
	// Region is the one that EC2 answers for, for example "ap-northeast-2".
	Region string
	// Hypervisor may be nil.
	Hypervisor Hypervisor
	// Roles has the credentials that metadata services hand out; nil hands out none.
	Roles machine.Roles
	// Cluster is with whose rights pods are played; nodes never use it. Nil plays no pods.
	Cluster *rest.Config
	// All boots every instance, not only those with Karpenter's tag for the NodePool.
	All bool
	// Poll is the time between two looks at EC2; zero is DefaultPoll.
	Poll time.Duration
	// Machine is what all machines share. Pipes may be empty: then the booter makes a directory and removes it at the end.
	Machine machine.Config
	// Kubelet is what all kubelets share. Pods is the booter's to set.
	Kubelet kubelet.Options
}

const (
	// DefaultPoll is short beside the seconds that a pod may take to run on a new node.
	DefaultPoll = 150 * time.Millisecond
	// DefaultMemoryOverhead is what Ubuntu's kernel and firmware keep of a medium instance's memory.
	DefaultMemoryOverhead = 0.035
	// DefaultSpeed makes a script's sleeps a hundredth of what they say.
	DefaultSpeed = 100
)

// Booter boots instances. Make one with New and call Run once.
type Booter struct {
	config Config
	facts  *inventory.Reader
	sight  *sight
	pushed time.Time // when consoles were last handed over; the poll's own

	mu       sync.Mutex
	machines map[string]*guest
}

// New returns a booter for config.
func New(config Config) *Booter {
	config.Poll = cmp.Or(config.Poll, DefaultPoll)
	config.Machine.Speed = cmp.Or(config.Machine.Speed, DefaultSpeed)
	config.Machine.Reachable = append(slices.Clone(config.Machine.Reachable), servers(config.Cluster)...)
	config.Kubelet.MemoryOverhead = cmp.Or(config.Kubelet.MemoryOverhead, DefaultMemoryOverhead)
	facts := inventory.New(config.EC2, config.Region)
	return &Booter{config: config, facts: facts, sight: newSight(facts, config), machines: map[string]*guest{}}
}

// Run boots and stops machines as their instances start and end, until ctx ends. It
// returns when every machine has stopped. It fails only at start; a poll that fails is repeated.
func (b *Booter) Run(ctx context.Context) (err error) {
	ctx, cancel := context.WithCancel(ctx)
	defer cancel()
	if b.config.Machine.Pipes == "" {
		dir, err := os.MkdirTemp("", "hollow-")
		if err != nil {
			return fmt.Errorf("making directory for pipes: %w", err)
		}
		b.config.Machine.Pipes = dir
		defer func() { _ = os.RemoveAll(dir) }()
	}
	b.config.Kubelet.Pods = noPods{}
	if b.config.Cluster != nil {
		player, err := pods.Start(ctx, b.config.Cluster)
		if err != nil {
			return err
		}
		b.config.Kubelet.Pods = player
	}
	defer b.stopAll()
	for {
		start := time.Now()
		if err := b.poll(ctx); err != nil && ctx.Err() == nil {
			log.FromContext(ctx).Error(err, "polling EC2")
		}
		// Polls that take long, since there is much to see, are not to take all of the time.
		pause := time.NewTimer(max(b.config.Poll, 2*time.Since(start)))
		select {
		case <-ctx.Done():
			pause.Stop()
			return nil
		case <-pause.C:
		}
	}
}

// atOnce is how many instances are booted at the same time; each asks EC2 about itself.
const atOnce = 16

// poll looks at EC2 once and starts and stops machines to match.
func (b *Booter) poll(ctx context.Context) error {
	changed, err := b.sight.look(ctx)
	if err != nil {
		return err
	}
	b.forget(ctx, b.sight.seen)
	var (
		mu    sync.Mutex
		errs  []error
		group errgroup.Group
	)
	group.SetLimit(atOnce)
	for _, i := range changed {
		group.Go(func() error {
			if err := b.match(ctx, i, b.sight.boots[i.ID]); err != nil {
				mu.Lock()
				defer mu.Unlock()
				errs = append(errs, err)
				b.sight.again(i.ID)
			}
			return nil
		})
	}
	_ = group.Wait() // errs has them
	return errors.Join(append(errs, b.pushConsoles(ctx))...)
}

// match brings one machine to the state of its instance.
func (b *Booter) match(ctx context.Context, i inventory.Instance, boot time.Time) error {
	g := b.guest(i.ID)
	if g == nil {
		if !i.Running {
			return nil
		}
		return b.birth(ctx, i, boot)
	}
	switch logger := log.FromContext(ctx); {
	case i.Running && !g.running():
		logger.Info("starting", "instance", i.ID)
		g.start(ctx, boot)
	case i.Running && g.rebooted(boot):
		logger.Info("rebooting", "instance", i.ID)
		g.stop()
		g.start(ctx, boot)
	case !i.Running && g.running():
		logger.Info("stopping", "instance", i.ID)
		g.stop()
	}
	return nil
}

// birth makes the machine of an instance that is seen for the first time.
func (b *Booter) birth(ctx context.Context, i inventory.Instance, boot time.Time) error {
	found, err := b.facts.Facts(ctx, i)
	if err != nil {
		return fmt.Errorf("reading facts of %s: %w", i.ID, err)
	}
	if err := found.Assume(ctx, b.config.Roles); err != nil {
		return fmt.Errorf("giving %s the credentials of its role: %w", i.ID, err)
	}
	log.FromContext(ctx).Info("booting", "instance", i.ID, "instance-type", i.Type, "zone", i.Zone)
	b.add(newGuest(ctx, found, b.config, boot))
	return nil
}

// forget drops the machines whose instances are not seen any more. All are switched off
// before the first is waited for.
func (b *Booter) forget(ctx context.Context, seen map[string]inventory.Instance) {
	gone := b.known()
	maps.DeleteFunc(gone, func(id string, _ *guest) bool { _, still := seen[id]; return still })
	for id, g := range gone {
		log.FromContext(ctx).Info("gone", "instance", id)
		g.off()
	}
	for id, g := range gone {
		g.stop()
		b.mu.Lock()
		delete(b.machines, id)
		b.mu.Unlock()
	}
}

// consoleTime is how long it may take to look at one console; they are looked at more
// seldom where there are many.
const consoleTime = 200 * time.Microsecond

// pushConsoles hands over the consoles that have changed.
func (b *Booter) pushConsoles(ctx context.Context) error {
	known := b.known()
	if b.config.Hypervisor == nil || time.Since(b.pushed) < time.Duration(len(known))*consoleTime {
		return nil
	}
	b.pushed = time.Now()
	var errs []error
	for id, g := range known {
		if text, changed := g.unpushed(); changed {
			if err := b.config.Hypervisor.SetConsole(ctx, id, text); err != nil {
				errs = append(errs, fmt.Errorf("pushing console of %s: %w", id, err))
				continue
			}
			g.pushed(text)
		}
	}
	return errors.Join(errs...)
}

// Reboot restarts a machine at the next poll, as `reboot` on it would.
func (b *Booter) Reboot(id string) error {
	g := b.guest(id)
	if g == nil {
		return fmt.Errorf("instance %s is not booted here", id)
	}
	g.requestReboot()
	b.sight.again(id)
	return nil
}

// Console returns what a machine's console shows, and whether there is such a machine.
func (b *Booter) Console(id string) (string, bool) {
	g := b.guest(id)
	if g == nil {
		return "", false
	}
	return g.machine.Console.Text(), true
}

// Machine returns the machine of an instance, nil when there is none.
func (b *Booter) Machine(id string) *machine.Machine {
	if g := b.guest(id); g != nil {
		return g.machine
	}
	return nil
}

// Instances lists the ids of all machines, those that are stopped too.
func (b *Booter) Instances() []string { return slices.Sorted(maps.Keys(b.known())) }

func (b *Booter) guest(id string) *guest {
	b.mu.Lock()
	defer b.mu.Unlock()
	return b.machines[id]
}

func (b *Booter) add(g *guest) {
	b.mu.Lock()
	defer b.mu.Unlock()
	b.machines[g.machine.Facts.ID] = g
}

func (b *Booter) known() map[string]*guest {
	b.mu.Lock()
	defer b.mu.Unlock()
	return maps.Clone(b.machines)
}

func (b *Booter) stopAll() {
	all := b.known()
	for _, g := range all {
		g.off()
	}
	for _, g := range all {
		g.stop()
	}
}
