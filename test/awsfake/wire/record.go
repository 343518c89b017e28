package wire

import (
	"maps"
	"slices"
	"sync"
)

// Recorded is how many requests of each action are remembered in full.
const Recorded = 256

// Answer is what calls have in common that are counted together.
type Answer struct {
	AccessKey, Service, Action string
	// Code is as in Record.
	Code string
}

// records counts calls and keeps the last ones.
type records struct {
	mu      sync.Mutex
	count   map[string]int
	last    map[string][]*Record
	answers map[Answer]int
}

func (r *records) add(c *Call) *Record {
	rec := &Record{
		Service: c.Service, Action: c.Action, Region: c.Region, AccessKey: c.AccessKey,
		Time: c.Time, Form: c.Form, Body: c.Body,
	}
	r.mu.Lock()
	defer r.mu.Unlock()
	if r.count == nil {
		r.count, r.last = map[string]int{}, map[string][]*Record{}
	}
	r.count[c.Action]++
	kept := append(r.last[c.Action], rec)
	if len(kept) > Recorded {
		kept = slices.Delete(kept, 0, len(kept)-Recorded)
	}
	r.last[c.Action] = kept
	return rec
}

func (r *records) close(rec *Record, code string) {
	r.mu.Lock()
	defer r.mu.Unlock()
	rec.Code = code
	if r.answers == nil {
		r.answers = map[Answer]int{}
	}
	r.answers[Answer{AccessKey: rec.AccessKey, Service: rec.Service, Action: rec.Action, Code: code}]++
}

func (r *records) tally() map[Answer]int {
	r.mu.Lock()
	defer r.mu.Unlock()
	return maps.Clone(r.answers)
}

func (r *records) calls(action string) int {
	r.mu.Lock()
	defer r.mu.Unlock()
	return r.count[action]
}

func (r *records) counts() map[string]int {
	r.mu.Lock()
	defer r.mu.Unlock()
	out := make(map[string]int, len(r.count))
	for action, n := range r.count {
		out[action] = n
	}
	return out
}

func (r *records) requests(action string) []Record {
	r.mu.Lock()
	defer r.mu.Unlock()
	out := make([]Record, 0, len(r.last[action]))
	for _, rec := range r.last[action] {
		out = append(out, *rec)
	}
	return out
}

func (r *records) reset() {
	r.mu.Lock()
	defer r.mu.Unlock()
	r.count, r.last, r.answers = nil, nil, nil
}
