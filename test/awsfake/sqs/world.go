package sqs

import (
	"fmt"
	"maps"
	"net/url"
	"regexp"
	"strings"
	"sync"
	"time"

	"github.com/karpenter-kubeadm/karpenter-provider-aws/test/awsfake/wire"
)

// World is the SQS of one account, in all regions.
type World struct {
	env *wire.Env

	mu     sync.Mutex
	queues map[place]*queue
}

// place is where a queue is.
type place struct{ region, name string }

// New returns an SQS without queues.
func New(env *wire.Env) *World {
	return &World{env: env, queues: map[place]*queue{}}
}

// defaults are AWS's for a new queue.
func defaults() settings {
	return settings{visibility: 30 * time.Second, retention: 4 * 24 * time.Hour}
}

// AddQueue makes a queue with AWS's default attributes, unless it is there.
func (w *World) AddQueue(region, name string) {
	w.mu.Lock()
	defer w.mu.Unlock()
	if at := (place{region, name}); w.queues[at] == nil {
		w.queues[at] = w.newQueue(at, defaults())
	}
}

func (w *World) newQueue(at place, s settings) *queue {
	return &queue{
		region: at.region, name: at.name, settings: s, created: w.env.Clock.Now(),
		changed: make(chan struct{}), deleted: map[string]bool{},
	}
}

// Send puts a message into a queue, as EventBridge does. It fails when the queue does
// not exist.
func (w *World) Send(region, name, body string) error {
	w.mu.Lock()
	defer w.mu.Unlock()
	q := w.queues[place{region, name}]
	if q == nil {
		return fmt.Errorf("sending to queue %s in %s: it does not exist", name, region)
	}
	w.put(q, body, q.settings.delay)
	return nil
}

// Waiting returns the bodies of all messages of a queue that are not deleted, oldest
// first, received or not.
func (w *World) Waiting(region, name string) []string {
	w.mu.Lock()
	defer w.mu.Unlock()
	q := w.queues[place{region, name}]
	if q == nil {
		return nil
	}
	q.expire(w.env.Clock.Now())
	out := make([]string, 0, len(q.messages))
	for _, m := range q.messages {
		out = append(out, m.body)
	}
	return out
}

func (w *World) put(q *queue, body string, delay time.Duration) *message {
	now := w.env.Clock.Now()
	m := &message{id: w.env.UUID(), body: body, sent: now, visible: now.Add(delay), receipts: map[string]bool{}}
	q.messages = append(q.messages, m)
	q.signal()
	return m
}

// Service returns the calls that are modelled.
func (w *World) Service() wire.Service {
	return wire.Service{
		Name: "sqs", Protocol: wire.JSON10, Namespace: "com.amazonaws.sqs",
		Actions: map[string]wire.Action{
			"CreateQueue":             wire.Do(w.createQueue),
			"GetQueueUrl":             wire.Do(w.getQueueURL),
			"GetQueueAttributes":      wire.Do(w.getQueueAttributes),
			"SendMessage":             wire.Do(w.sendMessage),
			"ReceiveMessage":          wire.Do(w.receiveMessage),
			"DeleteMessage":           wire.Do(w.deleteMessage),
			"ChangeMessageVisibility": wire.Do(w.changeVisibility),
		},
	}
}

func (w *World) url(at place) string {
	return fmt.Sprintf("https://sqs.%s.amazonaws.com/%s/%s", at.region, w.env.Account, at.name)
}

func (w *World) resource(at place) wire.Resource {
	return wire.Resource{ARN: w.env.ARN("sqs", at.region, at.name)}
}

var nameForm = regexp.MustCompile(`^[A-Za-z0-9_-]{1,80}$`)

// queueOf returns the queue of a URL, if the caller may do the call's action to it.
func (w *World) queueOf(c *wire.Call, queueURL string) (*queue, error) {
	parsed, err := url.Parse(queueURL)
	if err != nil {
		return nil, wire.Errorf("InvalidAddress", "The address %s is not valid for this endpoint.", queueURL)
	}
	account, name, ok := strings.Cut(strings.TrimPrefix(parsed.Path, "/"), "/")
	if !ok || !nameForm.MatchString(name) {
		return nil, wire.Errorf("InvalidAddress", "The address %s is not valid for this endpoint.", queueURL)
	}
	at := place{c.Region, name}
	if err := c.Authorize(w.resource(at)); err != nil {
		return nil, err
	}
	q := w.queues[at]
	if q == nil || account != w.env.Account {
		return nil, noQueue()
	}
	return q, nil
}

func noQueue() error {
	return &wire.Error{
		Code:      "QueueDoesNotExist",
		QueryCode: "AWS.SimpleQueueService.NonExistentQueue",
		Message:   "The specified queue does not exist.",
	}
}

// attributes of a queue that GetQueueAttributes may be asked for.
func (w *World) attributes(q *queue) map[string]string {
	visible, inFlight, delayed := q.count(w.env.Clock.Now())
	out := map[string]string{
		"QueueArn":                              w.resource(place{q.region, q.name}).ARN,
		"CreatedTimestamp":                      fmt.Sprint(q.created.Unix()),
		"ApproximateNumberOfMessages":           fmt.Sprint(visible),
		"ApproximateNumberOfMessagesNotVisible": fmt.Sprint(inFlight),
		"ApproximateNumberOfMessagesDelayed":    fmt.Sprint(delayed),
	}
	maps.Copy(out, q.settings.attributes())
	return out
}
