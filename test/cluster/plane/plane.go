package plane

import (
	"context"
	"errors"
	"fmt"
	"os"
	"path/filepath"
	"sync"
	"time"

	"golang.org/x/sync/errgroup"

	"github.com/karpenter-kubeadm/karpenter-provider-aws/test/cluster/process"
)

const (
	// startTimeout is thirty times what a start takes on a quiet machine: compilers may have all its cores.
	startTimeout = 3 * time.Minute
	// stopGrace is for closing connections. What the programs would still write is removed with the folder, so a
	// program that takes longer (an API server with watches open does) is killed without a loss.
	stopGrace = 2 * time.Second
)

// Setup is what a cluster is made from.
type Setup struct {
	Config Config
	// Dir is an empty folder that the cluster alone uses; it is left for the caller to remove.
	Dir string
	// Bin is the folder of the programs.
	Bin string
	// Group runs the programs.
	Group *process.Group
	// Say is told each step that is done.
	Say func(step string)
}

// Plane is a running control plane. Start makes it, Stop ends it.
type Plane struct {
	Setup

	kubeadm kubeadm
	fail    context.CancelCauseFunc // ends failed
	failed  context.Context

	mu      sync.Mutex
	running map[string]*process.Process
}

// Kubeconfig is the path of the administrator's kubeconfig.
func (s Setup) Kubeconfig() string { return filepath.Join(s.kubernetes(), "admin.conf") }

func (s Setup) kubernetes() string { return filepath.Join(s.Dir, "kubernetes") }

// env has no proxy, KUBECONFIG or cloud credentials of the person who starts the cluster.
func (s Setup) env() []string {
	return []string{
		"PATH=" + s.Bin + string(filepath.ListSeparator) + "/usr/bin" + string(filepath.ListSeparator) + "/bin",
		"HOME=" + s.Dir,
		"TMPDIR=" + filepath.Join(s.Dir, "tmp"),
	}
}

// Start returns when nodes can join and pods can be created. On an error nothing runs.
func Start(ctx context.Context, s Setup) (*Plane, error) {
	p := &Plane{Setup: s, running: map[string]*process.Process{}}
	p.kubeadm = kubeadm{
		group: s.Group, bin: s.Bin, env: s.env(), kubernetes: s.kubernetes(),
		file: filepath.Join(s.Dir, "kubeadm.yaml"),
	}
	p.failed, p.fail = context.WithCancelCause(context.WithoutCancel(ctx))
	ctx, cancel := context.WithTimeoutCause(ctx, startTimeout, fmt.Errorf("not ready after %s", startTimeout))
	defer cancel()
	ctx, stop := context.WithCancelCause(ctx)
	defer stop(nil)
	// A program that ends makes every wait of the start pointless.
	defer context.AfterFunc(p.failed, func() { stop(context.Cause(p.failed)) })()
	if err := p.start(ctx); err != nil {
		if cause := context.Cause(ctx); cause != nil && !errors.Is(err, cause) { // then err only says that a call was cut off
			err = cause
		}
		p.Stop()
		return nil, fmt.Errorf("starting a cluster on %s: %w", s.Config.Addr, err)
	}
	return p, nil
}

func (p *Plane) start(ctx context.Context) error {
	if err := p.prepare(ctx); err != nil {
		return err
	}
	addons, err := p.kubeadm.files(ctx, p.Config.Endpoint())
	if err != nil {
		return err
	}
	p.Say("certificates, kubeconfigs and manifests made")
	if err := p.launch(etcd, apiServer); err != nil {
		return err
	}
	c, err := connect(filepath.Join(p.kubernetes(), "super-admin.conf"))
	if err != nil {
		return err
	}
	if err := c.ready(ctx); err != nil {
		return err
	}
	p.Say("API server ready")
	if err := p.launch(controllerManager, scheduler); err != nil {
		return err
	}
	if err := p.publish(ctx, c, addons); err != nil {
		return err
	}
	p.Say("configuration, roles and bootstrap token uploaded")
	if err := c.usable(ctx); err != nil {
		return err
	}
	p.Say("cluster usable")
	return nil
}

// prepare makes the folders and kubeadm's configuration.
func (p *Plane) prepare(ctx context.Context) error {
	for _, name := range []string{"kubernetes", "etcd", "log", "tmp"} {
		if err := os.Mkdir(filepath.Join(p.Dir, name), 0o700); err != nil {
			return fmt.Errorf("making the cluster's folders: %w", err)
		}
	}
	version, err := p.kubeadm.version(ctx)
	if err != nil {
		return err
	}
	file, err := p.Config.render(version)
	if err != nil {
		return err
	}
	if err := os.WriteFile(p.kubeadm.file, file, 0o600); err != nil {
		return fmt.Errorf("writing kubeadm's configuration: %w", err)
	}
	return nil
}

func (p *Plane) publish(ctx context.Context, c client, addons []byte) error {
	objects, err := withoutWorkloads(addons)
	if err != nil {
		return err
	}
	admins, err := clusterAdmins()
	if err != nil {
		return err
	}
	g, ctx := errgroup.WithContext(ctx)
	g.Go(func() error { return p.kubeadm.upload(ctx) })
	g.Go(func() error { return c.create(ctx, append(objects, admins)) })
	return g.Wait()
}

// launch starts programs, each with the command of its static pod.
func (p *Plane) launch(names ...string) error {
	flags := ownFlags(p.Config, p.Dir)
	for _, name := range names {
		line, err := p.kubeadm.command(name)
		if err != nil {
			return err
		}
		line = override(line, flags[name])
		child, err := p.Group.Start(process.Command{
			Path: filepath.Join(p.Bin, line[0]), Args: line[1:], Dir: p.Dir, Env: p.env(),
		}, filepath.Join(p.Dir, "log", name+".log"))
		if err != nil {
			return err
		}
		p.mu.Lock()
		p.running[name] = child
		p.mu.Unlock()
		go func() {
			<-child.Done()
			if p.program(name) == child {
				p.fail(child.Err())
			}
		}()
	}
	return nil
}

// program is the running one of that name, nil when there is none.
func (p *Plane) program(name string) *process.Process {
	p.mu.Lock()
	defer p.mu.Unlock()
	return p.running[name]
}

// RestartAPIServer ends the API server and starts it again with the same flags, as somebody
// does who changes them. It returns when the new one runs; it answers a few seconds later.
func (p *Plane) RestartAPIServer() error {
	p.mu.Lock()
	old := p.running[apiServer]
	delete(p.running, apiServer)
	p.mu.Unlock()
	old.Stop(stopGrace)
	if err := p.launch(apiServer); err != nil {
		return fmt.Errorf("restarting the API server: %w", err)
	}
	return nil
}

// Failed is closed when a program of the cluster has ended, by itself or by Stop.
func (p *Plane) Failed() <-chan struct{} { return p.failed.Done() }

// Err says which program ended first, and how.
func (p *Plane) Err() error { return context.Cause(p.failed) }

// Stop ends the programs in the order in which they need each other. It is safe to call twice.
func (p *Plane) Stop() {
	defer p.fail(errors.New("stopped"))
	for _, together := range [][]string{{controllerManager, scheduler}, {apiServer}, {etcd}} {
		var wg sync.WaitGroup
		for _, name := range together {
			if child := p.program(name); child != nil {
				wg.Go(func() { child.Stop(stopGrace) })
			}
		}
		wg.Wait()
	}
}
