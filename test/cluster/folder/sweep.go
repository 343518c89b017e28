package folder

import (
	"context"
	"errors"
	"fmt"
	"io/fs"
	"os"
	"path/filepath"
	"strconv"
	"strings"
	"syscall"
	"time"
)

const (
	// lookEvery is the pace of looking whether a process has ended; each look reads a link per process of the machine.
	lookEvery = 50 * time.Millisecond
	// patience is how long processes that the kernel was told to end may take, on a machine that swaps.
	patience = 20 * time.Second
)

// ErrForeign is returned for a folder that is no cluster's.
var ErrForeign = errors.New("not a cluster's folder: it has no file " + lockName)

// Down ends the owner of a folder in order (SIGTERM) and waits until the folder is gone. Where the owner has ended
// without removing it, Down does. A folder that does not exist is the wanted state.
func Down(ctx context.Context, path string) error {
	pid, err := owner(path)
	switch {
	case errors.Is(err, fs.ErrNotExist):
		return nil
	case err != nil:
		return err
	case pid == 0:
		return sweep(ctx, path)
	}
	if err := syscall.Kill(pid, syscall.SIGTERM); err != nil && !errors.Is(err, syscall.ESRCH) {
		return fmt.Errorf("ending process %d, the owner of %s: %w", pid, path, err)
	}
	return poll(ctx, func() (bool, error) {
		_, err := os.Stat(path)
		return errors.Is(err, fs.ErrNotExist), nil
	})
}

// owner is the process that has the folder; 0 when it has ended.
func owner(path string) (int, error) {
	if _, err := os.Stat(path); err != nil {
		return 0, err
	}
	lock, err := os.Open(filepath.Join(path, lockName))
	switch {
	case errors.Is(err, fs.ErrNotExist):
		return 0, fmt.Errorf("%s: %w", path, ErrForeign)
	case err != nil:
		return 0, fmt.Errorf("opening the folder's lock: %w", err)
	}
	defer func() { _ = lock.Close() }() // only read
	if err := flock(lock); !errors.Is(err, syscall.EWOULDBLOCK) {
		return 0, err
	}
	content, err := os.ReadFile(lock.Name())
	if err != nil {
		return 0, fmt.Errorf("reading the owner's process id: %w", err)
	}
	pid, err := strconv.Atoi(string(content))
	if err != nil {
		return 0, fmt.Errorf("reading the owner's process id: %w", err)
	}
	return pid, nil
}

func flock(lock *os.File) error {
	if err := syscall.Flock(int(lock.Fd()), syscall.LOCK_EX|syscall.LOCK_NB); err != nil {
		return fmt.Errorf("locking %s: %w", lock.Name(), err)
	}
	return nil
}

// sweep removes a folder whose owner has ended, as soon as nothing runs in it.
func sweep(ctx context.Context, path string) error {
	if _, err := owner(path); err != nil {
		if errors.Is(err, fs.ErrNotExist) {
			return nil
		}
		return err
	}
	ctx, cancel := context.WithTimeout(ctx, patience)
	defer cancel()
	err := poll(ctx, func() (bool, error) {
		pids, err := Occupants(path)
		return len(pids) == 0, err
	})
	if err != nil {
		return fmt.Errorf("waiting for the processes in %s to end: %w", path, err)
	}
	if err := os.RemoveAll(path); err != nil {
		return fmt.Errorf("removing the folder: %w", err)
	}
	return nil
}

// Occupants are the processes of this user, or of all users where this one may look, that work in the folder.
func Occupants(path string) ([]int, error) {
	if resolved, err := filepath.EvalSymlinks(path); err == nil { // else it is gone, and the path is as good as any
		path = resolved
	}
	links, err := filepath.Glob("/proc/[0-9]*/cwd")
	if err != nil {
		return nil, fmt.Errorf("listing processes: %w", err)
	}
	var pids []int
	for _, link := range links {
		dir, err := os.Readlink(link)
		if err != nil {
			continue // ended meanwhile, or another user's
		}
		dir = strings.TrimSuffix(dir, " (deleted)")
		if dir != path && !strings.HasPrefix(dir, path+string(filepath.Separator)) {
			continue
		}
		pid, err := strconv.Atoi(filepath.Base(filepath.Dir(link)))
		if err != nil {
			return nil, fmt.Errorf("listing processes: %w", err)
		}
		pids = append(pids, pid)
	}
	return pids, nil
}

// poll asks at once and then at every lookEvery until the answer is yes.
func poll(ctx context.Context, done func() (bool, error)) error {
	ticker := time.NewTicker(lookEvery)
	defer ticker.Stop()
	for {
		yes, err := done()
		if err != nil || yes {
			return err
		}
		select {
		case <-ticker.C:
		case <-ctx.Done():
			return context.Cause(ctx)
		}
	}
}
