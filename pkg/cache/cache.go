package cache

import (
	"context"
	"sync"
	"time"

	gocache "github.com/patrickmn/go-cache"
	"k8s.io/utils/clock"
)

// Cache keeps values of one kind by key. It is safe for concurrent use.
type Cache[V any] struct {
	ttl     time.Duration
	options options
	entries *gocache.Cache

	mu      sync.Mutex
	flights map[string]*flight[V]
}

// entry is a value and how long it needs no refresh. Freshness is judged by the injected
// clock; go-cache's own expiry only bounds memory.
type entry[V any] struct {
	value  V
	stored time.Time
	fresh  time.Time // until when
}

// Option changes how a Cache behaves.
type Option func(*options)

type options struct {
	clock    clock.PassiveClock
	staleFor time.Duration
	onStale  func(key string, age time.Duration, err error)
}

// WithClock replaces the wall clock.
func WithClock(c clock.PassiveClock) Option { return func(o *options) { o.clock = c } }

// KeepStale serves a value that is no older than its time to live plus staleFor when
// loading a newer one fails, in place of the error. onStale, when not nil, is told about
// each such failure, since the caller of GetOrLoad is not.
func KeepStale(staleFor time.Duration, onStale func(key string, age time.Duration, err error)) Option {
	return func(o *options) { o.staleFor, o.onStale = staleFor, onStale }
}

// New returns an empty cache whose values need a refresh after ttl.
func New[V any](ttl time.Duration, opts ...Option) *Cache[V] {
	o := options{clock: clock.RealClock{}}
	for _, opt := range opts {
		opt(&o)
	}
	keep := ttl + o.staleFor
	return &Cache[V]{
		ttl:     ttl,
		options: o,
		entries: gocache.New(keep, min(keep, 10*time.Minute)),
		flights: map[string]*flight[V]{},
	}
}

// Get returns the value of key while it is fresh.
func (c *Cache[V]) Get(key string) (V, bool) {
	e, ok := c.entry(key)
	if !ok || !c.options.clock.Now().Before(e.fresh) {
		var zero V
		return zero, false
	}
	return e.value, true
}

// Set keeps value for the cache's time to live.
func (c *Cache[V]) Set(key string, value V) { c.SetFor(key, value, c.ttl) }

// SetFor keeps value for a time to live of its own.
func (c *Cache[V]) SetFor(key string, value V, ttl time.Duration) {
	now := c.options.clock.Now()
	c.entries.Set(key, entry[V]{value: value, stored: now, fresh: now.Add(ttl)}, ttl+c.options.staleFor)
}

// Delete forgets key. A load of key that is under way still answers those who wait for
// it, but what it found may be from before the deletion, so it is not kept.
func (c *Cache[V]) Delete(key string) {
	c.mu.Lock()
	defer c.mu.Unlock()
	delete(c.flights, key)
	c.entries.Delete(key)
}

// Flush forgets everything, as Delete does for each key.
func (c *Cache[V]) Flush() {
	c.mu.Lock()
	defer c.mu.Unlock()
	clear(c.flights)
	c.entries.Flush()
}

// GetOrLoad returns the value of key, calling load when there is no fresh one. Callers
// that miss the same key at the same time share one load; one that leaves (ctx ends) does
// not end it for the others, and it is cancelled when all have left. The context that load
// gets carries the values of the first caller's.
func (c *Cache[V]) GetOrLoad(ctx context.Context, key string, load func(context.Context) (V, error)) (V, error) {
	if value, ok := c.Get(key); ok {
		return value, nil
	}
	f := c.join(ctx, key, load)
	select {
	case <-f.done:
		return f.value, f.err
	case <-ctx.Done():
		c.leave(key, f)
		var zero V
		return zero, context.Cause(ctx)
	}
}

func (c *Cache[V]) entry(key string) (entry[V], bool) {
	raw, ok := c.entries.Get(key)
	if !ok {
		return entry[V]{}, false
	}
	e, ok := raw.(entry[V])
	return e, ok
}

// fallBack puts off the next refresh of key after one failed, and returns the value to
// serve meanwhile and its age; false when none is left that is young enough.
func (c *Cache[V]) fallBack(key string) (V, time.Duration, bool) {
	now := c.options.clock.Now()
	old, ok := c.entry(key)
	age := now.Sub(old.stored)
	left := c.ttl + c.options.staleFor - age
	if !ok || c.options.staleFor == 0 || left <= 0 {
		var zero V
		return zero, 0, false
	}
	c.entries.Set(key, entry[V]{value: old.value, stored: old.stored, fresh: now.Add(min(staleRetry, left))}, left)
	return old.value, age, true
}
