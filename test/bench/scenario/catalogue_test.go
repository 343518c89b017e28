package scenario

import (
	"testing"

	. "github.com/onsi/gomega"
)

func TestChoose(t *testing.T) {
	for name, tc := range map[string]struct {
		list string
		n    int
		want map[string]int
		err  OmegaMatcher
	}{
		"defaults":                            {"burst,drift", 0, map[string]int{"burst": 100, "drift": 100}, BeNil()},
		"slow scenarios are not enlarged":     {"burst,drift", 1000, map[string]int{"burst": 1000, "drift": 100}, BeNil()},
		"but made smaller":                    {"burst,drift", 20, map[string]int{"burst": 20, "drift": 20}, BeNil()},
		"an N of its own goes over all":       {"burst:5, drift:500", 1000, map[string]int{"burst": 5, "drift": 500}, BeNil()},
		"a name that is none":                 {"burst,bust", 0, nil, MatchError(ContainSubstring(`no scenario "bust"`))},
		"an N that is none":                   {"burst:many", 0, nil, MatchError(ContainSubstring(`not "many"`))},
		"an N below one leaves nothing to do": {"burst:0", 0, nil, HaveOccurred()},
	} {
		t.Run(name, func(t *testing.T) {
			g := NewWithT(t)
			chosen, err := Choose(tc.list, tc.n)
			g.Expect(err).To(tc.err)
			for _, c := range chosen {
				g.Expect(c.N).To(Equal(tc.want[c.Name]), c.Name)
			}
			g.Expect(chosen).To(HaveLen(len(tc.want)))
		})
	}
	all, err := Choose("all", 0)
	g := NewWithT(t)
	g.Expect(err).NotTo(HaveOccurred())
	g.Expect(all).To(HaveLen(len(All())))
}

func TestGroup(t *testing.T) {
	for name, tc := range map[string]struct {
		list string
		want [][]string
	}{
		"what continues shares":             {"burst,steady,restart,dense", [][]string{{"burst", "steady", "restart"}, {"dense"}}},
		"not with another N":                {"burst:10,steady:20", [][]string{{"burst"}, {"steady"}}},
		"not after what leaves other nodes": {"dense,steady,restart,steady", [][]string{{"dense"}, {"steady", "restart"}, {"steady"}}},
	} {
		t.Run(name, func(t *testing.T) {
			g := NewWithT(t)
			chosen, err := Choose(tc.list, 0)
			g.Expect(err).NotTo(HaveOccurred())
			var got [][]string
			for _, group := range Group(chosen) {
				var names []string
				for _, c := range group {
					names = append(names, c.Name)
				}
				got = append(got, names)
			}
			g.Expect(got).To(Equal(tc.want))
		})
	}
}
