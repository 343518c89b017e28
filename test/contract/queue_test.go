package contract_test

import (
	"context"

	"github.com/aws/aws-sdk-go-v2/aws"
	"github.com/aws/aws-sdk-go-v2/service/sqs"
	sqstypes "github.com/aws/aws-sdk-go-v2/service/sqs/types"
	. "github.com/onsi/gomega"

	steadyaws "github.com/karpenter-kubeadm/karpenter-provider-aws/pkg/aws"
)

func queueContracts() []contract {
	return []contract{
		{"a queue is found by its name", queueByName},
		{"an unknown queue is one that does not exist", unknownQueue},
		{"a message that was sent is received", messageReceived},
		{"a message that was received is hidden, and shown when told to", messageHidden},
		{"a deleted message is gone", messageDeleted},
		{"a queue counts its messages", queueCounts},
		{"at most as many messages are received as asked for", messageLimit},
	}
}

// newQueue returns the URL of a queue whose messages stay hidden for a minute.
func (a *account) newQueue(ctx context.Context, g Gomega) string {
	out, err := a.sqs.CreateQueue(ctx, &sqs.CreateQueueInput{QueueName: aws.String(a.name("queue")), Attributes: map[string]string{"VisibilityTimeout": "60"}})
	g.Expect(err).NotTo(HaveOccurred())
	return *out.QueueUrl
}

func (a *account) send(ctx context.Context, g Gomega, queue, body string) {
	_, err := a.sqs.SendMessage(ctx, &sqs.SendMessageInput{QueueUrl: &queue, MessageBody: &body})
	g.Expect(err).NotTo(HaveOccurred())
}

func (a *account) receive(ctx context.Context, g Gomega, queue string, most int32) []sqstypes.Message {
	out, err := a.sqs.ReceiveMessage(ctx, &sqs.ReceiveMessageInput{QueueUrl: &queue, MaxNumberOfMessages: most})
	g.Expect(err).NotTo(HaveOccurred())
	return out.Messages
}

func queueByName(ctx context.Context, g Gomega, a *account) {
	name := a.name("queue")
	made, err := a.sqs.CreateQueue(ctx, &sqs.CreateQueueInput{QueueName: &name})
	g.Expect(err).NotTo(HaveOccurred())
	found, err := a.sqs.GetQueueUrl(ctx, &sqs.GetQueueUrlInput{QueueName: &name})
	g.Expect(err).NotTo(HaveOccurred())
	g.Expect(*found.QueueUrl).To(Equal(*made.QueueUrl))
}

func unknownQueue(ctx context.Context, g Gomega, a *account) {
	_, err := a.sqs.GetQueueUrl(ctx, &sqs.GetQueueUrlInput{QueueName: aws.String(a.name("absent"))})
	g.Expect(err).To(HaveOccurred())
	g.Expect(steadyaws.IsNotFound(err)).To(BeTrue(), "%v", err)
}

func messageReceived(ctx context.Context, g Gomega, a *account) {
	queue, body := a.newQueue(ctx, g), `{"detail-type":"EC2 Spot Instance Interruption Warning","text":"<&> é"}`
	a.send(ctx, g, queue, body)
	got := a.receive(ctx, g, queue, 10)
	g.Expect(got).To(HaveLen(1))
	g.Expect(*got[0].Body).To(Equal(body))
}

func messageHidden(ctx context.Context, g Gomega, a *account) {
	queue := a.newQueue(ctx, g)
	a.send(ctx, g, queue, "hello")
	first := a.receive(ctx, g, queue, 10)
	g.Expect(first).To(HaveLen(1))
	g.Expect(a.receive(ctx, g, queue, 10)).To(BeEmpty())
	_, err := a.sqs.ChangeMessageVisibility(ctx, &sqs.ChangeMessageVisibilityInput{QueueUrl: &queue, ReceiptHandle: first[0].ReceiptHandle, VisibilityTimeout: 0})
	g.Expect(err).NotTo(HaveOccurred())
	g.Expect(a.receive(ctx, g, queue, 10)).To(HaveLen(1))
}

func messageDeleted(ctx context.Context, g Gomega, a *account) {
	queue := a.newQueue(ctx, g)
	a.send(ctx, g, queue, "hello")
	got := a.receive(ctx, g, queue, 10)
	_, err := a.sqs.DeleteMessage(ctx, &sqs.DeleteMessageInput{QueueUrl: &queue, ReceiptHandle: got[0].ReceiptHandle})
	g.Expect(err).NotTo(HaveOccurred())
	g.Expect(a.counts(ctx, g, queue)).To(Equal(map[string]string{"ApproximateNumberOfMessages": "0", "ApproximateNumberOfMessagesNotVisible": "0"}))
}

func (a *account) counts(ctx context.Context, g Gomega, queue string) map[string]string {
	out, err := a.sqs.GetQueueAttributes(ctx, &sqs.GetQueueAttributesInput{QueueUrl: &queue, AttributeNames: []sqstypes.QueueAttributeName{
		sqstypes.QueueAttributeNameApproximateNumberOfMessages, sqstypes.QueueAttributeNameApproximateNumberOfMessagesNotVisible,
	}})
	g.Expect(err).NotTo(HaveOccurred())
	return out.Attributes
}

func queueCounts(ctx context.Context, g Gomega, a *account) {
	queue := a.newQueue(ctx, g)
	a.send(ctx, g, queue, "one")
	a.send(ctx, g, queue, "two")
	g.Expect(a.counts(ctx, g, queue)).To(HaveKeyWithValue("ApproximateNumberOfMessages", "2"))
	g.Expect(a.receive(ctx, g, queue, 1)).To(HaveLen(1))
	g.Expect(a.counts(ctx, g, queue)).To(Equal(map[string]string{"ApproximateNumberOfMessages": "1", "ApproximateNumberOfMessagesNotVisible": "1"}))
}

func messageLimit(ctx context.Context, g Gomega, a *account) {
	queue := a.newQueue(ctx, g)
	seen := map[string]bool{}
	for _, body := range []string{"one", "two", "three"} {
		a.send(ctx, g, queue, body)
	}
	first := a.receive(ctx, g, queue, 2)
	g.Expect(len(first)).To(BeNumerically("<=", 2))
	for _, m := range append(first, a.receive(ctx, g, queue, 10)...) {
		seen[*m.Body] = true
	}
	g.Expect(seen).To(HaveLen(3))
}
