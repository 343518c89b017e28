package env

import (
	"bytes"
	"context"
	"fmt"
	"net"
	"net/http"
	"os"
	"path/filepath"
	"time"

	"k8s.io/apimachinery/pkg/util/wait"

	"github.com/karpenter-kubeadm/karpenter-provider-aws/test/env/process"
)

// Controller is one run of the controller binary.
type Controller struct {
	*process.Process

	log     string
	offset  int64 // where this run's output begins
	metrics string
	health  string
}

// startController starts the binary with exactly the given environment, on free loopback ports.
func startController(binary, log string, environment map[string]string) (*Controller, error) {
	ports, err := freePorts(2)
	if err != nil {
		return nil, err
	}
	c := &Controller{log: log, metrics: ports[0], health: ports[1]}
	if info, err := os.Stat(log); err == nil {
		c.offset = info.Size()
	}
	all := []string{"PATH=" + os.Getenv("PATH"), "HOME=" + filepath.Dir(log)}
	for key, value := range environment {
		switch key {
		case "METRICS_PORT":
			value = c.metrics
		case "HEALTH_PROBE_PORT":
			value = c.health
		}
		all = append(all, key+"="+value)
	}
	c.Process, err = process.Start(process.Spec{Path: binary, Env: all, Log: log})
	return c, err
}

// Ready waits until the controller says that it is ready, or has ended.
func (c *Controller) Ready(ctx context.Context) error {
	err := wait.PollUntilContextCancel(ctx, 50*time.Millisecond, true, func(ctx context.Context) (bool, error) {
		select {
		case <-c.Done():
			return false, fmt.Errorf("controller ended: %s", c.Tail())
		default:
		}
		request, err := http.NewRequestWithContext(ctx, http.MethodGet, "http://127.0.0.1:"+c.health+"/readyz", nil)
		if err != nil {
			return false, err
		}
		response, err := http.DefaultClient.Do(request)
		if err != nil {
			return false, nil //nolint:nilerr // not listening yet: asked again
		}
		return response.StatusCode == http.StatusOK, response.Body.Close()
	})
	if err != nil {
		return fmt.Errorf("waiting for the controller to be ready (see %s): %w", c.log, err)
	}
	return nil
}

// MetricsURL is where the controller serves its metrics.
func (c *Controller) MetricsURL() string { return "http://127.0.0.1:" + c.metrics + "/metrics" }

// Output returns what this run has printed so far.
func (c *Controller) Output() string {
	content, err := os.ReadFile(c.log)
	if err != nil || int64(len(content)) < c.offset {
		return ""
	}
	return string(content[c.offset:])
}

// Tail returns the last lines of Output.
func (c *Controller) Tail() string {
	lines := bytes.Split(bytes.TrimSpace([]byte(c.Output())), []byte("\n"))
	return string(bytes.Join(lines[max(0, len(lines)-10):], []byte("\n")))
}

// freePorts returns ports that nothing listens on, on any address: the controller binds to all of them.
func freePorts(n int) ([]string, error) {
	var ports []string
	for range n {
		listener, err := net.ListenTCP("tcp", &net.TCPAddr{}) // closed at once
		if err != nil {
			return nil, fmt.Errorf("finding a free port: %w", err)
		}
		defer func() { _ = listener.Close() }()
		_, port, err := net.SplitHostPort(listener.Addr().String())
		if err != nil {
			return nil, err
		}
		ports = append(ports, port)
	}
	return ports, nil
}
