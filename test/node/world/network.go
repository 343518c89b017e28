package world

import (
	"context"
	"fmt"
	"os"
	"os/exec"
	"strings"
)

const (
	// Bridge is the interface that stands for the VPC.
	Bridge = "vpc"
	// Router is the VPC's, the nodes' way to each other's pods.
	Router = "10.0.0.1"
	// ControlPlane is outside of awsfake's subnets, so that no instance gets it.
	ControlPlane = "10.0.255.10"
	// Repositories is where the mirror of packages is, outside likewise.
	Repositories = "10.0.255.20"
	// Bits of the VPC's prefix.
	Bits = 16
)

// layNetwork makes the VPC in the network namespace of this process.
func layNetwork(ctx context.Context) error {
	err := IP(ctx,
		"link set lo up",
		"link add "+Bridge+" type bridge",
		fmt.Sprintf("address add %s/%d dev %s", Router, Bits, Bridge),
		fmt.Sprintf("address add %s/%d dev %s", ControlPlane, Bits, Bridge),
		fmt.Sprintf("address add %s/%d dev %s", Repositories, Bits, Bridge),
		"link set "+Bridge+" up",
	)
	if err != nil {
		return err
	}
	return os.WriteFile("/proc/sys/net/ipv4/ip_forward", []byte("1"), 0o644)
}

// IP runs commands of ip(8).
func IP(ctx context.Context, commands ...string) error {
	return batch(exec.CommandContext(ctx, "ip", "-batch", "-"), commands)
}

// IPOf runs commands of ip(8) in the network namespace of a process.
func IPOf(ctx context.Context, pid int, commands ...string) error {
	return batch(exec.CommandContext(ctx, "nsenter", fmt.Sprintf("--net=/proc/%d/ns/net", pid), "ip", "-batch", "-"), commands)
}

func batch(cmd *exec.Cmd, commands []string) error {
	cmd.Stdin = strings.NewReader(strings.Join(commands, "\n") + "\n")
	out, err := cmd.CombinedOutput()
	if err != nil {
		return fmt.Errorf("running ip: %w: %s", err, strings.TrimSpace(string(out)))
	}
	return nil
}
