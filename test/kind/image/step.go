package image

import (
	"bytes"
	"context"
	"crypto/sha256"
	"encoding/hex"
	"errors"
	"fmt"
	"os"
	"os/exec"
	"path/filepath"
	"strings"
	"time"
)

// step returns the folder called name-hash, where build leaves its result the first time.
// inputs are everything that the result depends on; the result of other inputs is removed.
func (b Builder) step(name string, inputs []string, build func(dir string) error) (string, error) {
	sum := sha256.New()
	for _, input := range inputs {
		_, _ = fmt.Fprintf(sum, "%d\n%s", len(input), input) // a hash takes all
	}
	done := filepath.Join(b.Cache, name+"-"+hex.EncodeToString(sum.Sum(nil))[:16])
	if _, err := os.Stat(done); err == nil {
		return done, nil
	}
	began := time.Now()
	_, _ = fmt.Fprintf(b.Out, "kind: building %s\n", name)
	if err := b.replace(name, done, build); err != nil {
		return "", fmt.Errorf("building %s: %w", name, err)
	}
	_, _ = fmt.Fprintf(b.Out, "kind: built %s in %s\n", name, time.Since(began).Round(time.Second))
	return done, nil
}

// replace leaves the whole result at done, or nothing.
func (b Builder) replace(name, done string, build func(dir string) error) error {
	before, err := filepath.Glob(filepath.Join(b.Cache, name+"-*"))
	if err != nil {
		return err
	}
	for _, dir := range before { // of other inputs, or of a build that was killed
		if err := os.RemoveAll(dir); err != nil {
			return err
		}
	}
	work := done + ".part"
	if err := os.Mkdir(work, 0o755); err != nil {
		return err
	}
	if err := build(work); err != nil {
		return errors.Join(err, os.RemoveAll(work))
	}
	return os.Rename(work, done)
}

// run runs a program at low priority, since builds share the machine with others, and
// returns what it printed to standard output.
func run(ctx context.Context, dir string, program ...string) (string, error) {
	cmd := exec.CommandContext(ctx, "nice", program...)
	cmd.Dir = dir
	cmd.Env = append(os.Environ(), "CGO_ENABLED=0", "DEBIAN_FRONTEND=noninteractive")
	var out, errs bytes.Buffer
	cmd.Stdout, cmd.Stderr = &out, &errs
	if err := cmd.Run(); err != nil {
		return "", fmt.Errorf("running %s: %w:\n%s", program[0], err, last(out.String()+errs.String()))
	}
	return out.String(), nil
}

// runAs runs the program file under another name.
func runAs(ctx context.Context, file, name string, args ...string) (string, error) {
	cmd := exec.CommandContext(ctx, file, args...)
	cmd.Args[0] = name
	out, err := cmd.Output()
	if err != nil {
		return "", fmt.Errorf("running %s: %w", name, err)
	}
	return string(out), nil
}

// last returns the last lines of an output, for errors.
func last(output string) string {
	const lines = 20
	all := strings.Split(strings.TrimSpace(output), "\n")
	return strings.Join(all[max(0, len(all)-lines):], "\n")
}
