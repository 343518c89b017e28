// Package sqs pretends the queues of SQS, of the standard kind.
//
// It answers: which messages wait in a queue, and who is working on them? It talks to
// nobody; events of EC2 are sent by whoever plays EventBridge, through [World.Send] or
// the call SendMessage. A [World] keeps queues for ever and a message until it is
// deleted or older than the queue's retention. Visibility, delays, retention and long
// polls all go by the fake's one clock: a poll of twenty seconds on a fake clock ends when
// a message comes or the test steps the clock.
//
// It fails as SQS does: QueueDoesNotExist (and the code of the old query protocol
// beside it, which the SDK reports), QueueNameExists, ReceiptHandleIsInvalid,
// InvalidParameterValue. FIFO queues, message attributes, dead letters and queue policies
// are not modelled and refused.
package sqs
