// Package loopback answers "which address of 127.0.0.0/8 is mine alone?". All of that network is this machine
// on Linux, so a cluster can have the ports kubeadm users know, and many can run side by side.
//
// It talks to the kernel only. What it holds is one listening socket per claim, on a port no cluster serves (Guard): a
// second claimant, of whichever user, cannot have it while the first lives, and the kernel frees it when the first
// dies. It fails when no candidate is free, with the reason the last one was refused.
package loopback

import (
	"context"
	"fmt"
	"iter"
	"math/rand/v2"
	"net"
	"net/netip"
	"strconv"
)

// Guard is the port whose socket stands for the claim to an address. Next to the API server's, and nobody's.
const Guard = 6442

// attempts bounds the search. Addresses are refused because other clusters have them (a handful on a machine), or
// because a program listens on the port at all addresses, which no number of attempts cures.
const attempts = 64

// Claim is an address that is this process's until Release.
type Claim struct {
	Addr netip.Addr

	guard net.Listener
}

// Release gives the address back.
func (c *Claim) Release() error {
	if err := c.guard.Close(); err != nil {
		return fmt.Errorf("releasing %s: %w", c.Addr, err)
	}
	return nil
}

// Candidates yields addresses of 127.64.0.0/10 in an order that depends on the source alone. The range keeps clear of
// 127.0.0.1 and of the low 127.x.y.z that people and Debian (127.0.1.1) use.
func Candidates(source rand.Source) iter.Seq[netip.Addr] {
	random := rand.New(source)
	return func(yield func(netip.Addr) bool) {
		for range attempts {
			addr := netip.AddrFrom4([4]byte{127, byte(64 + random.IntN(64)), byte(random.IntN(256)), byte(1 + random.IntN(254))})
			if !yield(addr) {
				return
			}
		}
	}
}

// Take claims the first candidate on which all ports are free.
func Take(ctx context.Context, candidates iter.Seq[netip.Addr], ports []int) (*Claim, error) {
	var refused error
	for addr := range candidates {
		claim, err := take(ctx, addr, ports)
		if err == nil {
			return claim, nil
		}
		refused = err
	}
	return nil, fmt.Errorf("finding a free loopback address: the last one tried: %w; "+
		"if a program listens on one of the ports %v at all addresses (0.0.0.0), stop it or move it", refused, ports)
}

func take(ctx context.Context, addr netip.Addr, ports []int) (*Claim, error) {
	guard, err := listen(ctx, addr, Guard)
	if err != nil {
		return nil, err
	}
	for _, port := range ports {
		probe, err := listen(ctx, addr, port)
		if err != nil {
			_ = guard.Close()
			return nil, err
		}
		// Nobody ever connected to the probe, so there is nothing that closing it could fail to do.
		_ = probe.Close()
	}
	return &Claim{Addr: addr, guard: guard}, nil
}

func listen(ctx context.Context, addr netip.Addr, port int) (net.Listener, error) {
	var config net.ListenConfig
	l, err := config.Listen(ctx, "tcp4", net.JoinHostPort(addr.String(), strconv.Itoa(port)))
	if err != nil {
		return nil, fmt.Errorf("listening on port %d: %w", port, err)
	}
	return l, nil
}
