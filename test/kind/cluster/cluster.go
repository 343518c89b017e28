package cluster

import (
	"context"
	_ "embed"
	"errors"
	"fmt"
	"io"
	"os"
	"os/exec"
	"path/filepath"
	"strings"

	"github.com/karpenter-kubeadm/karpenter-provider-aws/test/kind/docker"
	"github.com/karpenter-kubeadm/karpenter-provider-aws/test/kind/image"
)

const (
	// Name is the cluster's, and the beginning of its nodes'.
	Name = "karpenter-e2e"
	// Gateway is the address of this machine in the nodes' network.
	Gateway = "172.31.255.254"

	// network is the one that kind uses. It is as wide as every account's default VPC, whose subnets leave the end of it free.
	network      = "kind"
	networkRange = "172.31.0.0/16"
	nodeRange    = "172.31.255.0/24"
)

// config is kind's.
//
//go:embed kind.yaml
var config string

// Cluster is a running one.
type Cluster struct {
	// Kubeconfig is the file of an administrator's.
	Kubeconfig string
	// Image is the node image, in Docker.
	Image string

	docker docker.Docker
	setup  image.Image
	dir    string
	out    io.Writer
	undo   []func(context.Context) error
}

// Create makes the cluster with files in the folder dir and progress on out, and returns
// when its nodes are Ready. What it made before an error is deleted.
func Create(ctx context.Context, d docker.Docker, setup image.Image, dir string, out io.Writer) (*Cluster, error) {
	c := &Cluster{
		Kubeconfig: filepath.Join(dir, "kubeconfig"), Image: "karpenter-e2e/node:v" + setup.Kubernetes,
		docker: d, setup: setup, dir: dir, out: out,
	}
	for _, step := range []func(context.Context) error{c.sweep, c.load, c.connect, c.create, c.name} {
		if err := step(ctx); err != nil {
			return nil, errors.Join(err, c.Delete(context.WithoutCancel(ctx)))
		}
	}
	return c, nil
}

// Delete deletes everything that Create made, the last first.
func (c *Cluster) Delete(ctx context.Context) error {
	var errs []error
	for i := len(c.undo) - 1; i >= 0; i-- {
		errs = append(errs, c.undo[i](ctx))
	}
	c.undo = nil
	return errors.Join(errs...)
}

// sweep removes what a run that was killed left in a Docker that outlived it.
func (c *Cluster) sweep(ctx context.Context) error {
	if out, err := c.command(ctx, "kind", "delete", "cluster", "--name", Name).CombinedOutput(); err != nil {
		return fmt.Errorf("deleting a cluster that is left: %w: %s", err, out)
	}
	return c.docker.Sweep(ctx)
}

// load gives Docker the node image.
func (c *Cluster) load(ctx context.Context) error {
	c.say("giving Docker the node image")
	// A namespace of its own takes the mount along when it ends.
	const script = `mount -t overlay overlay -o "lowerdir=$1" "$2"; exec tar --directory "$2" --numeric-owner --xattrs --create .`
	at := filepath.Join(c.dir, "node")
	if err := os.MkdirAll(at, 0o755); err != nil {
		return fmt.Errorf("making a folder for the node image: %w", err)
	}
	read, write, err := os.Pipe()
	if err != nil {
		return err
	}
	defer func() { _ = read.Close() }()
	pack := exec.CommandContext(ctx, "unshare", "--mount", "--propagation", "private", "sh", "-ec", script, "sh", strings.Join(c.setup.Layers, ":"), at)
	pack.Stdout, pack.Stderr = write, c.out
	err = pack.Start()
	_ = write.Close() // the child has its own
	if err != nil {
		return fmt.Errorf("packing the node image: %w", err)
	}
	_, err = c.docker.Run(ctx, read, "import", "--change", "LABEL "+docker.Label+"=", "--change", "ENV container=docker", "--change", "STOPSIGNAL SIGRTMIN+3",
		"--change", `ENTRYPOINT ["/usr/local/bin/machine"]`, "-", c.Image)
	if err := errors.Join(err, pack.Wait()); err != nil {
		return fmt.Errorf("importing the node image: %w", err)
	}
	c.undo = append(c.undo, func(ctx context.Context) error {
		_, err := c.docker.Run(ctx, nil, "image", "rm", "--force", c.Image)
		return err
	})
	return nil
}

