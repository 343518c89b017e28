package report

import (
	"bytes"
	_ "embed"
	"fmt"
	"html/template"
	"os"
	"strconv"
	"time"

	"github.com/karpenter-kubeadm/karpenter-provider-aws/test/bench/result"
)

//go:embed page.html
var pageSource string

// page is what the template shows.
type page struct {
	Run, Before result.Run
	Compared    bool
	Sections    []section
}

// section is one scenario.
type section struct {
	Title, What string
	Rows        []result.Row
	Charts      []chart
	Header      []string
	Lines       []line
}

// line is a figure in numbers.
type line struct {
	Name  string
	Cells []numberCell
}

type numberCell struct{ Text, Class string }

// chart has a bar for each controller or, for times, for each controller's percentiles.
type chart struct {
	Title  string
	Bars   []bar
	Height int
}

type bar struct {
	Label, Text  string
	Colour       int
	Faint        bool
	Width, TextX float64
	Y, TextY     int

	value float64
}

// Whats say what a scenario does, by its name.
type Whats map[string]string

// WriteHTML writes a run as a page of its own, compared with before where that has rows.
func WriteHTML(file string, run, before result.Run, whats Whats) error {
	view, err := template.New("page").Funcs(template.FuncMap{
		"short": func(d time.Duration) string { return short(d) }, "calls": calls, "verbs": verbs, "over": over,
	}).Parse(pageSource)
	if err != nil {
		return fmt.Errorf("parsing the page: %w", err)
	}
	p := page{Run: run, Before: before, Compared: len(before.Rows) > 0}
	all, controllers := keys(run)
	for _, k := range all {
		p.Sections = append(p.Sections, newSection(run, before, k, controllers, whats))
	}
	var out bytes.Buffer
	if err := view.Execute(&out, p); err != nil {
		return fmt.Errorf("rendering the page: %w", err)
	}
	if err := os.WriteFile(file, out.Bytes(), 0o600); err != nil {
		return fmt.Errorf("writing the page: %w", err)
	}
	return nil
}

// over is the cost by its bound.
func over(e result.Exact) string {
	if e.Bound == 0 {
		return "-"
	}
	return fmt.Sprintf("%.2f", e.Cost/e.Bound)
}

func newSection(run, before result.Run, k key, controllers []string, whats Whats) section {
	s := section{Title: fmt.Sprintf("%s, N = %d", k.scenario, k.n), What: whats[k.scenario], Header: headers(controllers, before)}
	for _, r := range run.Rows {
		if r.Scenario == k.scenario && r.N == k.n {
			s.Rows = append(s.Rows, r)
		}
	}
	for _, f := range figures() {
		if c, ok := newChart(run, k, controllers, f); ok {
			s.Charts = append(s.Charts, c)
		}
		s.Lines = append(s.Lines, newLine(run, before, k, controllers, f))
	}
	return s
}

func headers(controllers []string, before result.Run) []string {
	header := append([]string{}, controllers...)
	for _, c := range controllers[1:] {
		header = append(header, controllers[0]+" / "+c)
	}
	if len(before.Rows) > 0 {
		header = append(header, "/ baseline")
	}
	return header
}

func newLine(run, before result.Run, k key, controllers []string, f figure) line {
	l := line{Name: f.name}
	for _, c := range controllers {
		l.Cells = append(l.Cells, numberCell{Text: cell(run.Rows, k, c, f)})
	}
	for _, c := range controllers[1:] {
		l.Cells = append(l.Cells, rated(ratio(run.Rows, run.Rows, k, controllers[0], c, f)))
	}
	if len(before.Rows) > 0 {
		l.Cells = append(l.Cells, rated(ratio(run.Rows, before.Rows, k, controllers[0], controllers[0], f)))
	}
	return l
}

// noise is how far a ratio may be from 1 without being shown as better or worse: as far as
// two runs of one controller may differ.
const noise = 0.15

func rated(text string) numberCell {
	value, err := strconv.ParseFloat(text, 64)
	switch {
	case err != nil: // there is none
		return numberCell{}
	case value < 1-noise:
		return numberCell{text, "better"}
	case value > 1+noise:
		return numberCell{text, "worse"}
	}
	return numberCell{Text: text}
}

const (
	rowHeight = 20
	barSpace  = 190 // of the longest bar; labels are left of it, numbers right
	barLeft   = 80
)

// newChart draws one figure; there is none where all is zero.
func newChart(run result.Run, k key, controllers []string, f figure) (chart, bool) {
	c := chart{Title: f.name}
	most := 0.0
	for i, name := range controllers {
		value, ok := means(run.Rows, k, name, f)
		if !ok {
			continue
		}
		y := len(c.Bars) * rowHeight
		c.Bars = append(c.Bars, bar{Label: name, Text: f.text(value), Colour: i % 4, Faint: unfinished(run, k, name), Y: y + 3, TextY: y + 14, value: value})
		most = max(most, value)
	}
	if most == 0 {
		return c, false
	}
	for i := range c.Bars {
		c.Bars[i].Width = max(1, barSpace*c.Bars[i].value/most)
		c.Bars[i].TextX = barLeft + c.Bars[i].Width + 6
	}
	c.Height = len(c.Bars) * rowHeight
	return c, true
}

// unfinished reports whether a controller did not come to the end of a scenario, so that its bar says less.
func unfinished(run result.Run, k key, controller string) bool {
	for _, r := range run.Rows {
		if r.Scenario == k.scenario && r.N == k.n && r.Controller == controller && r.Unfinished != "" {
			return true
		}
	}
	return false
}
