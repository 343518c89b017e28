package launch

import (
	"errors"

	"github.com/aws/aws-sdk-go-v2/aws"
	"github.com/aws/aws-sdk-go-v2/service/ec2"

	awserrors "github.com/karpenter-kubeadm/karpenter-provider-aws/pkg/aws"
)

// lostError is a call that may have taken effect.
type lostError struct{ err error }

func (e *lostError) Error() string { return e.err.Error() }
func (e *lostError) Unwrap() error { return e.err }

func lost(err error) bool {
	var l *lostError
	return errors.As(err, &l)
}

// witness sees the error of each attempt of one call, of which the SDK returns the last only.
type witness struct{ lost bool }

// watch goes with the call whose attempts w shall see.
func (w *witness) watch(o *ec2.Options) {
	if retryer, ok := o.Retryer.(aws.RetryerV2); ok {
		o.Retryer = &watched{RetryerV2: retryer, witness: w}
	}
}

// watched is a retryer that tells a witness what it is asked about.
type watched struct {
	aws.RetryerV2
	witness *witness
}

// IsErrorRetryable is asked after each attempt that failed.
func (r *watched) IsErrorRetryable(err error) bool {
	r.witness.lost = r.witness.lost || awserrors.OutcomeUnknown(err)
	return r.RetryerV2.IsErrorRetryable(err)
}
