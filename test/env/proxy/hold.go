package proxy

import (
	"context"
	"fmt"
	"sync"
)

// Moment says on which side of a request's effect a hold stands.
type Moment string

const (
	// Before the API server has seen the request.
	Before Moment = "before"
	// After it has answered, before the controller knows.
	After Moment = "after"
)

// Hold stops the first matching request. It is made by Proxy.Hold.
type Hold struct {
	when  Moment
	match func(Request) bool

	once    sync.Once
	reached chan Request
	resume  chan struct{}
}

// Hold makes the next request that match accepts stop at the given moment, until
// Release. Later ones pass.
func (p *Proxy) Hold(when Moment, match func(Request) bool) *Hold {
	hold := &Hold{when: when, match: match, reached: make(chan Request, 1), resume: make(chan struct{})}
	p.mu.Lock()
	defer p.mu.Unlock()
	p.holds[hold] = struct{}{}
	return hold
}

// Reached waits until a request has stopped, and returns it.
func (h *Hold) Reached(ctx context.Context) (Request, error) {
	select {
	case req := <-h.reached:
		return req, nil
	case <-ctx.Done():
		return Request{}, fmt.Errorf("waiting for a request to stop at: %w", ctx.Err())
	}
}

// Release lets the stopped request go on.
func (h *Hold) Release() { h.release() }

func (h *Hold) release() { h.once.Do(func() { close(h.resume) }) }

func (h *Hold) stop(ctx context.Context, req Request) bool {
	h.reached <- req
	select {
	case <-h.resume:
		return true
	case <-ctx.Done():
		return false
	}
}

// find takes the hold that req stops at out of the list, so that it stops one request only.
func (p *Proxy) find(req Request, when Moment) *Hold {
	p.mu.Lock()
	defer p.mu.Unlock()
	for hold := range p.holds {
		if hold.when == when && hold.match(req) {
			delete(p.holds, hold)
			return hold
		}
	}
	return nil
}
