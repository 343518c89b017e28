package catalogue

import (
	"strings"
	"testing"

	. "github.com/onsi/gomega"
)

func TestParseRefuses(t *testing.T) {
	start := "# Code\n# date 2025-05-28\n" + header + "\n"
	row := "t3.nano\ty\tx86_64\t2\t0.5\tIntel\t3.1\ty\t\tnitro\t2\t2\t2\tUp to 5 Gigabit\t32\ty\t43\t2085\t11800\t\t\tuse1:1"
	for name, tc := range map[string]struct{ in, want string }{
		"an empty file":         {"", "header"},
		"columns of another":    {strings.Replace(start, "vcpu", "cores", 1) + row, "header"},
		"too few columns":       {start + "t3.nano\ty", "line 4: it has too few columns"},
		"too many columns":      {start + row + "\tmore", "line 4: it has too many columns"},
		"a word for a number":   {start + strings.Replace(row, "\t2\t", "\ttwo\t", 1), `line 4: "two" is no number`},
		"zones of no region":    {start + strings.Replace(row, "use1", "moon1", 1), `"moon1", which is no known region`},
		"half an accelerator":   {start + strings.Replace(row, "\t\t\tuse1", "\t\t1 GPU\tuse1", 1), "is no accelerator"},
		"disks of unknown size": {start + strings.Replace(row, "\t\t\tuse1", "\t1xbig nvme\t\tuse1", 1), `"big" is no number`},
	} {
		t.Run(name, func(t *testing.T) {
			_, err := parse(tc.in)
			NewWithT(t).Expect(err).To(MatchError(ContainSubstring(tc.want)))
		})
	}
}

func TestParseReadsWhatTheRefusedRowsAreMadeFrom(t *testing.T) {
	g := NewWithT(t)
	got, err := parse("# Code\n# date 2025-05-28\n" + header +
		"\nt3.nano\ty\tx86_64\t2\t0.5\tIntel\t3.1\ty\t\tnitro\t2\t2\t2\tUp to 5 Gigabit\t32\ty\t43\t2085\t11800\t\t\tuse1:1\n")
	g.Expect(err).NotTo(HaveOccurred())
	g.Expect(got.types).To(HaveLen(1))
	g.Expect(got.types[0].MemoryMiB).To(Equal(int64(512)))
	g.Expect(got.regions).To(HaveKeyWithValue("us-east-1", []Zone{{Name: "us-east-1a", ID: "use1-az1"}}))
}
