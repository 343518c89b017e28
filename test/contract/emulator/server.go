package emulator

import (
	"context"
	"errors"
	"fmt"
	"io"
	"net"
	"net/http"
	"os"
	"path/filepath"
	"strings"
	"time"

	"github.com/karpenter-kubeadm/karpenter-provider-aws/test/env/process"
)

const (
	// startTimeout is many times what LocalStack takes on two busy cores, 10 s.
	startTimeout = 3 * time.Minute
	// pollEvery is how often a server is asked whether it is ready.
	pollEvery = 200 * time.Millisecond
	// stopPatience is how long a server may take to end before it is killed.
	stopPatience = 10 * time.Second
)

// Server is an endpoint that runs.
type Server struct {
	// URL is where it listens, for AWS_ENDPOINT_URL.
	URL string

	process *process.Process
	folder  string
}

// Start runs the endpoint on a free port of host, an address of this machine, and waits until
// it is ready. It dies with this process, if Stop is not called before.
func (i Installed) Start(ctx context.Context, host string) (*Server, error) {
	port, err := freePort(ctx, host)
	if err != nil {
		return nil, err
	}
	folder, err := os.MkdirTemp("", "karpenter-"+i.kind.Name+"-")
	if err != nil {
		return nil, fmt.Errorf("making a folder for %s: %w", i.kind.Name, err)
	}
	env := append(os.Environ(), "TMPDIR="+folder, "HOME="+folder, "PYTHONUNBUFFERED=1")
	child, err := process.Start(process.Spec{
		Path: i.python, Args: i.kind.command(host, port), Env: append(env, i.kind.environment(host, port, folder)...), Log: filepath.Join(folder, "log"),
	})
	if err != nil {
		return nil, errors.Join(err, os.RemoveAll(folder))
	}
	s := &Server{URL: "http://" + net.JoinHostPort(host, port), process: child, folder: folder}
	if err := s.ready(ctx, s.URL+i.kind.health); err != nil {
		err = fmt.Errorf("starting %s: %w; it said last:\n%s", i.kind.Name, err, s.lastLines())
		return nil, errors.Join(err, s.Stop())
	}
	return s, nil
}

// freePort is one that nothing listened on a moment ago.
func freePort(ctx context.Context, host string) (string, error) {
	listener, err := (&net.ListenConfig{}).Listen(ctx, "tcp", net.JoinHostPort(host, "0"))
	if err != nil {
		return "", fmt.Errorf("finding a free port: %w", err)
	}
	_, port, err := net.SplitHostPort(listener.Addr().String())
	return port, errors.Join(err, listener.Close())
}

// ready returns when url is answered with 200.
func (s *Server) ready(ctx context.Context, url string) error {
	ctx, cancel := context.WithTimeout(ctx, startTimeout)
	defer cancel()
	tick := time.NewTicker(pollEvery)
	defer tick.Stop()
	for {
		if answers(ctx, url) {
			return nil
		}
		select {
		case <-s.process.Done():
			return errors.New("it ended")
		case <-ctx.Done():
			return fmt.Errorf("waiting for %s: %w", url, ctx.Err())
		case <-tick.C:
		}
	}
}

func answers(ctx context.Context, url string) bool {
	request, err := http.NewRequestWithContext(ctx, http.MethodGet, url, nil)
	if err != nil {
		return false
	}
	response, err := http.DefaultClient.Do(request)
	if err != nil {
		return false
	}
	_, _ = io.Copy(io.Discard, response.Body)
	_ = response.Body.Close()
	return response.StatusCode == http.StatusOK
}

// lastLines are the end of what the server wrote.
func (s *Server) lastLines() string {
	text, err := os.ReadFile(filepath.Join(s.folder, "log"))
	if err != nil {
		return err.Error()
	}
	lines := strings.Split(strings.TrimSpace(string(text)), "\n")
	return strings.Join(lines[max(0, len(lines)-20):], "\n")
}

// PeakMemory is the most memory that the server has had, in bytes; 0 where the kernel does not say.
func (s *Server) PeakMemory() int64 {
	status, err := os.ReadFile(fmt.Sprintf("/proc/%d/status", s.process.PID()))
	if err != nil {
		return 0
	}
	_, after, _ := strings.Cut(string(status), "VmHWM:")
	var kib int64
	_, _ = fmt.Sscan(after, &kib) // 0 where there is none
	return kib << 10
}

// Stop ends the server and deletes what it kept.
func (s *Server) Stop() error {
	s.process.Stop(stopPatience)
	if err := os.RemoveAll(s.folder); err != nil {
		return fmt.Errorf("deleting the server's files: %w", err)
	}
	return nil
}
