package loopback

import (
	"math/rand/v2"
	"net"
	"net/netip"
	"slices"
	"strconv"
	"testing"

	. "github.com/onsi/gomega"
)

// seeded is a source of its own for each test, so that tests of one run meet at no address.
func seeded(t *testing.T) rand.Source { return rand.NewPCG(uint64(len(t.Name())), rand.Uint64()) }

func TestCandidates(t *testing.T) {
	g := NewWithT(t)
	list := slices.Collect(Candidates(rand.NewPCG(1, 2)))
	g.Expect(list).To(HaveLen(attempts))
	g.Expect(list).To(Equal(slices.Collect(Candidates(rand.NewPCG(1, 2)))), "the source alone decides")
	g.Expect(list).NotTo(Equal(slices.Collect(Candidates(rand.NewPCG(1, 3)))))
	ours := netip.MustParsePrefix("127.64.0.0/10")
	for _, addr := range list {
		g.Expect(ours.Contains(addr)).To(BeTrue(), addr.String())
		g.Expect(addr.As4()[3]).NotTo(BeElementOf(byte(0), byte(255)), addr.String())
	}
}

func TestTakeGivesAnAddressToOneOnly(t *testing.T) {
	g := NewWithT(t)
	two := slices.Collect(Candidates(seeded(t)))[:2]
	first, err := Take(t.Context(), slices.Values(two), nil)
	g.Expect(err).NotTo(HaveOccurred())
	g.Expect(first.Addr).To(Equal(two[0]))
	second, err := Take(t.Context(), slices.Values(two), nil)
	g.Expect(err).NotTo(HaveOccurred())
	g.Expect(second.Addr).To(Equal(two[1]))
	_, err = Take(t.Context(), slices.Values(two), nil)
	g.Expect(err).To(MatchError(ContainSubstring("address already in use")))

	g.Expect(first.Release()).To(Succeed())
	again, err := Take(t.Context(), slices.Values(two), nil)
	g.Expect(err).NotTo(HaveOccurred())
	g.Expect(again.Addr).To(Equal(two[0]))
	g.Expect(again.Release()).To(Succeed())
	g.Expect(second.Release()).To(Succeed())
}

func TestTakePassesOverAnAddressWithATakenPort(t *testing.T) {
	g := NewWithT(t)
	two := slices.Collect(Candidates(seeded(t)))[:2]
	other, err := net.Listen("tcp4", net.JoinHostPort(two[0].String(), "0"))
	g.Expect(err).NotTo(HaveOccurred())
	defer func() { _ = other.Close() }()
	port := other.Addr().(*net.TCPAddr).Port

	_, err = Take(t.Context(), slices.Values(two[:1]), []int{port})
	g.Expect(err).To(MatchError(And(ContainSubstring("listening on port "+strconv.Itoa(port)), ContainSubstring("stop it or move it"))))
	claim, err := Take(t.Context(), slices.Values(two), []int{port})
	g.Expect(err).NotTo(HaveOccurred())
	g.Expect(claim.Addr).To(Equal(two[1]))
	free, err := net.Listen("tcp4", net.JoinHostPort(claim.Addr.String(), strconv.Itoa(port)))
	g.Expect(err).NotTo(HaveOccurred(), "the ports of a claimed address are left free for its owner")
	g.Expect(free.Close()).To(Succeed())
	g.Expect(claim.Release()).To(Succeed())

	refused, err := net.Listen("tcp4", net.JoinHostPort(two[0].String(), strconv.Itoa(Guard)))
	g.Expect(err).NotTo(HaveOccurred(), "an address that was passed over is not held")
	g.Expect(refused.Close()).To(Succeed())
}
