// Package booter boots what EC2 launches as containers of the node image: systemd as their
// first process, which runs the instance's user data; what joins is the unmodified kubeadm and kubelet.
//
// It answers what an instance becomes when it boots, like test/hollow and test/node, in the
// network of the kind cluster, with the address that EC2 gave it. It talks to EC2 and to
// docker. It remembers an instance for as long as it runs. One that does not boot is logged
// and not tried again.
package booter

import (
	"context"
	"errors"
	"fmt"
	"net/http"
	"strconv"
	"time"

	"sigs.k8s.io/controller-runtime/pkg/log"

	"github.com/karpenter-kubeadm/karpenter-provider-aws/test/hollow/inventory"
	hollow "github.com/karpenter-kubeadm/karpenter-provider-aws/test/hollow/machine"
	"github.com/karpenter-kubeadm/karpenter-provider-aws/test/kind/docker"
	"github.com/karpenter-kubeadm/karpenter-provider-aws/test/node/machine"
	"github.com/karpenter-kubeadm/karpenter-provider-aws/test/node/world"
)

const (
	// poll is the time between two looks at EC2.
	poll = 500 * time.Millisecond
	// network is the one that kind's nodes are in.
	network = "kind"
	// metadataAddress is where every instance finds its metadata.
	metadataAddress = "169.254.169.254"
	headerTimeout   = 10 * time.Second
)

// Config says what a booter boots and with what. All fields are needed.
type Config struct {
	EC2    inventory.EC2
	Region string
	Docker docker.Docker
	// Image is the node image's name in Docker.
	Image string
}

// Booter boots instances. Make one with New and call Run once.
type Booter struct {
	config Config
	reader *inventory.Reader
	on     map[string]*http.Server // metadata services by instance; nil where the instance did not boot
}

// New returns a booter for config.
func New(config Config) *Booter {
	return &Booter{config: config, reader: inventory.New(config.EC2, config.Region), on: map[string]*http.Server{}}
}

// Container is what the container of an instance is called.
func Container(instance string) string { return "karpenter-e2e-" + instance }

// Run starts and removes containers as their instances start and end, until ctx ends, and
// removes all of them then.
func (b *Booter) Run(ctx context.Context) error {
	tick := time.NewTicker(poll)
	defer tick.Stop()
	for {
		if err := b.look(ctx); err != nil && ctx.Err() == nil {
			log.FromContext(ctx).Error(err, "following EC2")
		}
		select {
		case <-ctx.Done():
			return b.end(context.WithoutCancel(ctx))
		case <-tick.C:
		}
	}
}

// look brings containers to the state of their instances.
func (b *Booter) look(ctx context.Context) error {
	seen, err := b.reader.Instances(ctx, false)
	if err != nil {
		return err
	}
	var errs []error
	for id, i := range seen {
		if _, known := b.on[id]; known || !i.Running {
			continue
		}
		if b.on[id], err = b.boot(ctx, i); err != nil {
			errs = append(errs, fmt.Errorf("booting %s: %w", id, err))
		}
	}
	for id := range b.on {
		if !seen[id].Running {
			errs = append(errs, b.off(ctx, id))
		}
	}
	return errors.Join(errs...)
}

func (b *Booter) boot(ctx context.Context, i inventory.Instance) (*http.Server, error) {
	facts, err := b.reader.Facts(ctx, i)
	if err != nil {
		return nil, fmt.Errorf("reading facts: %w", err)
	}
	if _, err := b.config.Docker.Run(ctx, nil, b.run(facts)...); err != nil {
		return nil, err
	}
	text, err := b.config.Docker.Run(ctx, nil, "inspect", "--format", "{{.State.Pid}}", Container(i.ID))
	if err != nil {
		return nil, err
	}
	pid, err := strconv.Atoi(text)
	if err != nil {
		return nil, fmt.Errorf("reading the container's process id: %w", err)
	}
	log.FromContext(ctx).Info("booted", "instance", i.ID, "address", facts.PrivateIP.String())
	return serve(ctx, pid, hollow.NewMetadata(facts))
}

// run is the docker command that makes an instance's container: as kind makes its nodes', but for
// the kernel modules of the machine, which an instance could not load.
func (b *Booter) run(facts hollow.Facts) []string {
	return []string{
		"run", "--detach", "--tty", "--privileged", "--cgroupns=private", "--security-opt", "seccomp=unconfined", "--security-opt", "apparmor=unconfined",
		"--tmpfs", "/tmp", "--tmpfs", "/run", "--volume", "/var",
		"--label", docker.Label, "--name", Container(facts.ID), "--hostname", facts.PrivateDNS, "--network", network, "--ip", facts.PrivateIP.String(),
		b.config.Image, "instance",
	}
}

// serve answers metadata requests inside of the container's network.
func serve(ctx context.Context, pid int, metadata http.Handler) (*http.Server, error) {
	if err := world.IPOf(ctx, pid, "address add "+metadataAddress+"/32 dev lo"); err != nil {
		return nil, err
	}
	listener, err := machine.ListenIn(ctx, pid, metadataAddress+":80")
	if err != nil {
		return nil, fmt.Errorf("listening for metadata requests: %w", err)
	}
	service := &http.Server{Handler: metadata, ReadHeaderTimeout: headerTimeout}
	go func() { _ = service.Serve(listener) }() // until Close
	return service, nil
}

// off removes an instance's container and forgets it.
func (b *Booter) off(ctx context.Context, id string) error {
	if service := b.on[id]; service != nil {
		_ = service.Close()
	}
	_, err := b.config.Docker.Run(ctx, nil, "rm", "--force", "--volumes", Container(id))
	if err != nil {
		return fmt.Errorf("switching %s off: %w", id, err)
	}
	delete(b.on, id)
	log.FromContext(ctx).Info("off", "instance", id)
	return nil
}

// end switches everything off.
func (b *Booter) end(ctx context.Context) error {
	errs := make([]error, 0, len(b.on))
	for id := range b.on {
		errs = append(errs, b.off(ctx, id))
	}
	return errors.Join(errs...)
}
