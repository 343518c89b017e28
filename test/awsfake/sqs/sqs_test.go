package sqs_test

import (
	"context"
	"errors"
	"testing"
	"time"

	"github.com/aws/aws-sdk-go-v2/aws"
	awssqs "github.com/aws/aws-sdk-go-v2/service/sqs"
	"github.com/aws/aws-sdk-go-v2/service/sqs/types"
	. "github.com/onsi/gomega"
	clocktesting "k8s.io/utils/clock/testing"

	"github.com/karpenter-kubeadm/karpenter-provider-aws/test/awsfake/sqs"
	"github.com/karpenter-kubeadm/karpenter-provider-aws/test/awsfake/wire"
	"github.com/karpenter-kubeadm/karpenter-provider-aws/test/awsfake/wire/wiretest"
)

const (
	region = "ap-northeast-2"
	name   = "interruption"
)

type account struct {
	*GomegaWithT
	t      *testing.T
	clock  *clocktesting.FakeClock
	world  *sqs.World
	server *wire.Server
	client *awssqs.Client
	url    *string
}

// open returns an account with a queue of these attributes.
func open(t *testing.T, attributes map[string]string) account {
	t.Helper()
	clock := clocktesting.NewFakeClock(time.Date(2026, 3, 1, 12, 0, 0, 0, time.UTC))
	env := wiretest.Env(clock)
	world := sqs.New(env)
	server, cfg := wiretest.Start(t, env, region, world.Service())
	a := account{GomegaWithT: NewWithT(t), t: t, clock: clock, world: world, server: server, client: awssqs.NewFromConfig(cfg)}
	made, err := a.client.CreateQueue(t.Context(), &awssqs.CreateQueueInput{QueueName: aws.String(name), Attributes: attributes})
	a.Expect(err).NotTo(HaveOccurred())
	found, err := a.client.GetQueueUrl(t.Context(), &awssqs.GetQueueUrlInput{QueueName: aws.String(name)})
	a.Expect(err).NotTo(HaveOccurred())
	a.Expect(*found.QueueUrl).To(Equal(*made.QueueUrl))
	a.url = found.QueueUrl
	return a
}

func (a account) send(body string) {
	a.t.Helper()
	_, err := a.client.SendMessage(a.t.Context(), &awssqs.SendMessageInput{QueueUrl: a.url, MessageBody: aws.String(body)})
	a.Expect(err).NotTo(HaveOccurred())
}

// receive is what the interruption controller asks, without waiting.
func (a account) receive() []types.Message {
	a.t.Helper()
	out, err := a.client.ReceiveMessage(a.t.Context(), &awssqs.ReceiveMessageInput{
		QueueUrl: a.url, MaxNumberOfMessages: 10, VisibilityTimeout: 20,
		MessageSystemAttributeNames: []types.MessageSystemAttributeName{types.MessageSystemAttributeNameSentTimestamp},
	})
	a.Expect(err).NotTo(HaveOccurred())
	return out.Messages
}

func (a account) attributes() map[string]string {
	a.t.Helper()
	out, err := a.client.GetQueueAttributes(a.t.Context(), &awssqs.GetQueueAttributesInput{
		QueueUrl: a.url, AttributeNames: []types.QueueAttributeName{types.QueueAttributeNameAll},
	})
	a.Expect(err).NotTo(HaveOccurred())
	return out.Attributes
}

func TestAReceivedMessageHidesUntilItsTimeIsOver(t *testing.T) {
	a := open(t, nil)
	a.send(`{"kind":"spot"}`)
	first := a.receive()
	a.Expect(first).To(HaveLen(1))
	a.Expect(*first[0].Body).To(Equal(`{"kind":"spot"}`))
	a.Expect(first[0].Attributes).To(HaveKeyWithValue("SentTimestamp", "1772366400000"))
	a.Expect(a.attributes()).To(HaveKeyWithValue("ApproximateNumberOfMessagesNotVisible", "1"))

	a.clock.Step(19 * time.Second)
	a.Expect(a.receive()).To(BeEmpty())
	a.clock.Step(time.Second)
	again := a.receive()
	a.Expect(again).To(HaveLen(1))
	a.Expect(*again[0].MessageId).To(Equal(*first[0].MessageId))
	a.Expect(*again[0].ReceiptHandle).NotTo(Equal(*first[0].ReceiptHandle))
}

