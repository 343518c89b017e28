package measure

import (
	"os"
	"testing"
	"time"

	. "github.com/onsi/gomega"
)

func TestParseStat(t *testing.T) {
	for name, tc := range map[string]struct {
		stat string
		want time.Duration
		err  OmegaMatcher
	}{
		"user and system time":         {"42 (controller) S 1 42 42 0 -1 4194560 9 0 0 0 150 25 0 0 20 0 9 0 1 2 3", 1750 * time.Millisecond, BeNil()},
		"a name with blanks and signs": {"42 (a) b (c) S 1 42 42 0 -1 4194560 9 0 0 0 1 2 0 0 20 0 9 0 1 2 3", 30 * time.Millisecond, BeNil()},
		"too short":                    {"42 (a) S 1", 0, HaveOccurred()},
		"no name":                      {"42", 0, HaveOccurred()},
	} {
		t.Run(name, func(t *testing.T) {
			g := NewWithT(t)
			got, err := parseStat([]byte(tc.stat))
			g.Expect(err).To(tc.err)
			g.Expect(got).To(Equal(tc.want))
		})
	}
}

func TestParseStatus(t *testing.T) {
	g := NewWithT(t)
	now, peak, err := parseStatus([]byte("Name:\ta\nVmHWM:\t   2048 kB\nVmRSS:\t   1024 kB\nThreads:\t3\n"))
	g.Expect(err).NotTo(HaveOccurred())
	g.Expect(now).To(Equal(int64(1 << 20)))
	g.Expect(peak).To(Equal(int64(2 << 20)))
	_, _, err = parseStatus([]byte("Name:\ta\n"))
	g.Expect(err).To(HaveOccurred(), "a process that has ended")
}

func TestThisProcess(t *testing.T) {
	g := NewWithT(t)
	before, err := CPU(os.Getpid())
	g.Expect(err).NotTo(HaveOccurred())
	for end := time.Now().Add(50 * time.Millisecond); time.Now().Before(end); {
		_ = make([]byte, 1<<10)
	}
	after, err := CPU(os.Getpid())
	g.Expect(err).NotTo(HaveOccurred())
	g.Expect(after).To(BeNumerically(">", before))
	g.Expect(ResetPeak(os.Getpid())).To(Succeed())
	now, peak, err := Memory(os.Getpid())
	g.Expect(err).NotTo(HaveOccurred())
	g.Expect(now).To(BeNumerically(">", 1<<20))
	g.Expect(peak).To(BeNumerically(">=", now/2))
}
