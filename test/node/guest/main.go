// Command guest is what a real node's image has in the place of cloud-init: systemd runs it
// once at boot. It reads the instance's user data from the metadata service, token first as
// IMDSv2 asks, takes the host name from there, and runs the user data as root. What it and
// the user data say goes to the console and to /var/log/cloud-init-output.log.
//
// It exits with 1 when the user data was malformed or a part of it failed; the machine
// stays up, as in life.
package main

import (
	"context"
	"fmt"
	"io"
	"os"
	"os/signal"
	"syscall"

	"github.com/karpenter-kubeadm/karpenter-provider-aws/test/hollow/cloudinit"
)

// logFile is where cloud-init keeps the output of scripts.
const logFile = "/var/log/cloud-init-output.log"

func main() {
	ctx, stop := signal.NotifyContext(context.Background(), os.Interrupt, syscall.SIGTERM)
	defer stop()
	if err := run(ctx); err != nil {
		fmt.Fprintln(os.Stderr, "cloud-init:", err)
		os.Exit(1)
	}
}

func run(ctx context.Context) error {
	log, err := os.OpenFile(logFile, os.O_CREATE|os.O_APPEND|os.O_WRONLY, 0o640)
	if err != nil {
		return fmt.Errorf("opening the log: %w", err)
	}
	defer func() { _ = log.Close() }()
	out := io.Writer(log)
	if console, err := os.OpenFile("/dev/console", os.O_WRONLY|syscall.O_NOCTTY, 0); err == nil {
		defer func() { _ = console.Close() }()
		out = io.MultiWriter(log, console)
	}
	m := machine{out: out}
	err = boot(ctx, m)
	if err != nil {
		m.Logf("cloud-init: status: error: %v", err)
	}
	return err
}

func boot(ctx context.Context, m machine) error {
	metadata, err := connect(ctx)
	if err != nil {
		return err
	}
	name, err := metadata.get(ctx, "meta-data/local-hostname")
	if err != nil {
		return err
	}
	if err := m.SetHostname(string(name), true); err != nil {
		return err
	}
	data, err := metadata.get(ctx, "user-data")
	if err != nil {
		return err
	}
	m.Logf("cloud-init: running on %s", name)
	return cloudinit.Run(ctx, m, disk{}, data)
}
