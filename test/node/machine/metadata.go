package machine

import (
	"context"
	"fmt"
	"net"
	"net/http"
	"os"
	"runtime"
	"time"

	"golang.org/x/sys/unix"
)

const metadataAddress = "169.254.169.254"

// serve answers metadata requests inside of the machine's network namespace.
func (m *Machine) serve(ctx context.Context, pid int, metadata http.Handler) error {
	listener, err := ListenIn(ctx, pid, metadataAddress+":80")
	if err != nil {
		return fmt.Errorf("listening for metadata requests: %w", err)
	}
	m.service = &http.Server{Handler: metadata, ReadHeaderTimeout: 10 * time.Second}
	go func() { _ = m.service.Serve(listener) }() // until Close
	return nil
}

// ListenIn opens a socket in the network namespace of a process. A socket stays where it was
// opened, whatever thread uses it.
func ListenIn(ctx context.Context, pid int, address string) (net.Listener, error) {
	type opened struct {
		listener net.Listener
		err      error
	}
	result := make(chan opened)
	go func() {
		// Not unlocked: the thread is in another namespace from here on and ends with this goroutine.
		runtime.LockOSThread()
		listener, err := enterAndListen(ctx, pid, address)
		result <- opened{listener, err}
	}()
	made := <-result
	return made.listener, made.err
}

func enterAndListen(ctx context.Context, pid int, address string) (net.Listener, error) {
	space, err := os.Open(fmt.Sprintf("/proc/%d/ns/net", pid))
	if err != nil {
		return nil, err
	}
	defer func() { _ = space.Close() }()
	if err := unix.Setns(int(space.Fd()), unix.CLONE_NEWNET); err != nil {
		return nil, fmt.Errorf("entering the machine's network: %w", err)
	}
	return new(net.ListenConfig).Listen(ctx, "tcp4", address)
}
