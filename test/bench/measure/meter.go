package measure

import (
	"context"
	"fmt"
	"maps"
	"net/http"
	"slices"
	"strings"
	"time"

	"github.com/karpenter-kubeadm/karpenter-provider-aws/test/awsfake/wire"
	"github.com/karpenter-kubeadm/karpenter-provider-aws/test/bench/result"
	"github.com/karpenter-kubeadm/karpenter-provider-aws/test/env/proxy"
)

// Sources are where a meter reads what the controller does.
type Sources struct {
	// Process returns the controller's process and the URL of its metrics.
	Process func() (pid int, metrics string)
	Answers func() map[wire.Answer]int
	Seen    func() map[proxy.Request]int
	// Key is the controller's access key.
	Key string
}

// Meter measures between Start and Stop.
type Meter struct {
	from    Sources
	pid     int
	cpu     time.Duration
	answers map[wire.Answer]int
	seen    map[proxy.Request]int
}

// Start begins to measure.
func Start(from Sources) (*Meter, error) {
	m := &Meter{from: from, answers: from.Answers(), seen: from.Seen()}
	m.pid, _ = from.Process()
	var err error
	if m.cpu, err = CPU(m.pid); err != nil {
		return nil, err
	}
	return m, ResetPeak(m.pid)
}

// Stop puts what was used since Start into row. A process that was started meanwhile has
// used what it used for it since its birth. Of one that has ended only its calls are known.
func (m *Meter) Stop(ctx context.Context, row *result.Row) error {
	row.AWS = calls(m.from.Answers(), m.answers, m.from.Key)
	row.API, row.Refused = requests(m.from.Seen(), m.seen)
	pid, metrics := m.from.Process()
	cpu, err := CPU(pid)
	if err != nil {
		return err
	}
	row.Use.CPU = cpu
	if pid == m.pid {
		row.Use.CPU = cpu - m.cpu
	}
	if row.Use.SettledRSS, row.Use.PeakRSS, err = Memory(pid); err != nil {
		return err
	}
	// Last, since the answer is work for the controller.
	row.Use.Heap, err = Heap(ctx, metrics)
	return err
}

// requests counts those that before does not, by verb, and those that were refused.
func requests(now, before map[proxy.Request]int) (byVerb, refused map[string]int) {
	byVerb, refused = map[string]int{}, map[string]int{}
	for request, n := range now {
		n -= before[request]
		if n == 0 {
			continue
		}
		byVerb[request.Verb] += n
		if request.Status >= http.StatusBadRequest {
			refused[fmt.Sprintf("%d %s %s", request.Status, request.Verb, what(request))] += n
		}
	}
	return byVerb, refused
}

func what(r proxy.Request) string {
	if r.Subresource != "" {
		return r.Resource + "/" + r.Subresource
	}
	return r.Resource + r.URL
}

// throttling are the codes of AWS's protocols for too many calls.
var throttling = []string{"RequestLimitExceeded", "Throttling", "ThrottlingException"}

// calls are those that key made and that before does not count.
func calls(now, before map[wire.Answer]int, key string) []result.Call {
	byAction := map[string]*result.Call{}
	for answer, n := range now {
		n -= before[answer]
		if answer.AccessKey != key || n == 0 {
			continue
		}
		name := answer.Service + ":" + answer.Action
		c := byAction[name]
		if c == nil {
			c = &result.Call{Service: answer.Service, Action: answer.Action}
			byAction[name] = c
		}
		c.Count += n
		switch {
		case slices.Contains(throttling, answer.Code):
			c.Throttled += n
		case answer.Code != "" && answer.Code != "DryRunOperation":
			c.Failed += n
		}
	}
	all := make([]result.Call, 0, len(byAction))
	for _, name := range slices.Sorted(maps.Keys(byAction)) {
		all = append(all, *byAction[name])
	}
	slices.SortStableFunc(all, func(a, b result.Call) int {
		if a.Count != b.Count {
			return b.Count - a.Count
		}
		return strings.Compare(a.Action, b.Action)
	})
	return all
}
