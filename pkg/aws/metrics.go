package aws

import (
	"context"
	"errors"
	"fmt"
	"strconv"
	"sync/atomic"

	awsmiddleware "github.com/aws/aws-sdk-go-v2/aws/middleware"
	"github.com/aws/smithy-go/middleware"
	smithyhttp "github.com/aws/smithy-go/transport/http"
	"github.com/prometheus/client_golang/prometheus"
	"k8s.io/utils/clock"
)

// calls are the series that dashboards of the AWS provider read, under its names.
type calls struct {
	clock        clock.PassiveClock
	requests     *prometheus.CounterVec
	took         *prometheus.HistogramVec
	retries      *prometheus.HistogramVec
	attempts     *prometheus.CounterVec
	attemptsTook *prometheus.HistogramVec
}

// attemptsKey finds the count of attempts of one call in its context.
type attemptsKey struct{}

// measureCalls registers the series and returns what counts a client's calls in them.
func measureCalls(registry prometheus.Registerer) (func(*middleware.Stack) error, error) {
	labels := []string{"service", "action", "code"} // code is the HTTP status, 0 without an answer
	counter := func(name, help string) *prometheus.CounterVec {
		return prometheus.NewCounterVec(prometheus.CounterOpts{Name: name, Help: help}, labels)
	}
	histogram := func(name, help string, buckets []float64) *prometheus.HistogramVec {
		return prometheus.NewHistogramVec(prometheus.HistogramOpts{Name: name, Help: help, Buckets: buckets}, labels)
	}
	seconds := prometheus.ExponentialBuckets(0.01, 1.5, 20)
	c := &calls{
		clock:        clock.RealClock{},
		requests:     counter("aws_sdk_go_request_total", "Calls to AWS, retries not counted."),
		took:         histogram("aws_sdk_go_request_duration_seconds", "Seconds from a call to AWS to its answer, retries included.", seconds),
		retries:      histogram("aws_sdk_go_request_retry_count", "Attempts of a call to AWS after its first.", prometheus.LinearBuckets(0, 1, 11)),
		attempts:     counter("aws_sdk_go_request_attempt_total", "Attempts of calls to AWS."),
		attemptsTook: histogram("aws_sdk_go_request_attempt_duration_seconds", "Seconds from one attempt of a call to AWS to its answer.", seconds),
	}
	for _, collector := range []prometheus.Collector{c.requests, c.took, c.retries, c.attempts, c.attemptsTook} {
		if err := registry.Register(collector); err != nil {
			return nil, err
		}
	}
	return c.install, nil
}

func (c *calls) install(stack *middleware.Stack) error {
	if err := stack.Initialize.Add(middleware.InitializeMiddlewareFunc("CountCall", c.call), middleware.After); err != nil {
		return fmt.Errorf("counting calls: %w", err)
	}
	// Below the SDK's retries, so that each attempt passes through.
	if err := stack.Finalize.Insert(middleware.FinalizeMiddlewareFunc("CountAttempt", c.attempt), "Retry", middleware.After); err != nil {
		return fmt.Errorf("counting attempts: %w", err)
	}
	return nil
}

func (c *calls) call(ctx context.Context, in middleware.InitializeInput, next middleware.InitializeHandler) (middleware.InitializeOutput, middleware.Metadata, error) {
	var attempts atomic.Int64
	began := c.clock.Now()
	out, meta, err := next.HandleInitialize(middleware.WithStackValue(ctx, attemptsKey{}, &attempts), in)
	labels := labelsOf(ctx, meta, err)
	c.requests.With(labels).Inc()
	c.took.With(labels).Observe(c.clock.Since(began).Seconds())
	c.retries.With(labels).Observe(float64(max(attempts.Load()-1, 0)))
	return out, meta, err
}

func (c *calls) attempt(ctx context.Context, in middleware.FinalizeInput, next middleware.FinalizeHandler) (middleware.FinalizeOutput, middleware.Metadata, error) {
	if attempts, ok := middleware.GetStackValue(ctx, attemptsKey{}).(*atomic.Int64); ok {
		attempts.Add(1)
	}
	began := c.clock.Now()
	out, meta, err := next.HandleFinalize(ctx, in)
	labels := labelsOf(ctx, meta, err)
	c.attempts.With(labels).Inc()
	c.attemptsTook.With(labels).Observe(c.clock.Since(began).Seconds())
	return out, meta, err
}

func labelsOf(ctx context.Context, meta middleware.Metadata, err error) prometheus.Labels {
	return prometheus.Labels{
		"service": awsmiddleware.GetServiceID(ctx),
		"action":  awsmiddleware.GetOperationName(ctx),
		"code":    strconv.Itoa(status(meta, err)),
	}
}

// status is the HTTP status of an answer, 0 when there was none.
func status(meta middleware.Metadata, err error) int {
	var refused *smithyhttp.ResponseError
	if errors.As(err, &refused) {
		return refused.HTTPStatusCode()
	}
	if response, ok := awsmiddleware.GetRawResponse(meta).(*smithyhttp.Response); ok {
		return response.StatusCode
	}
	return 0
}
