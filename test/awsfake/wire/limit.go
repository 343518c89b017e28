package wire

import (
	"net/http"
	"slices"
	"strings"
	"sync"
	"time"
)

// Limit is a token bucket that calls draw from, one token each, as AWS throttles.
type Limit struct {
	// Actions that share the bucket. A name may end in "*": "Describe*".
	Actions []string
	Burst   int     // tokens of a full bucket
	Refill  float64 // tokens per second
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

func (b *bucket) take(now time.Time) bool {
	b.tokens = min(float64(b.Burst), b.tokens+b.Refill*now.Sub(b.at).Seconds())
	b.at = now
	if b.tokens < 1 {
		return false
	}
	b.tokens--
	return true
}

// limits are the buckets in force.
type limits struct {
	mu      sync.Mutex
	buckets []*bucket
}

func (l *limits) set(now time.Time, of []Limit) {
	l.mu.Lock()
	defer l.mu.Unlock()
	l.buckets = nil
	for _, limit := range of {
		l.buckets = append(l.buckets, &bucket{Limit: limit, tokens: float64(limit.Burst), at: now})
	}
}

// take draws a token from the first bucket that covers the call's action.
func (l *limits) take(c *Call) error {
	l.mu.Lock()
	defer l.mu.Unlock()
	for _, b := range l.buckets {
		if !b.covers(c.Action) {
			continue
		}
		if b.take(c.Time) {
			return nil
		}
		return c.throttled()
	}
	return nil
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
