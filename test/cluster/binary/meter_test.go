package binary

import (
	"bytes"
	"testing"
	"time"

	. "github.com/onsi/gomega"
	clocktesting "k8s.io/utils/clock/testing"
)

func TestMeter(t *testing.T) {
	cases := map[string]struct {
		expect []string
		writes []string
		want   string
	}{
		"before anything is known": {want: "building K: looking at what is compiled already, 1m5s"},
		"while modules come":       {writes: []string{"go: downloading a v1\n", "go: downloading b v1\n"}, want: "building K: 2 modules downloaded, 1m5s"},
		"at the start":             {expect: []string{"a", "b", "c"}, want: "building K: 0 of 3 packages compiled, 1m5s"},
		"after some packages":      {expect: []string{"a", "b", "c"}, writes: []string{"a\nc\n"}, want: "building K: 2 of 3 packages compiled, 1m5s"},
		"a line in two writes":     {expect: []string{"a/b", "c"}, writes: []string{"a/", "b", "\n"}, want: "building K: 1 of 2 packages compiled, 1m5s"},
		"a line without its end":   {expect: []string{"a", "c"}, writes: []string{"a"}, want: "building K: 0 of 2 packages compiled, 1m5s"},
		"other lines do not count": {expect: []string{"a", "c"}, writes: []string{"# a\n", "a: error\n", "x\n"}, want: "building K: 0 of 2 packages compiled, 1m5s"},
		"nor does one twice":       {expect: []string{"a", "c"}, writes: []string{"a\na\n"}, want: "building K: 1 of 2 packages compiled, 1m5s"},
		"after the last package":   {expect: []string{"a"}, writes: []string{"a\n"}, want: "building K: linking, 1m5s"},
	}
	for name, c := range cases {
		t.Run(name, func(t *testing.T) {
			g := NewWithT(t)
			clock := clocktesting.NewFakePassiveClock(time.Unix(0, 0))
			m := newMeter("K", nil, false, clock)
			clock.SetTime(time.Unix(65, 0))
			if c.expect != nil {
				m.expect(c.expect)
			}
			for _, w := range c.writes {
				n, err := m.Write([]byte(w))
				g.Expect(err).NotTo(HaveOccurred())
				g.Expect(n).To(Equal(len(w)))
			}
			g.Expect(m.String()).To(Equal(c.want))
		})
	}
}

func TestMeterShows(t *testing.T) {
	cases := map[string]struct {
		live bool
		want string
	}{
		"a line a tick in a file":          {want: "building K: 0 of 1 packages compiled, 0s\nbuilding K: 0 of 1 packages compiled, 0s\ndone\n"},
		"one line, redrawn, in a terminal": {live: true, want: "\r\x1b[Kbuilding K: 0 of 1 packages compiled, 0s\r\x1b[Kbuilding K: 0 of 1 packages compiled, 0s\r\x1b[Kdone\n"},
	}
	for name, c := range cases {
		t.Run(name, func(t *testing.T) {
			var out bytes.Buffer
			m := newMeter("K", &out, c.live, clocktesting.NewFakePassiveClock(time.Unix(0, 0)))
			m.expect([]string{"a"})
			ticks, stop := make(chan time.Time), make(chan string)
			shown := make(chan struct{})
			go func() {
				defer close(shown)
				m.show(ticks, stop)
			}()
			ticks <- time.Time{}
			ticks <- time.Time{}
			stop <- "done"
			<-shown
			NewWithT(t).Expect(out.String()).To(Equal(c.want))
		})
	}
}
