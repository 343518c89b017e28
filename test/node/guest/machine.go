package main

import (
	"context"
	"errors"
	"fmt"
	"io"
	"io/fs"
	"os"
	"os/exec"
	"path/filepath"
	"strings"
	"syscall"
)

// machine is this machine, as cloudinit sees it.
type machine struct{ out io.Writer }

// Logf writes a line to console and log.
func (m machine) Logf(format string, args ...any) {
	_, _ = fmt.Fprintf(m.out, format+"\n", args...)
}

// Run runs a program with the environment that cloud-init gives. What it leaves running
// in the background does not keep it from returning.
func (m machine) Run(ctx context.Context, args ...string) int {
	cmd := exec.CommandContext(ctx, args[0], args[1:]...)
	cmd.Env = []string{"PATH=/usr/local/sbin:/usr/local/bin:/usr/sbin:/usr/bin:/sbin:/bin", "LANG=C.UTF-8"}
	cmd.Dir = "/"
	read, write, err := os.Pipe()
	if err != nil {
		m.Logf("cloud-init: %v", err)
		return 1
	}
	cmd.Stdout, cmd.Stderr = write, write
	go func() {
		_, _ = io.Copy(m.out, read)
		_ = read.Close()
	}()
	err = cmd.Run()
	_ = write.Close()
	if exit, ok := errors.AsType[*exec.ExitError](err); ok {
		return exit.ExitCode()
	}
	if err != nil {
		m.Logf("cloud-init: %v", err)
		return 1
	}
	return 0
}

// SetHostname renames the machine, for good when static.
func (m machine) SetHostname(name string, static bool) error {
	if err := syscall.Sethostname([]byte(name)); err != nil {
		return fmt.Errorf("setting host name: %w", err)
	}
	if !static {
		return nil
	}
	return os.WriteFile("/etc/hostname", []byte(name+"\n"), 0o644)
}

// disk is the file system, as cloudinit sees it.
type disk struct{}

// Exists reports whether name leads to anything.
func (disk) Exists(name string) bool {
	_, err := os.Stat(name)
	return err == nil
}

// Put writes a file, and the folders that are missing.
func (disk) Put(name string, content []byte, mode fs.FileMode) error {
	return write(name, content, mode, os.O_TRUNC)
}

// Append writes to the end of a file.
func (disk) Append(name string, content []byte, mode fs.FileMode) error {
	if strings.HasPrefix(name, "/proc/") {
		return fmt.Errorf("appending to %s: it is the kernel's", name)
	}
	return write(name, content, mode, os.O_APPEND)
}

// Chmod changes a file's permissions.
func (disk) Chmod(name string, mode fs.FileMode) error { return os.Chmod(name, mode) }

func write(name string, content []byte, mode fs.FileMode, how int) (err error) {
	if err := os.MkdirAll(filepath.Dir(name), 0o755); err != nil {
		return err
	}
	file, err := os.OpenFile(name, os.O_CREATE|os.O_WRONLY|how, mode)
	if err != nil {
		return err
	}
	defer func() { err = errors.Join(err, file.Close()) }()
	_, err = file.Write(content)
	return err
}
