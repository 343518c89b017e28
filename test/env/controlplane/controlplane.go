// Package controlplane starts an embedded kubeadm control plane for a test: real etcd,
// kube-apiserver, controller manager and scheduler as plain processes on a loopback
// address of their own. The program that does it is test/cluster, a module of its own;
// `make tools` builds it.
//
// It remembers the child process that holds the cluster, and fails with what that said.
package controlplane

import (
	"bufio"
	"context"
	"encoding/json"
	"fmt"
	"io"
	"os"
	"path/filepath"
	"syscall"
	"time"

	"github.com/karpenter-kubeadm/karpenter-provider-aws/test/env/process"
)

// Cluster is a running control plane.
type Cluster struct {
	Kubeconfig string `json:"kubeconfig"` // of an administrator
	Endpoint   string `json:"endpoint"`   // host:port
	Dir        string `json:"dir"`
	Bin        string `json:"bin"` // kubectl and the rest

	process *process.Process
}

// Start starts a cluster and returns when its API server answers. args are those of
// `cluster up`. Progress goes to the file cluster.log in logs.
func Start(ctx context.Context, program, logs string, args ...string) (*Cluster, error) {
	out, in := io.Pipe()
	child, err := process.Start(process.Spec{
		Path: program, Args: append([]string{"up", "--until-stdin-closed"}, args...), Env: os.Environ(),
		Log: filepath.Join(logs, "cluster.log"), Stdout: in, Leash: true,
	})
	if err != nil {
		return nil, err
	}
	go func() {
		<-child.Done()
		_ = in.Close()
	}()
	cluster := &Cluster{process: child}
	ready := make(chan error, 1)
	go func() {
		line, err := bufio.NewReader(out).ReadBytes('\n')
		if err == nil {
			err = json.Unmarshal(line, cluster)
		}
		ready <- err
		_, _ = io.Copy(io.Discard, out)
	}()
	select {
	case err = <-ready:
	case <-ctx.Done():
		err = ctx.Err()
	}
	if err != nil {
		cluster.Stop()
		return nil, fmt.Errorf("starting a control plane (see %s): %w", filepath.Join(logs, "cluster.log"), err)
	}
	return cluster, nil
}

// RestartAPIServer has the API server ended and started again. It does not wait for either.
func (c *Cluster) RestartAPIServer() error {
	if err := syscall.Kill(c.process.PID(), syscall.SIGUSR1); err != nil {
		return fmt.Errorf("telling the control plane to restart its API server: %w", err)
	}
	return nil
}

// Stop ends every process of the cluster and removes its files.
func (c *Cluster) Stop() { c.process.Stop(30 * time.Second) }
