package sqs

import (
	"crypto/md5"
	"encoding/hex"

	"github.com/karpenter-kubeadm/karpenter-provider-aws/test/awsfake/wire"
)

// largest message body, in bytes.
const largest = 1 << 20

type createQueueInput struct {
	QueueName  string `param:",required"`
	Attributes map[string]string
}

type queueURLOutput struct {
	QueueURL string `json:"QueueUrl"`
}

func (w *World) createQueue(c *wire.Call, in createQueueInput) (*queueURLOutput, error) {
	if !nameForm.MatchString(in.QueueName) {
		return nil, wire.Errorf("InvalidParameterValue", "Can only include alphanumeric characters, hyphens, or underscores. 1 to 80 in length")
	}
	s, err := settingsOf(in.Attributes)
	if err != nil {
		return nil, err
	}
	at := place{c.Region, in.QueueName}
	if err := c.Authorize(w.resource(at)); err != nil {
		return nil, err
	}
	w.mu.Lock()
	defer w.mu.Unlock()
	if q := w.queues[at]; q != nil && q.settings != s {
		return nil, &wire.Error{
			Code: "QueueNameExists", QueryCode: "QueueAlreadyExists",
			Message: "A queue already exists with the same name and a different value for attributes.",
		}
	}
	if w.queues[at] == nil {
		w.queues[at] = w.newQueue(at, s)
	}
	return &queueURLOutput{w.url(at)}, nil
}

type getQueueURLInput struct {
	QueueName string `param:",required"`
}

func (w *World) getQueueURL(c *wire.Call, in getQueueURLInput) (*queueURLOutput, error) {
	at := place{c.Region, in.QueueName}
	if err := c.Authorize(w.resource(at)); err != nil {
		return nil, err
	}
	w.mu.Lock()
	defer w.mu.Unlock()
	if w.queues[at] == nil {
		return nil, noQueue()
	}
	return &queueURLOutput{w.url(at)}, nil
}

type queueAttributesInput struct {
	QueueURL       string `json:"QueueUrl" param:"QueueUrl,required"`
	AttributeNames []string
}

type queueAttributesOutput struct {
	Attributes map[string]string
}

func (w *World) getQueueAttributes(c *wire.Call, in queueAttributesInput) (*queueAttributesOutput, error) {
	w.mu.Lock()
	defer w.mu.Unlock()
	q, err := w.queueOf(c, in.QueueURL)
	if err != nil {
		return nil, err
	}
	chosen, err := choose(w.attributes(q), in.AttributeNames)
	if err != nil {
		return nil, err
	}
	return &queueAttributesOutput{chosen}, nil
}

type sendInput struct {
	QueueURL     string `json:"QueueUrl" param:"QueueUrl,required"`
	MessageBody  string `param:",required"`
	DelaySeconds *int64
}

type sendOutput struct {
	MessageID        string `json:"MessageId"`
	MD5OfMessageBody string
}

func (w *World) sendMessage(c *wire.Call, in sendInput) (*sendOutput, error) {
	if len(in.MessageBody) > largest {
		return nil, wire.Errorf("InvalidParameterValue", "One or more parameters are invalid. Reason: Message must be shorter than %d bytes.", largest)
	}
	w.mu.Lock()
	defer w.mu.Unlock()
	q, err := w.queueOf(c, in.QueueURL)
	if err != nil {
		return nil, err
	}
	delay, err := seconds("DelaySeconds", in.DelaySeconds, q.settings.delay, 900)
	if err != nil {
		return nil, err
	}
	m := w.put(q, in.MessageBody, delay)
	return &sendOutput{MessageID: m.id, MD5OfMessageBody: checksum(m.body)}, nil
}

// checksum is the one that the protocol has; SDKs compare it.
func checksum(body string) string {
	sum := md5.Sum([]byte(body))
	return hex.EncodeToString(sum[:])
}

type deleteInput struct {
	QueueURL      string `json:"QueueUrl" param:"QueueUrl,required"`
	ReceiptHandle string `param:",required"`
}

type empty struct{}

func (w *World) deleteMessage(c *wire.Call, in deleteInput) (*empty, error) {
	w.mu.Lock()
	defer w.mu.Unlock()
	q, err := w.queueOf(c, in.QueueURL)
	if err != nil {
		return nil, err
	}
	if !q.remove(in.ReceiptHandle) {
		return nil, invalidHandle(in.ReceiptHandle)
	}
	return &empty{}, nil
}

func invalidHandle(handle string) error {
	return wire.Errorf("ReceiptHandleIsInvalid", "The input receipt handle %q is not a valid receipt handle.", handle)
}

type visibilityInput struct {
	QueueURL          string `json:"QueueUrl" param:"QueueUrl,required"`
	ReceiptHandle     string `param:",required"`
	VisibilityTimeout *int64
}

func (w *World) changeVisibility(c *wire.Call, in visibilityInput) (*empty, error) {
	hide, err := seconds("VisibilityTimeout", in.VisibilityTimeout, 0, 43200)
	if err != nil {
		return nil, err
	}
	w.mu.Lock()
	defer w.mu.Unlock()
	q, err := w.queueOf(c, in.QueueURL)
	if err != nil {
		return nil, err
	}
	i := q.find(in.ReceiptHandle)
	if i < 0 {
		return nil, invalidHandle(in.ReceiptHandle)
	}
	if !c.Time.Before(q.messages[i].visible) {
		return nil, wire.Errorf("MessageNotInflight", "The specified message isn't in flight.")
	}
	q.messages[i].visible = c.Time.Add(hide)
	q.signal()
	return &empty{}, nil
}
