package sqs

import (
	"fmt"
	"time"

	"github.com/karpenter-kubeadm/karpenter-provider-aws/test/awsfake/wire"
)

// mostReceived is how many messages one call may receive.
const mostReceived = 10

type receiveInput struct {
	QueueURL                    string `json:"QueueUrl" param:"QueueUrl,required"`
	MaxNumberOfMessages         *int
	VisibilityTimeout           *int64
	WaitTimeSeconds             *int64
	AttributeNames              []string
	MessageSystemAttributeNames []string
}

type receiveOutput struct {
	Messages []messageShape `json:",omitempty"`
}

type messageShape struct {
	MessageID     string `json:"MessageId"`
	ReceiptHandle string
	MD5OfBody     string
	Body          string
	Attributes    map[string]string `json:",omitempty"`
}

// receiveMessage answers as soon as there is a message, or when the wait is over.
func (w *World) receiveMessage(c *wire.Call, in receiveInput) (*receiveOutput, error) {
	n := 1
	if in.MaxNumberOfMessages != nil {
		n = *in.MaxNumberOfMessages
	}
	if n < 1 || n > mostReceived {
		return nil, wire.Errorf("InvalidParameterValue", "Value %d for parameter MaxNumberOfMessages is invalid. Reason: Must be between 1 and %d, if provided.", n, mostReceived)
	}
	w.mu.Lock()
	defer w.mu.Unlock()
	q, err := w.queueOf(c, in.QueueURL)
	if err != nil {
		return nil, err
	}
	hide, err := seconds("VisibilityTimeout", in.VisibilityTimeout, q.settings.visibility, 43200)
	if err != nil {
		return nil, err
	}
	wait, err := seconds("WaitTimeSeconds", in.WaitTimeSeconds, q.settings.wait, 20)
	if err != nil {
		return nil, err
	}
	names := append(in.AttributeNames, in.MessageSystemAttributeNames...)
	return w.shapes(w.await(c, q, n, hide, c.Time.Add(wait)), names)
}

// await takes messages of q. While there are none and the deadline has not come, it
// lets go of the lock, which its caller holds.
func (w *World) await(c *wire.Call, q *queue, n int, hide time.Duration, deadline time.Time) []*message {
	for {
		now := w.env.Clock.Now()
		taken := q.take(now, n, hide, w.env.UUID)
		if len(taken) > 0 || !now.Before(deadline) {
			return taken
		}
		until := deadline
		if next, hidden := q.next(); hidden && next.Before(until) {
			until = next
		}
		changed := q.changed
		timer := w.env.Clock.NewTimer(until.Sub(now))
		w.mu.Unlock()
		select {
		case <-changed:
		case <-timer.C():
		case <-c.Context().Done():
		}
		timer.Stop()
		w.mu.Lock()
		if c.Context().Err() != nil {
			return nil // nobody is there to take a message
		}
	}
}

func (w *World) shapes(messages []*message, names []string) (*receiveOutput, error) {
	out := &receiveOutput{}
	for _, m := range messages {
		attributes, err := choose(map[string]string{
			"SenderId":                         w.env.Account,
			"SentTimestamp":                    fmt.Sprint(m.sent.UnixMilli()),
			"ApproximateReceiveCount":          fmt.Sprint(m.received),
			"ApproximateFirstReceiveTimestamp": fmt.Sprint(m.first.UnixMilli()),
		}, names)
		if err != nil {
			return nil, err
		}
		out.Messages = append(out.Messages, messageShape{
			MessageID: m.id, ReceiptHandle: m.newest, MD5OfBody: checksum(m.body), Body: m.body, Attributes: attributes,
		})
	}
	return out, nil
}
