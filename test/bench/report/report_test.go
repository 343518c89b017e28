package report

import (
	"os"
	"path/filepath"
	"strings"
	"testing"
	"time"

	. "github.com/onsi/gomega"

	"github.com/karpenter-kubeadm/karpenter-provider-aws/test/bench/result"
)

func row(controller string, round int, cpu time.Duration) result.Row {
	return result.Row{
		Scenario: "burst", Controller: controller, Round: round, N: 10,
		Phases: []result.Phase{{Name: "running", Count: 10, P50: 4 * time.Second, P95: 5 * time.Second, P99: 5 * time.Second, Last: 6 * time.Second}},
		Use:    result.Use{CPU: cpu, PeakRSS: 100 << 20, SettledRSS: 90 << 20, Heap: 50 << 20},
		AWS:    []result.Call{{Service: "ec2", Action: "CreateFleet", Count: 4, Throttled: 1}, {Service: "sqs", Action: "ReceiveMessage", Count: 7}},
		API:    map[string]int{"patch": 20, "create": 5},
		Exact:  result.Exact{Instances: 10, Claims: 10, Nodes: 10, Launched: 10, Cost: 1.1, Bound: 1},
	}
}

func example() result.Run {
	broken := result.Row{Scenario: "drift", Controller: "B", N: 10, Round: 1, Unfinished: "time limit: <3> of 10"}
	return result.Run{Machine: "2 cores", Conditions: []string{"Loopback & nothing else."}, Rows: []result.Row{
		row("A", 1, 2*time.Second), row("B", 1, 8*time.Second), row("A", 2, 4*time.Second), broken,
	}}
}

func TestTable(t *testing.T) {
	g := NewWithT(t)
	before := result.Run{Rows: []result.Row{row("A", 1, 6*time.Second)}}
	text := Table(example(), before)
	line := func(name string) []string {
		for l := range strings.Lines(text) {
			if fields, ok := strings.CutPrefix(strings.TrimSpace(l), name+" "); ok {
				return strings.Fields(fields)
			}
		}
		return nil
	}
	g.Expect(line("CPU")).To(Equal([]string{"3.00", "s", "8.00", "s", "0.38", "0.50"}), "the mean of rounds, its ratio, and the change since")
	g.Expect(line("EC2 calls")).To(Equal([]string{"4", "4", "1.00", "1.00"}), "calls of other services are not EC2's")
	g.Expect(text).To(ContainSubstring("== drift, N = 10"))
	g.Expect(text).To(ContainSubstring("NOT FINISHED: time limit: <3> of 10"))
	g.Expect(text).To(ContainSubstring("CreateFleet 4 (1 throttled)"))
	g.Expect(text).To(ContainSubstring("1.10 of the bound 1.00"))
}

func TestLine(t *testing.T) {
	g := NewWithT(t)
	g.Expect(Line(row("A", 1, 2*time.Second))).To(And(ContainSubstring("CPU 2.00 s"), ContainSubstring("peak RSS 100 MiB"), ContainSubstring("10 instances = claims = nodes")))
	unlike := row("A", 1, 0)
	unlike.Exact.Nodes = 9
	g.Expect(Line(unlike)).To(ContainSubstring("10 instances, 10 claims, 9 nodes: NOT EXACT"))
	g.Expect(Line(result.Row{Unfinished: "why"})).To(Equal("NOT FINISHED: why"))
}

func TestWriteHTML(t *testing.T) {
	g := NewWithT(t)
	file := filepath.Join(t.TempDir(), "report.html")
	g.Expect(WriteHTML(file, example(), result.Run{Rows: []result.Row{row("A", 1, time.Second)}}, Whats{"burst": "N pods at once"})).To(Succeed())
	content, err := os.ReadFile(file)
	g.Expect(err).NotTo(HaveOccurred())
	text := string(content)
	g.Expect(text).To(ContainSubstring("N pods at once"))
	g.Expect(text).To(ContainSubstring("time limit: &lt;3&gt; of 10"), "texts are escaped")
	g.Expect(text).To(ContainSubstring(`class="better">0.38`))
	g.Expect(text).To(ContainSubstring(`class="worse">3.00`), "than the baseline")
	g.Expect(strings.Count(text, "<svg")).To(BeNumerically(">", 5))
	g.Expect(text).NotTo(MatchRegexp(`(src|href)=|https?://|@import|url\(`), "the page needs nothing else")
}

func TestKeepingARun(t *testing.T) {
	g := NewWithT(t)
	file := filepath.Join(t.TempDir(), "result.json")
	none, err := Load(file)
	g.Expect(err).NotTo(HaveOccurred())
	g.Expect(none.Rows).To(BeEmpty())
	g.Expect(Save(file, example())).To(Succeed())
	g.Expect(Load(file)).To(Equal(example()))
	g.Expect(os.WriteFile(file, []byte("{"), 0o600)).To(Succeed())
	_, err = Load(file)
	g.Expect(err).To(MatchError(ContainSubstring(file)))
}
