package node

import (
	"context"
	"errors"
	"fmt"
	"os"
	"path/filepath"
	"strings"
	"sync"
	"time"

	"sigs.k8s.io/controller-runtime/pkg/log"

	"github.com/karpenter-kubeadm/karpenter-provider-aws/test/hollow/inventory"
	hollow "github.com/karpenter-kubeadm/karpenter-provider-aws/test/hollow/machine"
	"github.com/karpenter-kubeadm/karpenter-provider-aws/test/node/image"
	"github.com/karpenter-kubeadm/karpenter-provider-aws/test/node/machine"
	"github.com/karpenter-kubeadm/karpenter-provider-aws/test/node/mirror"
	"github.com/karpenter-kubeadm/karpenter-provider-aws/test/node/world"
)

// poll is the time between two looks at EC2.
const poll = 100 * time.Millisecond

// Hypervisor takes what EC2's API has no call for.
type Hypervisor interface {
	// SetConsole makes text the console output that EC2 shows of an instance.
	SetConsole(ctx context.Context, id, text string) error
}

// Config says what a booter boots and with what. All fields are needed.
type Config struct {
	EC2        inventory.EC2
	Region     string
	Hypervisor Hypervisor
	// Roles has the credentials that metadata services hand out; nil hands out none.
	Roles hollow.Roles
	// Image is what machines boot from: Baked where the image's tags or name say so, as for hollow machines.
	Image image.Image
	// Program is test/node/cmd, built.
	Program string
	// Dir is where machines have their disks.
	Dir string
	// Mirror is where machines find the hosts of package repositories.
	Mirror *mirror.Mirror
}

// Booter boots instances. Make one with New and call Run once.
type Booter struct {
	config Config
	reader *inventory.Reader

	mu      sync.Mutex
	guests  map[string]*guest
	pending sync.WaitGroup
}

// guest is an instance that was seen running.
type guest struct {
	machine *machine.Machine // nil while it boots, and when it could not
	ready   chan struct{}    // closed when machine is set
	leaving bool             // it is being switched off
	console string           // as it was pushed
}

// New returns a booter for config.
func New(config Config) *Booter {
	return &Booter{config: config, reader: inventory.New(config.EC2, config.Region), guests: map[string]*guest{}}
}

// Run switches machines on and off as their instances start and end, until ctx ends, and
// all of them off then. It fails when something of a machine is left.
func (b *Booter) Run(ctx context.Context) error {
	tick := time.NewTicker(poll)
	defer tick.Stop()
	for {
		if err := b.look(ctx); err != nil && ctx.Err() == nil {
			log.FromContext(ctx).Error(err, "polling EC2")
		}
		select {
		case <-ctx.Done():
			return b.end(context.WithoutCancel(ctx))
		case <-tick.C:
		}
	}
}

// look brings machines to the state of their instances.
func (b *Booter) look(ctx context.Context) error {
	seen, err := b.reader.Instances(ctx, false)
	if err != nil {
		return err
	}
	for id, i := range seen {
		if i.Running && b.add(id) {
			b.pending.Go(func() { b.boot(ctx, i) })
		}
	}
	for id, g := range b.leave(seen) {
		b.pending.Go(func() { b.off(ctx, id, g) })
	}
	return b.pushConsoles(ctx)
}

// add remembers an instance; it reports whether that is new.
func (b *Booter) add(id string) bool {
	b.mu.Lock()
	defer b.mu.Unlock()
	if b.guests[id] != nil {
		return false
	}
	b.guests[id] = &guest{ready: make(chan struct{})}
	return true
}

// leave returns the guests whose instances do not run any more, each once.
func (b *Booter) leave(seen map[string]inventory.Instance) map[string]*guest {
	b.mu.Lock()
	defer b.mu.Unlock()
	gone := map[string]*guest{}
	for id, g := range b.guests {
		if !seen[id].Running && !g.leaving {
			g.leaving = true
			gone[id] = g
		}
	}
	return gone
}

