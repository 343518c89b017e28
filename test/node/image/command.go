package image

import (
	"bytes"
	"context"
	"crypto/sha256"
	"encoding/hex"
	"fmt"
	"io"
	"os"
	"os/exec"
	"path/filepath"
	"runtime"
	"syscall"
)

// command is a program that a step runs.
type command struct {
	Path  string
	Args  []string
	Dir   string
	Env   []string // over this process's own
	Stdin io.Reader
	// Root, where set, is the program's root folder. It then gets mounts of its own too.
	Root string
}

// run returns what the program printed to standard output. It fails with the end of all output.
func (c command) run(ctx context.Context) ([]byte, error) {
	cmd := exec.CommandContext(ctx, c.Path, c.Args...)
	cmd.Dir, cmd.Stdin = c.Dir, c.Stdin
	cmd.Env = append(os.Environ(), c.Env...)
	// A build that is killed takes the program along. The kernel takes the end of this thread for that of the build.
	runtime.LockOSThread()
	defer runtime.UnlockOSThread()
	cmd.SysProcAttr = &syscall.SysProcAttr{Pdeathsig: syscall.SIGKILL}
	if c.Root != "" {
		cmd.Dir, cmd.SysProcAttr.Chroot = "/", c.Root
	}
	var out, all bytes.Buffer
	cmd.Stdout, cmd.Stderr = io.MultiWriter(&out, &all), &all
	if err := cmd.Run(); err != nil {
		return nil, fmt.Errorf("running %s: %w:\n%s", filepath.Base(c.Path), err, last(all.String()))
	}
	return out.Bytes(), nil
}

// hash names inputs by content, in 16 hexadecimal digits.
func hash(inputs ...string) string {
	sum := sha256.New()
	for _, input := range inputs {
		_, _ = fmt.Fprintf(sum, "%d\n%s", len(input), input) // a hash takes all
	}
	return hex.EncodeToString(sum.Sum(nil))[:16]
}
