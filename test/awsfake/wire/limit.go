package wire

import (
	"net/http"
	"slices"
	"strconv"
	"strings"
	"sync"
	"time"
)

// Limit is a token bucket that calls draw from, as AWS throttles. A call draws from the first
// bucket of requests that covers its action, and from each bucket of resources that does.
type Limit struct {
	// Actions that share the bucket. A name may end in "*": "Describe*".
	Actions []string
	Burst   int     // tokens of a full bucket
	Refill  float64 // tokens per second
	// Resource makes it a bucket of resources: a call costs as many tokens as it asks for
	// or names. It is the parameter that says so: a number ("MaxCount") or a list ("InstanceId").
	Resource string
}

type bucket struct {
	Limit
	tokens float64
	at     time.Time
}

func (b *bucket) covers(action string) bool {
	return slices.ContainsFunc(b.Actions, func(name string) bool {
		prefix, wild := strings.CutSuffix(name, "*")
		return name == action || wild && strings.HasPrefix(action, prefix)
	})
}

// cost is how many tokens a call draws.
func (b *bucket) cost(c *Call) float64 {
	if b.Resource == "" {
		return 1
	}
	if n, err := strconv.Atoi(c.Form.Get(b.Resource)); err == nil {
		return float64(n)
	}
	n := 0
	for name := range c.Form {
		if strings.HasPrefix(name, b.Resource+".") {
			n++
		}
	}
	return float64(n)
}

func (b *bucket) refill(now time.Time) {
	b.tokens = min(float64(b.Burst), b.tokens+b.Refill*now.Sub(b.at).Seconds())
	b.at = now
}

// limits are the buckets in force, and whose calls draw from none.
type limits struct {
	mu      sync.Mutex
	buckets []*bucket
	exempt  map[string]bool
}

func (l *limits) spare(accessKeys []string) {
	l.mu.Lock()
	defer l.mu.Unlock()
	l.exempt = map[string]bool{}
	for _, key := range accessKeys {
		l.exempt[key] = true
	}
}

func (l *limits) set(now time.Time, of []Limit) {
	l.mu.Lock()
	defer l.mu.Unlock()
	l.buckets = nil
	for _, limit := range of {
		l.buckets = append(l.buckets, &bucket{Limit: limit, tokens: float64(limit.Burst), at: now})
	}
}

// take draws what the call costs from all of its buckets or, when one has too little, from none.
func (l *limits) take(c *Call) error {
	l.mu.Lock()
	defer l.mu.Unlock()
	if l.exempt[c.AccessKey] {
		return nil
	}
	drawn := l.of(c)
	for _, b := range drawn {
		b.refill(c.Time)
		if b.tokens < b.cost(c) {
			return c.throttled()
		}
	}
	for _, b := range drawn {
		b.tokens -= b.cost(c)
	}
	return nil
}

// of returns the buckets that a call draws from.
func (l *limits) of(c *Call) []*bucket {
	var found []*bucket
	request := false
	for _, b := range l.buckets {
		if !b.covers(c.Action) || b.Resource == "" && request {
			continue
		}
		request = request || b.Resource == ""
		found = append(found, b)
	}
	return found
}

func (c *Call) throttled() *Error {
	switch c.protocol {
	case EC2:
		return &Error{Code: "RequestLimitExceeded", Message: "Request limit exceeded.", Status: http.StatusServiceUnavailable}
	case Query:
		return Errorf("Throttling", "Rate exceeded")
	default:
		return Errorf("ThrottlingException", "Rate exceeded")
	}
}
