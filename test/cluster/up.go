package main

import (
	"context"
	"encoding/json"
	"errors"
	"fmt"
	"io"
	"iter"
	"math/rand/v2"
	"net/netip"
	"os"
	"os/signal"
	"path/filepath"
	"slices"
	"syscall"
	"time"

	"github.com/karpenter-kubeadm/karpenter-provider-aws/test/cluster/folder"
	"github.com/karpenter-kubeadm/karpenter-provider-aws/test/cluster/loopback"
	"github.com/karpenter-kubeadm/karpenter-provider-aws/test/cluster/plane"
	"github.com/karpenter-kubeadm/karpenter-provider-aws/test/cluster/process"
)

// janitor is the command that removes a cluster's folder when "up" cannot. It is not for people.
const janitor = "janitor"

var errStdinClosed = errors.New("standard input ended")

// ready is what "up" prints when the cluster is usable.
type ready struct {
	Kubeconfig string `json:"kubeconfig"`
	Endpoint   string `json:"endpoint"`
	Dir        string `json:"dir"`
	Bin        string `json:"bin"`
}

func up(ctx context.Context, arguments []string) error {
	var o options
	if err := parse(upFlags(&o), arguments); err != nil {
		return err
	}
	candidates, err := o.candidates()
	if err != nil {
		return err
	}
	if o.untilStdinClosed {
		var cancel context.CancelCauseFunc
		ctx, cancel = context.WithCancelCause(ctx)
		go func() {
			// Whatever ends the reading, whoever held the other end cannot tell us anything any more.
			_, _ = io.Copy(io.Discard, os.Stdin)
			cancel(errStdinClosed)
		}()
	}
	group := process.New()
	defer group.Close()
	bin, err := o.binFolder(ctx, group)
	if err != nil {
		return err
	}
	claim, err := loopback.Take(ctx, candidates, plane.Ports())
	if err != nil {
		return err
	}
	err = o.host(ctx, group, bin, claim.Addr)
	return errors.Join(err, claim.Release())
}

func (o *options) binFolder(ctx context.Context, group *process.Group) (string, error) {
	if o.bin == "" {
		return o.programs(ctx, group)
	}
	if _, err := os.Stat(filepath.Join(o.bin, "kubeadm")); err != nil {
		return "", fmt.Errorf("--bin: %w; name the folder that \"cluster build\" prints", err)
	}
	return filepath.Abs(o.bin)
}

// candidates are the addresses the cluster may have.
func (o *options) candidates() (iter.Seq[netip.Addr], error) {
	if o.address == "" {
		return loopback.Candidates(rand.NewPCG(rand.Uint64(), rand.Uint64())), nil
	}
	addr, err := netip.ParseAddr(o.address)
	// A private address is one that nodes in other network namespaces reach, over a bridge of a test's own.
	if err != nil || !addr.Is4() || !addr.IsLoopback() && !addr.IsPrivate() {
		return nil, fmt.Errorf("--address: %q is not an address of 127.0.0.0/8, nor a private one (RFC 1918)", o.address)
	}
	return slices.Values([]netip.Addr{addr}), nil
}

// host gives a cluster a folder for as long as it runs.
func (o *options) host(ctx context.Context, group *process.Group, bin string, addr netip.Addr) error {
	self, err := os.Executable()
	if err != nil {
		return fmt.Errorf("finding this program's file: %w", err)
	}
	home, err := folder.New(o.dir, []string{self, janitor})
	if err != nil {
		return err
	}
	config := o.clusterConfig()
	config.Addr = addr
	err = serve(ctx, plane.Setup{Config: config, Dir: home.Path, Bin: bin, Group: group, Say: stopwatch(os.Stderr, addr)})
	group.Close() // nothing may write into the folder any more
	return errors.Join(err, home.Remove())
}

// serve runs a cluster until ctx ends, which is no error, or until a program of it does.
func serve(ctx context.Context, s plane.Setup) error {
	cluster, err := plane.Start(ctx, s)
	switch {
	case err != nil && ctx.Err() != nil:
		return nil
	case err != nil:
		return err
	}
	defer cluster.Stop()
	err = json.NewEncoder(os.Stdout).Encode(ready{
		Kubeconfig: s.Kubeconfig(), Endpoint: s.Config.Endpoint(), Dir: s.Dir, Bin: s.Bin,
	})
	if err != nil {
		return fmt.Errorf("printing the cluster: %w", err)
	}
	return attend(ctx, cluster)
}

// attend restarts the API server whenever SIGUSR1 comes, until ctx ends or a program does.
func attend(ctx context.Context, cluster *plane.Plane) error {
	again := make(chan os.Signal, 1)
	signal.Notify(again, syscall.SIGUSR1)
	defer signal.Stop(again)
	for {
		select {
		case <-again:
			if err := cluster.RestartAPIServer(); err != nil {
				return err
			}
			cluster.Say("API server restarted")
		case <-ctx.Done():
			cluster.Say("stopping: " + context.Cause(ctx).Error())
			return nil
		case <-cluster.Failed():
			return cluster.Err()
		}
	}
}

// stopwatch prints steps with the seconds since it was made.
func stopwatch(out io.Writer, addr netip.Addr) func(string) {
	start := time.Now()
	return func(step string) {
		_, _ = fmt.Fprintf(out, "%s %5.1fs %s\n", addr, time.Since(start).Seconds(), step)
	}
}
