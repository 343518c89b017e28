package wire

import (
	"net/url"
	"testing"
	"time"

	. "github.com/onsi/gomega"
)

// terminating is a call that names n instances.
func terminating(at time.Time, n int) *Call {
	form := url.Values{}
	for i := range n {
		form.Set("InstanceId."+string(rune('a'+i)), "i")
	}
	return &Call{Action: "TerminateInstances", AccessKey: "KEY", Form: form, Time: at}
}

func TestBucketsOfResources(t *testing.T) {
	start := time.Date(2025, 1, 1, 0, 0, 0, 0, time.UTC)
	for name, tc := range map[string]struct {
		calls []*Call
		last  OmegaMatcher
	}{
		"as many instances as there are tokens":     {[]*Call{terminating(start, 5)}, Succeed()},
		"one more":                                  {[]*Call{terminating(start, 6)}, HaveOccurred()},
		"what is refused costs nothing":             {[]*Call{terminating(start, 6), terminating(start, 5)}, Succeed()},
		"tokens come back":                          {[]*Call{terminating(start, 5), terminating(start.Add(2*time.Second), 4)}, Succeed()},
		"but not sooner":                            {[]*Call{terminating(start, 5), terminating(start.Add(time.Second), 4)}, HaveOccurred()},
		"the bucket of requests is drawn from, too": {[]*Call{terminating(start, 1), terminating(start, 1), terminating(start, 1)}, HaveOccurred()},
		"a parameter that is a number": {[]*Call{
			{Action: "RunInstances", Form: url.Values{"MaxCount": {"5"}}, Time: start}, {Action: "RunInstances", Form: url.Values{"MaxCount": {"1"}}, Time: start},
		}, HaveOccurred()},
	} {
		t.Run(name, func(t *testing.T) {
			g := NewWithT(t)
			var l limits
			l.set(start, []Limit{
				{Actions: []string{"TerminateInstances"}, Burst: 2},
				{Actions: []string{"TerminateInstances"}, Burst: 5, Refill: 2, Resource: "InstanceId"},
				{Actions: []string{"RunInstances"}, Burst: 5, Resource: "MaxCount"},
			})
			for _, c := range tc.calls[:len(tc.calls)-1] {
				_ = l.take(c) // the last is the one in question
			}
			g.Expect(l.take(tc.calls[len(tc.calls)-1])).To(tc.last)
			l.spare([]string{"KEY"})
			g.Expect(l.take(terminating(start, 9))).To(Succeed(), "of a key that is spared")
		})
	}
}
