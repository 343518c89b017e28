package binary

import (
	"bytes"
	"fmt"
	"io"
	"strings"
	"sync"
	"time"

	"k8s.io/utils/clock"
)

const (
	// liveEvery redraws the line in a terminal: what moves five times a second looks alive and costs nothing.
	liveEvery = 200 * time.Millisecond
	// quietEvery is the pace in a log file: a cold build takes five to ten minutes, so it is 30 to 60 lines.
	quietEvery = 10 * time.Second
	// clearLine returns to the first column and clears the line.
	clearLine = "\r\x1b[K"
)

// meter shows how far a build is. It reads what "go build -v" writes: one import path a line, at the moment
// the package's compilation starts.
type meter struct {
	what  string // for example "Kubernetes v1.36.3"
	out   io.Writer
	live  bool // out is a terminal
	clock clock.PassiveClock
	start time.Time

	mu         sync.Mutex
	partial    []byte // a line whose end has not come yet
	pending    map[string]bool
	total      int
	downloaded int
}

func newMeter(what string, out io.Writer, live bool, c clock.PassiveClock) *meter {
	return &meter{what: what, out: out, live: live, clock: c, start: c.Now()}
}

// expect names the packages that are to be compiled. Before, the meter counts downloads.
func (m *meter) expect(packages []string) {
	m.mu.Lock()
	defer m.mu.Unlock()
	m.total = len(packages)
	m.pending = make(map[string]bool, len(packages))
	for _, p := range packages {
		m.pending[p] = true
	}
}

// Write takes the Go command's standard error. It never fails.
func (m *meter) Write(b []byte) (int, error) {
	m.mu.Lock()
	defer m.mu.Unlock()
	m.partial = append(m.partial, b...)
	for {
		line, rest, found := bytes.Cut(m.partial, []byte("\n"))
		if !found {
			return len(b), nil
		}
		m.line(string(line))
		m.partial = rest
	}
}

func (m *meter) line(line string) {
	switch {
	case m.pending[line]:
		delete(m.pending, line)
	case strings.HasPrefix(line, "go: downloading "):
		m.downloaded++
	}
}

func (m *meter) String() string {
	m.mu.Lock()
	defer m.mu.Unlock()
	elapsed := m.clock.Since(m.start).Round(time.Second)
	switch {
	case m.pending == nil && m.downloaded > 0:
		return fmt.Sprintf("building %s: %d modules downloaded, %s", m.what, m.downloaded, elapsed)
	case m.pending == nil:
		return fmt.Sprintf("building %s: looking at what is compiled already, %s", m.what, elapsed)
	case len(m.pending) == 0:
		return fmt.Sprintf("building %s: linking, %s", m.what, elapsed)
	}
	return fmt.Sprintf("building %s: %d of %d packages compiled, %s", m.what, m.total-len(m.pending), m.total, elapsed)
}

// show writes the state at every tick until stop is closed; then, once more, the text it is given.
func (m *meter) show(ticks <-chan time.Time, stop <-chan string) {
	before, after := "", "\n"
	if m.live {
		before, after = clearLine, ""
	}
	for {
		select {
		case <-ticks:
			_, _ = fmt.Fprint(m.out, before, m, after)
		case last := <-stop:
			_, _ = fmt.Fprint(m.out, before, last, "\n")
			return
		}
	}
}
