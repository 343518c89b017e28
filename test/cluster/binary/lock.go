package binary

import (
	"context"
	"errors"
	"fmt"
	"os"
	"syscall"
	"time"
)

// lockEvery is how often a waiting builder looks. The other one takes minutes, so a third of a second is no loss.
const lockEvery = 300 * time.Millisecond

// lock waits until no other process builds in the folder. The kernel frees the lock of a process that died.
func (b Builder) lock(ctx context.Context, path string) (unlock func(), err error) {
	file, err := os.OpenFile(path, os.O_CREATE|os.O_RDWR, 0o644)
	if err != nil {
		return nil, fmt.Errorf("opening the builders' lock: %w", err)
	}
	ticker := b.Clock.NewTicker(lockEvery)
	defer ticker.Stop()
	for said := false; ; {
		err := syscall.Flock(int(file.Fd()), syscall.LOCK_EX|syscall.LOCK_NB)
		if err == nil {
			// Closing gives the lock back; nothing is ever written to the file.
			return func() { _ = file.Close() }, nil
		}
		if !errors.Is(err, syscall.EWOULDBLOCK) {
			_ = file.Close()
			return nil, fmt.Errorf("taking the builders' lock %s: %w", path, err)
		}
		if !said {
			_, _ = fmt.Fprintln(b.Out, "waiting for another process that builds the same programs")
			said = true
		}
		select {
		case <-ticker.C():
		case <-ctx.Done():
			_ = file.Close()
			return nil, fmt.Errorf("waiting for the builders' lock: %w", context.Cause(ctx))
		}
	}
}