// connect makes the network, unless there is one: kind takes what is called so.
func (c *Cluster) connect(ctx context.Context) error {
	have, err := c.docker.Run(ctx, nil, "network", "ls", "--quiet", "--filter", "name=^"+network+"$")
	if err != nil {
		return err
	}
	if have != "" {
		return fmt.Errorf("there is a Docker network %q already: delete the kind clusters that use it, and then it (docker network rm %s)", network, network)
	}
	_, err = c.docker.Run(ctx, nil, "network", "create", "--label", docker.Label, "--subnet", networkRange, "--ip-range", nodeRange, "--gateway", Gateway, network)
	if err != nil {
		return err
	}
	c.undo = append(c.undo, func(ctx context.Context) error {
		_, err := c.docker.Run(ctx, nil, "network", "rm", network)
		return err
	})
	return nil
}

func (c *Cluster) create(ctx context.Context) error {
	file := filepath.Join(c.dir, "kind.yaml")
	if err := os.WriteFile(file, []byte(config), 0o600); err != nil {
		return fmt.Errorf("writing kind's configuration: %w", err)
	}
	c.undo = append(c.undo, func(ctx context.Context) error {
		return c.run(ctx, "kind", "delete", "cluster", "--name", Name)
	})
	err := c.run(ctx, "kind", "create", "cluster", "--name", Name, "--image", c.Image, "--config", file, "--wait", "5m", "--retain")
	if err != nil {
		c.Explain(ctx)
		return err
	}
	return nil
}

// Explain saves what nodes say of themselves beside the cluster's other files. What cannot
// be had is not: there is a failure to report already.
func (c *Cluster) Explain(ctx context.Context) {
	cmd := c.command(ctx, "kind", "export", "logs", "--name", Name, filepath.Join(c.dir, "nodes"))
	if out, err := cmd.CombinedOutput(); err != nil {
		c.say(fmt.Sprintf("some of the nodes' logs could not be saved: %v: %s", err, out))
	}
}

// name tells this process's mount namespace the control plane's name, by which the cluster
// publishes it: containers ask Docker for it, hollow machines look into /etc/hosts.
func (c *Cluster) name(ctx context.Context) error {
	node := Name + "-control-plane"
	address, err := c.docker.Run(ctx, nil, "inspect", "--format", "{{.NetworkSettings.Networks."+network+".IPAddress}}", node)
	if err != nil {
		return err
	}
	hosts, err := os.ReadFile("/etc/hosts")
	if err != nil {
		return fmt.Errorf("reading host names: %w", err)
	}
	file := filepath.Join(c.dir, "hosts")
	if err := os.WriteFile(file, fmt.Appendf(hosts, "\n%s %s\n", address, node), 0o644); err != nil {
		return fmt.Errorf("writing host names: %w", err)
	}
	return mountOver(file, "/etc/hosts")
}

// run runs a program with its output on the progress.
func (c *Cluster) run(ctx context.Context, name string, args ...string) error {
	cmd := c.command(ctx, name, args...)
	cmd.Stdout, cmd.Stderr = c.out, c.out
	if err := cmd.Run(); err != nil {
		return fmt.Errorf("%s %s: %w", name, strings.Join(args[:min(2, len(args))], " "), err)
	}
	return nil
}

// command is a program that finds the cluster, and Docker.
func (c *Cluster) command(ctx context.Context, name string, args ...string) *exec.Cmd {
	cmd := exec.CommandContext(ctx, filepath.Join(c.setup.Programs, name), args...)
	cmd.Env = append(os.Environ(), "PATH="+c.docker.Path, "KUBECONFIG="+c.Kubeconfig, "HELM_CACHE_HOME="+c.dir, "HELM_CONFIG_HOME="+c.dir, "HELM_DATA_HOME="+c.dir)
	return cmd
}

func (c *Cluster) say(text string) { _, _ = fmt.Fprintln(c.out, "kind:", text) }
