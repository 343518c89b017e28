package report

import (
	"fmt"
	"time"

	"github.com/karpenter-kubeadm/karpenter-provider-aws/test/bench/result"
)

// figure is one number of a row, less of which is better.
type figure struct {
	name  string
	value func(result.Row) float64
	text  func(float64) string
}

// figures are those that rows are compared by.
func figures() []figure {
	phase := func(name string) func(result.Row) float64 {
		return func(r result.Row) float64 { return r.Phase(name).P50.Seconds() }
	}
	return []figure{
		{"CPU", func(r result.Row) float64 { return r.Use.CPU.Seconds() }, seconds},
		{"peak RSS", func(r result.Row) float64 { return float64(r.Use.PeakRSS) }, mebibytes},
		{"settled RSS", func(r result.Row) float64 { return float64(r.Use.SettledRSS) }, mebibytes},
		{"heap", func(r result.Row) float64 { return float64(r.Use.Heap) }, mebibytes},
		{"EC2 calls", func(r result.Row) float64 { return float64(r.EC2Calls()) }, whole},
		{"throttled", func(r result.Row) float64 { return float64(r.Throttles()) }, whole},
		{"API requests", func(r result.Row) float64 { return float64(r.APIRequests()) }, whole},
		{"claim to instance p50", phase("claim to instance"), seconds},
		{"launched p50", phase("launched"), seconds},
		{"registered p50", phase("registered"), seconds},
		{"running p50", phase("running"), seconds},
		{"running last", func(r result.Row) float64 { return r.Phase("running").Last.Seconds() }, seconds},
	}
}

func seconds(v float64) string {
	switch {
	case v == 0:
		return "-"
	case v < 10:
		return fmt.Sprintf("%.2f s", v)
	}
	return fmt.Sprintf("%.1f s", v)
}

func mebibytes(v float64) string {
	if v == 0 {
		return "-"
	}
	return fmt.Sprintf("%.0f MiB", v/(1<<20))
}

func whole(v float64) string { return fmt.Sprintf("%.0f", v) }

func short(d time.Duration) string { return seconds(d.Seconds()) }

// key says which rows are of the same thing.
type key struct {
	scenario string
	n        int
}

// means averages each figure over the rows of one scenario by one controller; rounds are
// what differs. Rows that have nothing measured do not count.
func means(rows []result.Row, of key, controller string, f figure) (float64, bool) {
	sum, n := 0.0, 0
	for _, r := range rows {
		if r.Scenario == of.scenario && r.N == of.n && r.Controller == controller && r.Use.PeakRSS > 0 {
			sum += f.value(r)
			n++
		}
	}
	if n == 0 {
		return 0, false
	}
	return sum / float64(n), true
}

// keys are the scenarios of a run, in its order, and controllers its columns.
func keys(run result.Run) (all []key, controllers []string) {
	seenKey, seenName := map[key]bool{}, map[string]bool{}
	for _, r := range run.Rows {
		if k := (key{r.Scenario, r.N}); !seenKey[k] {
			seenKey[k] = true
			all = append(all, k)
		}
		if !seenName[r.Controller] {
			seenName[r.Controller] = true
			controllers = append(controllers, r.Controller)
		}
	}
	return all, controllers
}
