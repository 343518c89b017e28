package scenario

import (
	"fmt"
	"slices"
	"strconv"
	"strings"
	"time"

	"github.com/karpenter-kubeadm/karpenter-provider-aws/test/bench/arena"
)

// All are the scenarios, in the order in which they run.
func All() []Scenario {
	return []Scenario{
		{Name: "burst", What: "N pods at once, one per node", N: 100, limit: paced, prepare: onePerNode, run: burst},
		{Name: "steady", What: "N nodes, nothing to do", N: 100, Continues: true, limit: paced, prepare: fleet, run: steady},
		{Name: "restart", What: "N nodes, the controller is killed and starts anew while a pod waits", N: 100, Continues: true, limit: paced, prepare: fleet, run: restart},
		{Name: "dense", What: "10 N pods of six shapes at once, on nodes of any size", N: 100, limit: paced, prepare: anySize, run: dense},
		{Name: "pools", What: "N pods spread over 63 NodePools", N: 126, limit: paced, prepare: manyPools, run: spread},
		{Name: "famine", What: "N pods, one per node; all but three of the types have no capacity", N: 100, limit: paced, prepare: starve, run: burst},
		{Name: "consolidation", What: "N nodes of two pods each; half of the pods go", N: 100, Slow: true, limit: patient, prepare: pairs, run: halve},
		{Name: "drift", What: "N nodes whose EC2NodeClass changes; the budget is all of them", N: 100, Slow: true, limit: patient, prepare: onePerNodeUp, run: drift},
		{
			Name: "interruption", What: "N spot nodes; EC2 takes half of them with two minutes' notice", N: 100, limit: paced, prepare: spotUp, run: storm,
			Environment: map[string]string{"INTERRUPTION_QUEUE": arena.Queue},
		},
	}
}

// paced is the limit for what is done to all nodes side by side.
func paced(n int) time.Duration { return 6*time.Minute + time.Duration(n)*500*time.Millisecond }

// patient is the limit for what Karpenter's core does one candidate at a time.
func patient(n int) time.Duration { return 10*time.Minute + time.Duration(n)*6*time.Second }

// Chosen is a scenario with the N that it is to run with.
type Chosen struct {
	Scenario
	N int
}

// Choose parses a list like "burst,steady,consolidation:50": names, each with its own N or
// the general one, which is 0 for each scenario's default and does not enlarge slow scenarios.
// The list "all" is all of them.
func Choose(list string, n int) ([]Chosen, error) {
	all := All()
	if list == "all" {
		list = strings.Join(names(all), ",")
	}
	var chosen []Chosen
	for item := range strings.SplitSeq(list, ",") {
		name, own, has := strings.Cut(strings.TrimSpace(item), ":")
		at := slices.IndexFunc(all, func(s Scenario) bool { return s.Name == name })
		if at < 0 {
			return nil, fmt.Errorf("there is no scenario %q; there are %s", name, strings.Join(names(all), ", "))
		}
		c := Chosen{Scenario: all[at], N: all[at].general(n)}
		if has {
			var err error
			if c.N, err = strconv.Atoi(own); err != nil || c.N < 1 {
				return nil, fmt.Errorf("scenario %q: N must be a number from 1, not %q", name, own)
			}
		}
		chosen = append(chosen, c)
	}
	return chosen, nil
}

// general is the N of a scenario in a run whose N is n, or 0.
func (s Scenario) general(n int) int {
	if n < 1 || s.Slow && n > s.N {
		return s.N
	}
	return n
}

func names(all []Scenario) []string {
	out := make([]string, 0, len(all))
	for _, s := range all {
		out = append(out, s.Name)
	}
	return out
}

// Group divides scenarios into those that share an arena: one that begins anew, and those
// after it that continue with its nodes.
func Group(chosen []Chosen) [][]Chosen {
	var groups [][]Chosen
	for _, c := range chosen {
		last := len(groups) - 1
		if c.Continues && last >= 0 && leavesFleet(groups[last], c.N) {
			groups[last] = append(groups[last], c)
			continue
		}
		groups = append(groups, []Chosen{c})
	}
	return groups
}

// leavesFleet reports whether n nodes of one pod each are there after a group.
func leavesFleet(group []Chosen, n int) bool {
	last := group[len(group)-1]
	return last.N == n && (last.Name == "burst" || last.Name == "steady")
}

// Nodes is how many nodes there are at the most, as far as one can say before.
func (c Chosen) Nodes() int {
	if c.Name == "drift" || c.Name == "interruption" {
		return 2 * c.N
	}
	return c.N + 1
}