func TestADeletedMessageIsGone(t *testing.T) {
	a := open(t, nil)
	a.send("one")
	got := a.receive()
	for range 2 { // the second time is no error
		_, err := a.client.DeleteMessage(t.Context(), &awssqs.DeleteMessageInput{QueueUrl: a.url, ReceiptHandle: got[0].ReceiptHandle})
		a.Expect(err).NotTo(HaveOccurred())
	}
	a.clock.Step(time.Hour)
	a.Expect(a.receive()).To(BeEmpty())
	_, err := a.client.DeleteMessage(t.Context(), &awssqs.DeleteMessageInput{QueueUrl: a.url, ReceiptHandle: aws.String("made up")})
	a.Expect(wiretest.Code(err)).To(Equal("ReceiptHandleIsInvalid"))
}

func TestAPollEndsWhenAMessageComes(t *testing.T) {
	a := open(t, nil)
	got := make(chan []types.Message)
	go func() { got <- a.poll(t.Context()) }()
	a.Eventually(a.clock.HasWaiters).Should(BeTrue())
	a.Expect(a.world.Send(region, name, "wake up")).To(Succeed())
	a.Eventually(got).Should(Receive(HaveLen(1)))
}

func TestAPollEndsWhenItsTimeIsOver(t *testing.T) {
	a := open(t, nil)
	got := make(chan []types.Message)
	go func() { got <- a.poll(t.Context()) }()
	a.Eventually(a.clock.HasWaiters).Should(BeTrue())
	a.clock.Step(19 * time.Second)
	a.Consistently(got, "50ms").ShouldNot(Receive())
	a.clock.Step(time.Second)
	a.Eventually(got).Should(Receive(BeEmpty()))
}

func TestAPollTakesWhatBecomesVisibleMeanwhile(t *testing.T) {
	a := open(t, map[string]string{"DelaySeconds": "5"})
	a.send("later")
	a.Expect(a.attributes()).To(HaveKeyWithValue("ApproximateNumberOfMessagesDelayed", "1"))
	got := make(chan []types.Message)
	go func() { got <- a.poll(t.Context()) }()
	a.Eventually(a.clock.HasWaiters).Should(BeTrue())
	a.clock.Step(5 * time.Second)
	a.Eventually(got).Should(Receive(HaveLen(1)))
}

func TestAPollThatLeftTakesNothing(t *testing.T) {
	a := open(t, nil)
	ctx, leave := context.WithCancel(t.Context())
	got := make(chan []types.Message)
	go func() { got <- a.poll(ctx) }()
	a.Eventually(a.clock.HasWaiters).Should(BeTrue())
	leave()
	a.Eventually(got).Should(Receive(BeEmpty()))
	a.Eventually(a.clock.HasWaiters).Should(BeFalse())
	a.send("for the next")
	a.Expect(a.receive()).To(HaveLen(1))
}

// poll waits as long as SQS lets it; errors count as nothing received.
func (a account) poll(ctx context.Context) []types.Message {
	out, err := a.client.ReceiveMessage(ctx, &awssqs.ReceiveMessageInput{QueueUrl: a.url, MaxNumberOfMessages: 10, WaitTimeSeconds: 20})
	if err != nil {
		return nil
	}
	return out.Messages
}

func TestARetainedMessageIsForgottenInTime(t *testing.T) {
	a := open(t, map[string]string{"MessageRetentionPeriod": "300"})
	a.send("old")
	a.clock.Step(299 * time.Second)
	a.Expect(a.world.Waiting(region, name)).To(Equal([]string{"old"}))
	a.clock.Step(time.Second)
	a.Expect(a.receive()).To(BeEmpty())
	a.Expect(a.world.Waiting(region, name)).To(BeEmpty())
}

