package world

import (
	"context"
	"errors"
	"fmt"
	"io/fs"
	"os"
	"path/filepath"

	"golang.org/x/sys/unix"

	"github.com/karpenter-kubeadm/karpenter-provider-aws/test/node/cgroup"
)

const (
	homePrefix = "karpenter-world-"
	// lockName is a file that is locked for as long as somebody is in the world.
	lockName = "lock"
	logsName = "logs"
)

// bulk are the parts of a world's folder that nobody reads afterwards.
func bulk() []string { return []string{"machines", "tmp"} }

// makeHome makes a world's folder, with a lock that the kernel releases when this process ends.
func makeHome() (home string, release func(), err error) {
	if home, err = os.MkdirTemp("", homePrefix); err != nil {
		return "", nil, fmt.Errorf("making the world's folder: %w", err)
	}
	lock, err := os.Create(filepath.Join(home, lockName))
	if err == nil {
		err = unix.Flock(int(lock.Fd()), unix.LOCK_EX|unix.LOCK_NB)
	}
	for _, name := range append(bulk(), logsName) {
		err = errors.Join(err, os.Mkdir(filepath.Join(home, name), 0o755))
	}
	if err != nil {
		return "", nil, errors.Join(fmt.Errorf("making the world's folder: %w", err), os.RemoveAll(home))
	}
	return home, func() { _ = lock.Close() }, nil
}

// tidy removes the world's folder, all but the logs of a run that failed.
func tidy(home string, succeeded bool) error {
	if succeeded {
		return os.RemoveAll(home)
	}
	fmt.Fprintf(os.Stderr, "node: logs are in %s\n", filepath.Join(home, logsName))
	return removeBulk(home)
}

func removeBulk(home string) error {
	names := bulk()
	errs := make([]error, 0, len(names))
	for _, name := range names {
		errs = append(errs, os.RemoveAll(filepath.Join(home, name)))
	}
	return errors.Join(errs...)
}

// sweep removes what worlds below dir left that were killed before they could tidy up: the
// disks of their machines, and their control groups below own. Their logs stay.
func sweep(ctx context.Context, dir string, own cgroup.Group) error {
	homes, err := filepath.Glob(filepath.Join(dir, homePrefix+"*"))
	if err != nil {
		return err
	}
	for _, home := range homes {
		if err := sweepOne(ctx, home, own); err != nil {
			return fmt.Errorf("removing what is left of %s: %w", home, err)
		}
	}
	return nil
}

func sweepOne(ctx context.Context, home string, own cgroup.Group) error {
	lock, err := os.Open(filepath.Join(home, lockName))
	if errors.Is(err, fs.ErrNotExist) {
		return nil // it is just being made
	}
	if err != nil {
		return err
	}
	defer func() { _ = lock.Close() }()
	switch err := unix.Flock(int(lock.Fd()), unix.LOCK_EX|unix.LOCK_NB); {
	case errors.Is(err, unix.EWOULDBLOCK):
		return nil // somebody is in it
	case err != nil:
		return err
	}
	return errors.Join(own.Below(filepath.Base(home)).Remove(ctx), removeBulk(home))
}
