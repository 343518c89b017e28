package main

import (
	"fmt"
	"os"
	"strings"
	"sync"
	"time"

	tea "charm.land/bubbletea/v2"
	"golang.org/x/term"
)

// screen is where the demo tells its story: lines that stay, and a table that is live
// where there is a terminal.
type screen interface {
	Line(text string)
	Table(text string)
	Close()
}

// newScreen returns a live screen on a terminal and plain lines elsewhere. interrupt is
// called on Ctrl-C, which a terminal program reads as a key.
func newScreen(interrupt func()) screen {
	start := time.Now()
	if !term.IsTerminal(int(os.Stdout.Fd())) || !term.IsTerminal(int(os.Stdin.Fd())) {
		return &plain{start: start}
	}
	l := &live{start: start, done: make(chan struct{})}
	l.program = tea.NewProgram(model{interrupt: interrupt}, tea.WithoutSignalHandler())
	go func() {
		defer close(l.done)
		_, _ = l.program.Run()
	}()
	return l
}

func stamp(start time.Time, text string) string {
	return fmt.Sprintf("%7.2f s  %s", time.Since(start).Seconds(), text)
}

type plain struct{ start time.Time }

func (p *plain) Line(text string) { fmt.Println(stamp(p.start, text)) }
func (*plain) Table(string)       {}
func (*plain) Close()             {}

type live struct {
	start   time.Time
	program *tea.Program
	done    chan struct{}
	once    sync.Once
}

func (l *live) Line(text string)  { l.program.Println(stamp(l.start, text)) }
func (l *live) Table(text string) { l.program.Send(table(text)) }

func (l *live) Close() {
	l.once.Do(func() {
		l.program.Quit()
		<-l.done
	})
}

// table replaces what is shown below the lines.
type table string

type model struct {
	text      string
	interrupt func()
}

// Init starts nothing: all that happens is sent from outside.
func (model) Init() tea.Cmd { return nil }

// Update takes a new table, or Ctrl-C.
func (m model) Update(message tea.Msg) (tea.Model, tea.Cmd) {
	switch message := message.(type) {
	case table:
		m.text = string(message)
	case tea.KeyPressMsg:
		if message.String() == "ctrl+c" {
			m.interrupt()
		}
	}
	return m, nil
}

// View shows the table under a rule.
func (m model) View() tea.View {
	if m.text == "" {
		return tea.NewView("")
	}
	return tea.NewView(strings.Repeat("─", 78) + "\n" + m.text)
}
