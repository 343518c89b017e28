package cache

import (
	"context"
	"time"
)

// flight is one load that any number of callers wait for.
type flight[V any] struct {
	done    chan struct{}
	cancel  context.CancelFunc
	waiting int // guarded by Cache.mu

	// value and err are written before done is closed and read after.
	value V
	err   error
}

// join returns the flight of key, starting one when there is none.
func (c *Cache[V]) join(ctx context.Context, key string, load func(context.Context) (V, error)) *flight[V] {
	c.mu.Lock()
	defer c.mu.Unlock()
	if f, ok := c.flights[key]; ok {
		f.waiting++
		return f
	}
	loadCtx, cancel := context.WithCancel(context.WithoutCancel(ctx))
	f := &flight[V]{done: make(chan struct{}), cancel: cancel, waiting: 1}
	// Another flight may have landed between the caller's Get and here.
	if value, ok := c.Get(key); ok {
		f.value = value
		close(f.done)
		cancel()
		return f
	}
	c.flights[key] = f
	go func() {
		defer cancel()
		value, err := load(loadCtx)
		c.land(key, f, value, err)
	}()
	return f
}

// land publishes what load returned to those who wait and, unless f was detached by
// Delete or abandoned by all, to the cache.
func (c *Cache[V]) land(key string, f *flight[V], value V, err error) {
	age, stale := c.store(key, f, value, err)
	close(f.done)
	if stale && c.options.onStale != nil {
		c.options.onStale(key, age, err)
	}
}

// store sets f's result and reports whether it is an old value, and how old.
func (c *Cache[V]) store(key string, f *flight[V], value V, err error) (age time.Duration, stale bool) {
	c.mu.Lock()
	defer c.mu.Unlock()
	f.value, f.err = value, err
	if c.flights[key] != f {
		return 0, false
	}
	delete(c.flights, key)
	if err == nil {
		c.Set(key, value)
		return 0, false
	}
	old, age, ok := c.fallBack(key)
	if ok {
		f.value, f.err = old, nil
	}
	return age, ok
}

// leave takes one caller off f and cancels it when that was the last.
func (c *Cache[V]) leave(key string, f *flight[V]) {
	c.mu.Lock()
	defer c.mu.Unlock()
	f.waiting--
	if f.waiting > 0 {
		return
	}
	f.cancel()
	if c.flights[key] == f {
		delete(c.flights, key)
	}
}