func (b *Booter) boot(ctx context.Context, i inventory.Instance) {
	logger := log.FromContext(ctx).WithValues("instance", i.ID)
	made, err := b.start(ctx, i)
	if err != nil {
		logger.Error(err, "booting")
	} else {
		logger.Info("booted", "instance-type", i.Type, "zone", i.Zone)
	}
	b.mu.Lock()
	defer b.mu.Unlock()
	g := b.guests[i.ID]
	g.machine = made
	close(g.ready)
}

func (b *Booter) start(ctx context.Context, i inventory.Instance) (*machine.Machine, error) {
	facts, err := b.reader.Facts(ctx, i)
	if err != nil {
		return nil, fmt.Errorf("reading facts: %w", err)
	}
	if err := facts.Assume(ctx, b.config.Roles); err != nil {
		return nil, fmt.Errorf("giving it the credentials of its role: %w", err)
	}
	layers := b.config.Image.Stock
	if facts.Baked() != "" {
		layers = b.config.Image.Baked
	}
	files, err := b.files(layers, facts)
	if err != nil {
		return nil, err
	}
	return machine.Start(ctx, b.config.Program, machine.Spec{
		ID: facts.ID, Dir: filepath.Join(b.config.Dir, facts.ID), Layers: layers, Files: files,
		Hostname: facts.PrivateDNS, Address: facts.PrivateIP, MAC: facts.MAC, CPUs: facts.CPUs, MemoryMiB: facts.MemoryMiB,
	}, hollow.NewMetadata(facts))
}

const authorities = "etc/ssl/certs/ca-certificates.crt"

// files are what the network tells a machine in life: its name, where hosts are, and whom to trust.
func (b *Booter) files(layers []string, facts hollow.Facts) (map[string]string, error) {
	trusted, err := os.ReadFile(filepath.Join(layers[len(layers)-1], authorities))
	if err != nil {
		return nil, fmt.Errorf("reading the image's certificate authorities: %w", err)
	}
	hosts := fmt.Sprintf("127.0.0.1 localhost\n%s %s\n%s %s\n",
		facts.PrivateIP, facts.PrivateDNS, world.Repositories, strings.Join(b.config.Mirror.Hosts, " "))
	return map[string]string{
		authorities: string(trusted) + string(b.config.Mirror.CA), "etc/hosts": hosts, "etc/hostname": facts.PrivateDNS + "\n", "etc/resolv.conf": "",
	}, nil
}

// off switches a machine off, after it has booted, and forgets it.
func (b *Booter) off(ctx context.Context, id string, g *guest) {
	<-g.ready
	logger := log.FromContext(ctx).WithValues("instance", id)
	b.mu.Lock()
	made := g.machine
	g.machine = nil
	b.mu.Unlock()
	if made != nil {
		if err := made.Off(context.WithoutCancel(ctx)); err != nil {
			logger.Error(err, "switching off")
		} else {
			logger.Info("off")
		}
	}
	b.mu.Lock()
	defer b.mu.Unlock()
	delete(b.guests, id)
}

// end switches everything off.
func (b *Booter) end(ctx context.Context) error {
	b.pending.Wait()
	machines := b.machines()
	errs := make([]error, 0, len(machines))
	for _, m := range machines {
		errs = append(errs, m.Off(ctx))
	}
	return errors.Join(errs...)
}

// pushConsoles hands over the consoles that have changed.
func (b *Booter) pushConsoles(ctx context.Context) error {
	var errs []error
	for id, m := range b.machines() {
		text := m.Console()
		b.mu.Lock()
		g := b.guests[id]
		changed := g != nil && g.console != text
		if changed {
			g.console = text
		}
		b.mu.Unlock()
		if changed {
			errs = append(errs, b.config.Hypervisor.SetConsole(ctx, id, text))
		}
	}
	return errors.Join(errs...)
}

// Machine returns the machine of an instance, nil when none is on.
func (b *Booter) Machine(id string) *machine.Machine { return b.machines()[id] }

func (b *Booter) machines() map[string]*machine.Machine {
	b.mu.Lock()
	defer b.mu.Unlock()
	on := map[string]*machine.Machine{}
	for id, g := range b.guests {
		if g.machine != nil {
			on[id] = g.machine
		}
	}
	return on
}