func TestACallTakesTenMessages(t *testing.T) {
	a := open(t, nil)
	for range 12 {
		a.send("one of many")
	}
	a.Expect(a.receive()).To(HaveLen(10))
	a.Expect(a.receive()).To(HaveLen(2))
}

func TestVisibilityIsChangedByTheReceiver(t *testing.T) {
	a := open(t, nil)
	a.send("hand back")
	got := a.receive()
	change := func() error {
		_, err := a.client.ChangeMessageVisibility(t.Context(), &awssqs.ChangeMessageVisibilityInput{QueueUrl: a.url, ReceiptHandle: got[0].ReceiptHandle})
		return err
	}
	a.Expect(change()).To(Succeed())
	a.Expect(wiretest.Code(change())).To(Equal("MessageNotInflight"))
	a.Expect(a.receive()).To(HaveLen(1))
}

func TestAMissingQueueHasTheCodeOfTheOldProtocol(t *testing.T) {
	a := open(t, nil)
	_, err := a.client.GetQueueUrl(t.Context(), &awssqs.GetQueueUrlInput{QueueName: aws.String("other")})
	a.Expect(wiretest.Code(err)).To(Equal("AWS.SimpleQueueService.NonExistentQueue"))
	_, isType := errors.AsType[*types.QueueDoesNotExist](err)
	a.Expect(isType).To(BeTrue())
	a.Expect(a.world.Send(region, "other", "x")).NotTo(Succeed())
	a.world.AddQueue(region, "other")
	a.Expect(a.world.Send(region, "other", "x")).To(Succeed())
}

func TestRefused(t *testing.T) {
	a := open(t, nil)
	for name, tc := range map[string]struct {
		call func(ctx context.Context) error
		code string
	}{
		"another queue of that name": {func(ctx context.Context) error {
			_, err := a.client.CreateQueue(ctx, &awssqs.CreateQueueInput{QueueName: aws.String(name), Attributes: map[string]string{"VisibilityTimeout": "1"}})
			return err
		}, "QueueAlreadyExists"},
		"an attribute that is not modelled": {func(ctx context.Context) error {
			_, err := a.client.CreateQueue(ctx, &awssqs.CreateQueueInput{QueueName: aws.String("fifo"), Attributes: map[string]string{"FifoQueue": "true"}})
			return err
		}, "InvalidAttributeName"},
		"a retention of a second": {func(ctx context.Context) error {
			_, err := a.client.CreateQueue(ctx, &awssqs.CreateQueueInput{QueueName: aws.String("short"), Attributes: map[string]string{"MessageRetentionPeriod": "1"}})
			return err
		}, "InvalidAttributeValue"},
		"a name with a dot": {func(ctx context.Context) error {
			_, err := a.client.CreateQueue(ctx, &awssqs.CreateQueueInput{QueueName: aws.String("a.b")})
			return err
		}, "InvalidParameterValue"},
		"eleven messages": {func(ctx context.Context) error {
			_, err := a.client.ReceiveMessage(ctx, &awssqs.ReceiveMessageInput{QueueUrl: a.url, MaxNumberOfMessages: 11})
			return err
		}, "InvalidParameterValue"},
		"a poll of a minute": {func(ctx context.Context) error {
			_, err := a.client.ReceiveMessage(ctx, &awssqs.ReceiveMessageInput{QueueUrl: a.url, WaitTimeSeconds: 60})
			return err
		}, "InvalidParameterValue"},
		"a queue of another account": {func(ctx context.Context) error {
			_, err := a.client.ReceiveMessage(ctx, &awssqs.ReceiveMessageInput{QueueUrl: aws.String("https://sqs.ap-northeast-2.amazonaws.com/999999999999/interruption")})
			return err
		}, "AWS.SimpleQueueService.NonExistentQueue"},
	} {
		t.Run(name, func(t *testing.T) {
			NewWithT(t).Expect(wiretest.Code(tc.call(t.Context()))).To(Equal(tc.code))
		})
	}
}
