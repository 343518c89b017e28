package wire

import (
	"context"
	"sync"
	"time"
)

// Stage is when, in the life of a call, a fault strikes. To catch a caller in the middle of
// a call, with the effect done and the answer outstanding, use After with Do or Delay.
type Stage int

const (
	// Before the handler: the call has no effect.
	Before Stage = iota
	// After the handler: the effect has happened, the answer is lost or replaced.
	After
)

// Fault is trouble for calls to come.
type Fault struct {
	Action string // "CreateFleet"; empty is any action
	Stage  Stage
	Skip   int // how many matching calls pass first
	Times  int // how many are struck then; 0 is one, negative is all to come

	// Match, when set, must report true for a call to be struck (or skipped).
	Match func(*Call) bool

	// Do, when set, runs first: with Stage Before, when the call has arrived and changed nothing;
	// with Stage After, when its effect has happened and nobody was told.
	Do func(*Call)

	// Delay holds the call up by the server's clock.
	Delay time.Duration

	// Answer is sent instead of the handler's. With neither Answer nor Drop the call goes on,
	// so that a Fault can be a delay or a callback alone.
	Answer *Error

	// Drop closes the connection without an answer.
	Drop bool
}

// faults are those still to strike, in the order they were injected.
type faults struct {
	mu      sync.Mutex
	waiting []*Fault
}

func (f *faults) add(fault Fault) {
	if fault.Times == 0 {
		fault.Times = 1
	}
	f.mu.Lock()
	defer f.mu.Unlock()
	f.waiting = append(f.waiting, &fault)
}

func (f *faults) clear() {
	f.mu.Lock()
	defer f.mu.Unlock()
	f.waiting = nil
}

// next takes the first fault that strikes c at stage.
func (f *faults) next(c *Call, stage Stage) (Fault, bool) {
	f.mu.Lock()
	defer f.mu.Unlock()
	for i, fault := range f.waiting {
		if fault.Stage != stage || !fault.matches(c) {
			continue
		}
		if fault.Skip > 0 {
			fault.Skip--
			continue
		}
		if fault.Times > 0 {
			fault.Times--
		}
		if fault.Times == 0 {
			f.waiting = append(f.waiting[:i:i], f.waiting[i+1:]...)
		}
		return *fault, true
	}
	return Fault{}, false
}

func (f *Fault) matches(c *Call) bool {
	return (f.Action == "" || f.Action == c.Action) && (f.Match == nil || f.Match(c))
}

// dropped says that the connection is to be closed instead of answering.
type dropped struct{}

func (dropped) Error() string { return "connection dropped by an injected fault" }

// strike lets the faults of stage happen to c. An error replaces the call's outcome.
func (s *Server) strike(c *Call, stage Stage) error {
	fault, ok := s.faults.next(c, stage)
	if !ok {
		return nil
	}
	if fault.Do != nil {
		fault.Do(c)
	}
	if err := s.wait(c.ctx, fault.Delay); err != nil {
		return dropped{}
	}
	switch {
	case fault.Drop:
		return dropped{}
	case fault.Answer != nil:
		return fault.Answer
	default:
		return nil
	}
}

func (s *Server) wait(ctx context.Context, d time.Duration) error {
	if d <= 0 {
		return nil
	}
	timer := s.env.Clock.NewTimer(d)
	defer timer.Stop()
	select {
	case <-timer.C():
		return nil
	case <-ctx.Done():
		return ctx.Err()
	}
}
