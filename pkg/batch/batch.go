package batch

import (
	"context"
	"fmt"
	"slices"
	"sync"
	"time"

	"k8s.io/utils/clock"
)

// Options bound a batch.
type Options struct {
	// Idle closes a gathering batch when nothing has joined it for this long.
	Idle time.Duration
	// Max closes it when its first request has waited this long, whoever still joins.
	Max time.Duration
	// Items closes it at this many requests.
	Items int
	// Every is the least time between the starts of two runs of a key, unless a batch is full.
	// What comes sooner gathers. Zero lets a request whose key is idle run at once.
	Every time.Duration
	// Timeout bounds one run.
	Timeout time.Duration
	// Observe, when set, is told of each finished run: how many requests it served and how
	// long it took. It is called from many goroutines.
	Observe func(items int, took time.Duration)
}

// Result is what a run has for one request.
type Result[Out any] struct {
	Value Out
	Err   error
}

// Run serves all of in with one call. It returns one result for each, in their order.
type Run[K comparable, In, Out any] func(ctx context.Context, key K, in []In) []Result[Out]

// Batcher merges requests of equal keys.
type Batcher[K comparable, In, Out any] struct {
	clock   clock.WithDelayedExecution
	options Options
	run     Run[K, In, Out]

	mu     sync.Mutex
	groups map[K]*group[In, Out] // keys with a batch that gathers or runs; with Every, those that had one
}

type group[In, Out any] struct {
	running   int
	next      time.Time           // the earliest start of another run
	gathering *gathering[In, Out] // nil when nobody waits
}

type gathering[In, Out any] struct {
	members []*member[In, Out]
	closes  time.Time
	timer   clock.Timer
}

type member[In, Out any] struct {
	in  In
	out chan Result[Out] // holds one, so that a run never waits for a caller that left
}

// New returns a batcher of run. It starts no goroutine until there is work.
func New[K comparable, In, Out any](clk clock.WithDelayedExecution, options Options, run Run[K, In, Out]) *Batcher[K, In, Out] {
	return &Batcher[K, In, Out]{clock: clk, options: options, run: run, groups: map[K]*group[In, Out]{}}
}

// Do returns what the run that in becomes part of has for it, or ctx's error as soon as
// ctx ends. In the second case in may have been served all the same.
func (b *Batcher[K, In, Out]) Do(ctx context.Context, key K, in In) (Out, error) {
	m := &member[In, Out]{in: in, out: make(chan Result[Out], 1)}
	b.join(ctx, key, m)
	select {
	case r := <-m.out:
		return r.Value, r.Err
	case <-ctx.Done():
		b.leave(key, m)
		var none Out
		return none, ctx.Err()
	}
}

// join starts m at once when its key is idle, else puts it among those that gather.
func (b *Batcher[K, In, Out]) join(ctx context.Context, key K, m *member[In, Out]) {
	b.mu.Lock()
	defer b.mu.Unlock()
	g, ok := b.groups[key]
	if !ok {
		g = &group[In, Out]{}
		b.groups[key] = g
	}
	now := b.clock.Now()
	if g.running == 0 && g.gathering == nil && !now.Before(g.next) {
		b.start(ctx, key, g, []*member[In, Out]{m})
		return
	}
	if g.gathering == nil {
		w := &gathering[In, Out]{closes: now.Add(b.options.Max)}
		// The clock may call back while it holds its own lock, so closing must not happen in
		// the callback itself.
		w.timer = b.clock.AfterFunc(max(b.options.Idle, g.next.Sub(now)), func() { go b.close(ctx, key, w) })
		g.gathering = w
	} else {
		g.gathering.timer.Reset(max(min(b.options.Idle, g.gathering.closes.Sub(now)), g.next.Sub(now)))
	}
	g.gathering.members = append(g.gathering.members, m)
	if len(g.gathering.members) >= b.options.Items {
		b.flush(ctx, key, g)
	}
}

// leave takes m out of a batch that has not run yet.
func (b *Batcher[K, In, Out]) leave(key K, m *member[In, Out]) {
	b.mu.Lock()
	defer b.mu.Unlock()
	g, ok := b.groups[key]
	if !ok || g.gathering == nil {
		return
	}
	w := g.gathering
	w.members = slices.DeleteFunc(w.members, func(other *member[In, Out]) bool { return other == m })
	if len(w.members) == 0 {
		w.timer.Stop()
		g.gathering = nil
	}
}

// close runs w unless something else has closed it since its timer was set.
func (b *Batcher[K, In, Out]) close(ctx context.Context, key K, w *gathering[In, Out]) {
	b.mu.Lock()
	defer b.mu.Unlock()
	if g, ok := b.groups[key]; ok && g.gathering == w {
		b.flush(ctx, key, g)
	}
}

// flush starts what gathers in g. The lock is held.
func (b *Batcher[K, In, Out]) flush(ctx context.Context, key K, g *group[In, Out]) {
	w := g.gathering
	g.gathering = nil
	w.timer.Stop()
	b.start(ctx, key, g, w.members)
}

// start runs members on a goroutine of their own. The lock is held.
func (b *Batcher[K, In, Out]) start(ctx context.Context, key K, g *group[In, Out], members []*member[In, Out]) {
	g.running++
	g.next = b.clock.Now().Add(b.options.Every)
	ctx = context.WithoutCancel(ctx)
	go func() {
		b.serve(ctx, key, members)
		b.finish(ctx, key, g)
	}()
}

// finish lets those that gathered behind the last running batch of a key go at once, and
// forgets a key that has become idle.
func (b *Batcher[K, In, Out]) finish(ctx context.Context, key K, g *group[In, Out]) {
	b.mu.Lock()
	defer b.mu.Unlock()
	g.running--
	switch {
	case g.running > 0:
	case g.gathering != nil:
		if !b.clock.Now().Before(g.next) {
			b.flush(ctx, key, g)
		}
	case b.options.Every == 0:
		delete(b.groups, key)
	}
}

// serve makes the call and hands each member its result.
func (b *Batcher[K, In, Out]) serve(ctx context.Context, key K, members []*member[In, Out]) {
	ctx, cancel := context.WithTimeout(ctx, b.options.Timeout)
	defer cancel()
	in := make([]In, len(members))
	for i, m := range members {
		in[i] = m.in
	}
	began := b.clock.Now()
	results := b.run(ctx, key, in)
	if b.options.Observe != nil {
		b.options.Observe(len(members), b.clock.Since(began))
	}
	if len(results) != len(members) {
		err := fmt.Errorf("batch of %d requests got %d results", len(members), len(results))
		results = make([]Result[Out], len(members))
		for i := range results {
			results[i].Err = err
		}
	}
	for i, m := range members {
		m.out <- results[i]
	}
}
