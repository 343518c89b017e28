package sqs

import (
	"cmp"
	"slices"
	"time"
)

// message is one in a queue.
type message struct {
	id       string
	body     string
	sent     time.Time
	visible  time.Time // since when it may be received
	received int
	first    time.Time       // when it was received first
	receipts map[string]bool // every receipt handle given out for it
	newest   string          // the handle that may change its visibility
}

// queue is a standard queue. Its owner's lock guards it.
type queue struct {
	region, name string

	settings settings
	created  time.Time
	messages []*message      // oldest first
	changed  chan struct{}   // closed and replaced when something may have become visible
	deleted  map[string]bool // receipt handles of deleted messages
}

// settings are the attributes that CreateQueue takes.
type settings struct {
	visibility time.Duration
	retention  time.Duration
	delay      time.Duration
	wait       time.Duration
}

// signal wakes those who poll.
func (q *queue) signal() {
	close(q.changed)
	q.changed = make(chan struct{})
}

// expire forgets the messages that are older than the retention.
func (q *queue) expire(now time.Time) {
	q.messages = slices.DeleteFunc(q.messages, func(m *message) bool {
		return !now.Before(m.sent.Add(q.settings.retention))
	})
}

// take hands out up to n visible messages and hides them for a while.
func (q *queue) take(now time.Time, n int, hide time.Duration, handle func() string) []*message {
	q.expire(now)
	var out []*message
	for _, m := range q.messages {
		if len(out) == n {
			break
		}
		if now.Before(m.visible) {
			continue
		}
		m.received++
		if m.received == 1 {
			m.first = now
		}
		m.newest = handle()
		m.receipts[m.newest] = true
		m.visible = now.Add(hide)
		out = append(out, m)
	}
	return out
}

// next is when a hidden message becomes visible, and whether there is one.
func (q *queue) next() (time.Time, bool) {
	if len(q.messages) == 0 {
		return time.Time{}, false
	}
	return slices.MinFunc(q.messages, func(a, b *message) int {
		return cmp.Compare(a.visible.UnixNano(), b.visible.UnixNano())
	}).visible, true
}

// remove deletes the message of a receipt handle. It tells whether the handle is one
// of this queue's; deleting twice is no error.
func (q *queue) remove(handle string) bool {
	i := q.find(handle)
	if i < 0 {
		return q.deleted[handle]
	}
	for h := range q.messages[i].receipts {
		q.deleted[h] = true
	}
	q.messages = slices.Delete(q.messages, i, i+1)
	return true
}

func (q *queue) find(handle string) int {
	return slices.IndexFunc(q.messages, func(m *message) bool { return m.receipts[handle] })
}

// count returns how many messages are visible, hidden by a receiver, and delayed.
func (q *queue) count(now time.Time) (visible, inFlight, delayed int) {
	q.expire(now)
	for _, m := range q.messages {
		switch {
		case !now.Before(m.visible):
			visible++
		case m.received > 0:
			inFlight++
		default:
			delayed++
		}
	}
	return visible, inFlight, delayed
}
