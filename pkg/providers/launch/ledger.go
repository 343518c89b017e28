package launch

import (
	"context"
	"errors"
	"fmt"
	"sync"
	"time"

	"k8s.io/apimachinery/pkg/types"
	"k8s.io/utils/clock"

	"github.com/karpenter-kubeadm/karpenter-provider-aws/pkg/instance"
)

const (
	// ConsistencyWindow is how long an instance can exist before every Describe shows it.
	// EC2 promises nothing; seconds are usual and ten have been seen. Double would delay each
	// claim that a restart finds by half a minute for no case that was observed.
	ConsistencyWindow = 15 * time.Second

	// memory is how long the fate of a claim is remembered after it last changed. Core drops
	// a claim that is not launched after five minutes, and one that is within one hour of
	// having been told.
	memory = time.Hour
)

// errUnderWay says that a claim is being launched by an earlier call, whose caller has
// left. Its result is kept for the next one.
var errUnderWay = errors.New("an earlier launch for this NodeClaim is still under way")

// ledger knows what became of each claim in this process, and which claims it cannot know.
// A claim is uncertain when it was already there as this process began, or when a call
// for it ended without an answer.
type ledger struct {
	clock  clock.PassiveClock
	window time.Duration
	began  chan struct{}

	mu      sync.Mutex
	entries map[types.UID]*entry
	owners  map[instance.ID]types.UID
	pruned  time.Time
}

// entry is one claim's. attempts counts the calls that certainly gave it nothing, so that
// a new attempt is not answered with the old refusal.
type entry struct {
	underWay  bool
	launched  *instance.Instance
	attempts  int
	uncertain bool
	since     time.Time
	cause     error
	touched   time.Time
}

func newLedger(clk clock.PassiveClock, window time.Duration) *ledger {
	return &ledger{
		clock: clk, window: window, began: make(chan struct{}),
		entries: map[types.UID]*entry{}, owners: map[instance.ID]types.UID{}, pruned: clk.Now(),
	}
}

// begin tells the ledger which claims without an instance were there before this process
// could launch anything. It must be called once.
func (l *ledger) begin(found []types.UID) {
	l.mu.Lock()
	defer l.mu.Unlock()
	for _, claim := range found {
		e := l.entry(claim)
		e.uncertain, e.since = true, l.clock.Now()
	}
	close(l.began)
}

// wait returns when begin has been called, or with ctx's error.
func (l *ledger) wait(ctx context.Context) error {
	select {
	case <-l.began:
		return nil
	case <-ctx.Done():
		return fmt.Errorf("waiting to learn which NodeClaims an earlier process left: %w", ctx.Err())
	}
}

// fate is what is known of a claim.
type fate struct {
	launched  *instance.Instance
	underWay  bool
	uncertain bool
	until     time.Time // when an uncertain claim may be launched
	cause     error
}

func (l *ledger) fate(claim types.UID) fate {
	l.mu.Lock()
	defer l.mu.Unlock()
	e := l.entry(claim)
	return fate{launched: e.launched, underWay: e.underWay, uncertain: e.uncertain, until: e.since.Add(l.window), cause: e.cause}
}

// start marks claim as being launched and returns how many attempts failed before. It
// refuses while another call for claim is under way or has succeeded.
func (l *ledger) start(claim types.UID) (attempts int, ok bool) {
	l.mu.Lock()
	defer l.mu.Unlock()
	e := l.entry(claim)
	if e.underWay || e.launched != nil {
		return 0, false
	}
	e.underWay = true
	return e.attempts, true
}

// launched records that claim has got i.
func (l *ledger) launched(claim types.UID, i instance.Instance) {
	l.mu.Lock()
	defer l.mu.Unlock()
	e := l.entry(claim)
	e.underWay, e.uncertain, e.cause, e.launched = false, false, nil, &i
	l.owners[i.ID] = claim
}

// failed records that the call for claim certainly gave it nothing.
func (l *ledger) failed(claim types.UID) {
	l.mu.Lock()
	defer l.mu.Unlock()
	e := l.entry(claim)
	e.underWay, e.uncertain, e.cause = false, false, nil
	e.attempts++
}

// lost records that the call for claim ended with err, and perhaps with an instance.
func (l *ledger) lost(claim types.UID, err error) {
	l.mu.Lock()
	defer l.mu.Unlock()
	e := l.entry(claim)
	e.underWay, e.uncertain, e.since, e.cause = false, true, l.clock.Now(), err
}

// adopt gives claim the first of candidates that no claim of this process has.
func (l *ledger) adopt(claim types.UID, candidates []instance.Instance) (instance.Instance, bool) {
	l.mu.Lock()
	defer l.mu.Unlock()
	e := l.entry(claim)
	for _, i := range candidates {
		if owner, taken := l.owners[i.ID]; taken && owner != claim {
			continue
		}
		e.uncertain, e.cause, e.launched = false, nil, &i
		l.owners[i.ID] = claim
		return i, true
	}
	return instance.Instance{}, false
}

// entry returns claim's, new or old. The lock is held.
func (l *ledger) entry(claim types.UID) *entry {
	now := l.clock.Now()
	if now.Sub(l.pruned) > memory/4 {
		l.prune(now)
	}
	e, ok := l.entries[claim]
	if !ok {
		e = &entry{}
		l.entries[claim] = e
	}
	e.touched = now
	return e
}

// prune forgets claims that nobody has asked for in a long time. The lock is held.
func (l *ledger) prune(now time.Time) {
	l.pruned = now
	for claim, e := range l.entries {
		if e.underWay || now.Sub(e.touched) < memory {
			continue
		}
		if e.launched != nil {
			delete(l.owners, e.launched.ID)
		}
		delete(l.entries, claim)
	}
}

// settle records that an uncertain claim has no instance. Its next launch repeats the call
// that was lost, in case EC2 still knows better.
func (l *ledger) settle(claim types.UID) {
	l.mu.Lock()
	defer l.mu.Unlock()
	e := l.entry(claim)
	e.uncertain, e.cause = false, nil
}
