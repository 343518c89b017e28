package ec2

import (
	"fmt"
	"net/netip"
	"strings"
)

// reserved is how many addresses of a subnet AWS keeps: the first four and the last.
const reserved = 5

// addresses hands out a subnet's IPv4 addresses. The next free one above the last given
// is taken, so that an address returns only after the others had their turn; in a small subnet that
// is soon, as in life.
type addresses struct {
	first netip.Addr // of the CIDR
	size  uint32
	taken map[uint32]bool
	next  uint32
}

func newAddresses(cidr netip.Prefix) *addresses {
	return &addresses{
		first: cidr.Masked().Addr(), size: 1 << (32 - cidr.Bits()), taken: map[uint32]bool{}, next: reserved - 1,
	}
}

func (a *addresses) free() int { return int(a.size) - reserved - len(a.taken) }

func (a *addresses) addr(offset uint32) netip.Addr {
	b := a.first.As4()
	n := uint32(b[0])<<24 | uint32(b[1])<<16 | uint32(b[2])<<8 | uint32(b[3])
	n += offset
	return netip.AddrFrom4([4]byte{byte(n >> 24), byte(n >> 16), byte(n >> 8), byte(n)})
}

func (a *addresses) offset(addr netip.Addr) (uint32, bool) {
	b, f := addr.As4(), a.first.As4()
	n := uint32(b[0])<<24 | uint32(b[1])<<16 | uint32(b[2])<<8 | uint32(b[3])
	m := uint32(f[0])<<24 | uint32(f[1])<<16 | uint32(f[2])<<8 | uint32(f[3])
	return n - m, n >= m+reserved-1 && n < m+a.size-1
}

// take returns a free address, and whether there was one.
func (a *addresses) take() (addr netip.Addr, ok bool) {
	if a.free() <= 0 {
		return netip.Addr{}, false
	}
	for a.taken[a.next] {
		a.step()
	}
	offset := a.next
	a.taken[offset] = true
	a.step()
	return a.addr(offset), true
}

func (a *addresses) step() {
	if a.next++; a.next >= a.size-1 {
		a.next = reserved - 1
	}
}

func (a *addresses) give(addr netip.Addr) {
	if offset, ok := a.offset(addr); ok {
		delete(a.taken, offset)
	}
}

// ipName is the private DNS name of an address in a region.
func ipName(addr netip.Addr, region string) string {
	return "ip-" + strings.ReplaceAll(addr.String(), ".", "-") + "." + privateDomain(region)
}

func privateDomain(region string) string {
	if region == "us-east-1" {
		return "ec2.internal"
	}
	return region + ".compute.internal"
}

// publicName is what a VPC with DNS host names calls an address; "" for none.
func publicName(addr netip.Addr, region string) string {
	if !addr.IsValid() {
		return ""
	}
	domain := region + ".compute.amazonaws.com"
	if region == "us-east-1" {
		domain = "compute-1.amazonaws.com"
	}
	return "ec2-" + strings.ReplaceAll(addr.String(), ".", "-") + "." + domain
}

// mac derives a hardware address from a private one, which is unique in its network.
func mac(addr netip.Addr) string {
	b := addr.As4()
	return fmt.Sprintf("02:00:%02x:%02x:%02x:%02x", b[0], b[1], b[2], b[3])
}
