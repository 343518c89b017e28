package report

import (
	"fmt"
	"maps"
	"slices"
	"strings"
	"text/tabwriter"

	"github.com/karpenter-kubeadm/karpenter-provider-aws/test/bench/result"
)

// Line is a row in short, for progress.
func Line(r result.Row) string {
	if r.Unfinished != "" {
		return "NOT FINISHED: " + r.Unfinished
	}
	fleet := fmt.Sprintf("%d instances = claims = nodes", r.Exact.Instances)
	if !r.Exact.Equal() {
		fleet = fmt.Sprintf("%d instances, %d claims, %d nodes: NOT EXACT", r.Exact.Instances, r.Exact.Claims, r.Exact.Nodes)
	}
	return fmt.Sprintf("done in %.1f s: running p50 %s, CPU %s, peak RSS %s, %d EC2 calls, %s",
		r.Took.Seconds(), short(r.Phase("running").P50), short(r.Use.CPU), mebibytes(float64(r.Use.PeakRSS)), r.EC2Calls(), fleet)
}

// Table is a run for a terminal, compared with before where that has rows.
func Table(run, before result.Run) string {
	var out strings.Builder
	fmt.Fprintf(&out, "\n%s, %s\n", run.Started.Format("2006-01-02 15:04"), run.Machine)
	all, controllers := keys(run)
	for _, k := range all {
		fmt.Fprintf(&out, "\n== %s, N = %d\n", k.scenario, k.n)
		compare(&out, run.Rows, before.Rows, k, controllers)
		for _, r := range run.Rows {
			if r.Scenario == k.scenario && r.N == k.n {
				details(&out, r)
			}
		}
	}
	out.WriteString("\n")
	for _, c := range run.Conditions {
		fmt.Fprintf(&out, "- %s\n", c)
	}
	return out.String()
}

// compare writes the figures of a scenario: a column for each controller, the ratio of the
// first to each other, and the first's change since the baseline.
func compare(out *strings.Builder, rows, before []result.Row, k key, controllers []string) {
	w := tabwriter.NewWriter(out, 0, 0, 2, ' ', tabwriter.AlignRight)
	header := "\t"
	for _, c := range controllers {
		header += c + "\t"
	}
	for _, c := range controllers[1:] {
		header += controllers[0] + "/" + c + "\t"
	}
	if len(before) > 0 {
		header += "baseline\t"
	}
	_, _ = fmt.Fprintln(w, header)
	for _, f := range figures() {
		line := f.name + "\t"
		for _, c := range controllers {
			line += cell(rows, k, c, f) + "\t"
		}
		for _, c := range controllers[1:] {
			line += ratio(rows, rows, k, controllers[0], c, f) + "\t"
		}
		if len(before) > 0 {
			line += ratio(rows, before, k, controllers[0], controllers[0], f) + "\t"
		}
		_, _ = fmt.Fprintln(w, line)
	}
	_ = w.Flush() // into a builder, which takes all
}

func cell(rows []result.Row, k key, controller string, f figure) string {
	v, ok := means(rows, k, controller, f)
	if !ok {
		return ""
	}
	return f.text(v)
}

// ratio is a figure of one controller, over that of another.
func ratio(of, to []result.Row, k key, one, other string, f figure) string {
	a, ok := means(of, k, one, f)
	b, also := means(to, k, other, f)
	if !ok || !also || b == 0 {
		return ""
	}
	return fmt.Sprintf("%.2f", a/b)
}

// details are what is not compared.
func details(out *strings.Builder, r result.Row) {
	fmt.Fprintf(out, "  %s", r.Controller)
	if r.Round > 1 {
		fmt.Fprintf(out, ", round %d", r.Round)
	}
	if r.Unfinished != "" {
		fmt.Fprintf(out, "  NOT FINISHED: %s", r.Unfinished)
	}
	out.WriteString("\n")
	for _, p := range r.Phases {
		fmt.Fprintf(out, "    %-18s p50 %s  p95 %s  p99 %s  last %s  (%d)\n", p.Name, short(p.P50), short(p.P95), short(p.P99), short(p.Last), p.Count)
	}
	e := r.Exact
	fmt.Fprintf(out, "    %d instances, %d claims, %d nodes, %d launched; %.2f USD/h", e.Instances, e.Claims, e.Nodes, e.Launched, e.Cost)
	if e.Bound > 0 {
		fmt.Fprintf(out, ", %.2f of the bound %.2f", e.Cost/e.Bound, e.Bound)
	}
	fmt.Fprintf(out, "\n    AWS: %s\n    API: %s\n", calls(r), verbs(r.API))
	if len(r.Refused) > 0 {
		fmt.Fprintf(out, "    refused: %s\n", verbs(r.Refused))
	}
	for _, name := range slices.Sorted(maps.Keys(r.Notes)) {
		fmt.Fprintf(out, "    %s: %.1f\n", name, r.Notes[name])
	}
}

func calls(r result.Row) string {
	parts := make([]string, 0, len(r.AWS))
	for _, c := range r.AWS {
		part := fmt.Sprintf("%s %d", c.Action, c.Count)
		if c.Throttled > 0 {
			part += fmt.Sprintf(" (%d throttled)", c.Throttled)
		}
		if c.Failed > 0 {
			part += fmt.Sprintf(" (%d refused)", c.Failed)
		}
		parts = append(parts, part)
	}
	return strings.Join(parts, ", ")
}

func verbs(counts map[string]int) string {
	parts := make([]string, 0, len(counts))
	for _, verb := range slices.Sorted(maps.Keys(counts)) {
		parts = append(parts, fmt.Sprintf("%s %d", verb, counts[verb]))
	}
	return strings.Join(parts, ", ")
}
