package contract_test

import (
	"errors"
	"fmt"
	"os"
	"regexp"
	"slices"
	"strings"
	"testing"

	. "github.com/onsi/gomega"
)

// difference is a contract that an endpoint is known to break. AWS keeps it, says doc.
type difference struct {
	contract string
	// endpoints are those that break it.
	endpoints []string
	// row of differences.md says what they do.
	row string
	// doc is the path of a page of docs.aws.amazon.com.
	doc string
	// shows is part of the complaint, so that a contract which breaks otherwise is noticed.
	shows string
}

// differencesOf are those of one endpoint, by contract.
func differencesOf(endpoint string) map[string]*difference {
	out := map[string]*difference{}
	for _, d := range differences() {
		if slices.Contains(d.endpoints, endpoint) {
			out[d.contract] = &d
		}
	}
	return out
}

// verdict says what is wrong when a contract for which d is allowed was broken like that;
// either may be nil.
func verdict(d *difference, broken error) error {
	switch {
	case d == nil:
		return broken
	case broken == nil:
		return fmt.Errorf("this contract is kept now: remove the difference of row %s", d.row)
	case !strings.Contains(broken.Error(), d.shows):
		return fmt.Errorf("broken, but not as row %s says (%q): %w", d.row, d.shows, broken)
	default:
		return nil
	}
}

func TestVerdict(t *testing.T) {
	allowed := &difference{row: "1", shows: "no groups"}
	for name, tc := range map[string]struct {
		allowed *difference
		broken  error
		want    OmegaMatcher
	}{
		"kept":                            {nil, nil, BeNil()},
		"broken":                          {nil, errors.New("bad"), MatchError("bad")},
		"broken as allowed":               {allowed, errors.New("it has no groups at all"), BeNil()},
		"broken otherwise":                {allowed, errors.New("bad"), MatchError(ContainSubstring("not as row 1"))},
		"an allowance that is not needed": {allowed, nil, MatchError(ContainSubstring("remove the difference of row 1"))},
	} {
		t.Run(name, func(t *testing.T) { NewWithT(t).Expect(verdict(tc.allowed, tc.broken)).To(tc.want) })
	}
}

// row is a line of differences.md's tables that begins with a number.
var row = regexp.MustCompile(`(?m)^\| (\d+) \| (.*) \|$`)

// TestDifferencesAreWrittenDown holds the list and differences.md to each other.
func TestDifferencesAreWrittenDown(t *testing.T) {
	g := NewWithT(t)
	text, err := os.ReadFile("differences.md")
	g.Expect(err).NotTo(HaveOccurred())
	rows, used, names := map[string]string{}, map[string]bool{}, map[string]bool{}
	for _, match := range row.FindAllStringSubmatch(string(text), -1) {
		g.Expect(rows).NotTo(HaveKey(match[1]), "two rows of one number")
		rows[match[1]] = match[2]
	}
	for _, c := range contracts() {
		names[c.name] = true
	}
	for _, d := range differences() {
		g.Expect(names).To(HaveKey(d.contract))
		g.Expect(d.shows).NotTo(BeEmpty(), d.contract)
		g.Expect(rows[d.row]).To(ContainSubstring("docs.aws.amazon.com/"+d.doc), "row %s: %s", d.row, d.contract)
		for _, e := range d.endpoints {
			g.Expect(rows[d.row]).To(ContainSubstring(e), "row %s: %s", d.row, d.contract)
		}
		used[d.row] = true
	}
	for number := range rows {
		g.Expect(used).To(HaveKey(number), "row %s is cited by no difference", number)
	}
}
