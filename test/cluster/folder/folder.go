package folder

import (
	"context"
	"errors"
	"fmt"
	"io"
	"io/fs"
	"os"
	"os/exec"
	"path/filepath"
	"strconv"
	"syscall"
)

// lockName marks a folder as a cluster's. Without such a file nothing here removes a folder.
const lockName = "cluster.lock"

// Folder is a folder of this process's own. Make one with New.
type Folder struct {
	Path string

	lock    *os.File
	life    *os.File // closing it tells the janitor that the owner has gone
	janitor *exec.Cmd
}

// New makes a folder under parent, with a janitor beside it: a process that the command line janitor, extended by
// the folder's path, starts, and which must call Guard.
func New(parent string, janitor []string) (*Folder, error) {
	path, err := os.MkdirTemp(parent, "karpenter-cluster-")
	if err != nil {
		return nil, fmt.Errorf("making a folder: %w", err)
	}
	// /proc, where processes are looked for by folder, knows no symbolic links.
	if path, err = filepath.EvalSymlinks(path); err != nil {
		return nil, fmt.Errorf("resolving the folder's path: %w", err)
	}
	f := &Folder{Path: path}
	if err := f.own(janitor); err != nil {
		return nil, errors.Join(err, os.RemoveAll(path))
	}
	return f, nil
}

func (f *Folder) own(janitor []string) error {
	lock, err := os.OpenFile(filepath.Join(f.Path, lockName), os.O_CREATE|os.O_RDWR, 0o600)
	if err != nil {
		return fmt.Errorf("making the folder's lock: %w", err)
	}
	f.lock = lock
	if err := flock(lock); err != nil {
		return errors.Join(err, lock.Close())
	}
	if _, err := lock.WriteString(strconv.Itoa(os.Getpid())); err != nil {
		return errors.Join(fmt.Errorf("writing the owner's process id: %w", err), lock.Close())
	}
	if err := f.employ(janitor); err != nil {
		return errors.Join(err, lock.Close())
	}
	return nil
}

// employ starts the janitor. It gets no standard output or error of ours: it may outlive us, and whoever reads them
// until they are closed would wait for it.
func (f *Folder) employ(janitor []string) error {
	read, write, err := os.Pipe()
	if err != nil {
		return fmt.Errorf("making the janitor's pipe: %w", err)
	}
	cmd := exec.Command(janitor[0], append(janitor[1:len(janitor):len(janitor)], f.Path)...)
	cmd.Stdin = read
	cmd.Dir = string(filepath.Separator)
	cmd.SysProcAttr = &syscall.SysProcAttr{Setsid: true}
	err = cmd.Start()
	_ = read.Close() // the janitor has its own
	if err != nil {
		_ = write.Close() // nobody reads it
		return fmt.Errorf("starting the janitor: %w", err)
	}
	f.life, f.janitor = write, cmd
	return nil
}

// Remove removes the folder and waits for the janitor to end.
func (f *Folder) Remove() error {
	err := errors.Join(os.RemoveAll(f.Path), f.lock.Close(), f.life.Close())
	// With the lock free and the pipe closed the janitor removes what is left. How it ended does not matter: someone may
	// have killed it when all was removed already.
	_ = f.janitor.Wait()
	if _, absent := os.Lstat(f.Path); errors.Is(absent, fs.ErrNotExist) {
		return nil
	}
	return fmt.Errorf("removing the folder %s: %w", f.Path, errors.Join(err, fs.ErrExist))
}

// Guard is the janitor's work: it waits until the owner has gone, which life, the read end of the owner's pipe, tells
// by ending, and removes the folder.
func Guard(ctx context.Context, life io.Reader, path string) error {
	if _, err := io.Copy(io.Discard, life); err != nil {
		return fmt.Errorf("waiting for the owner of %s to end: %w", path, err)
	}
	return sweep(ctx, path)
}
