package launch

import (
	"fmt"
	"time"

	"k8s.io/apimachinery/pkg/types"

	"github.com/karpenter-kubeadm/karpenter-provider-aws/pkg/pool"
)

// CapacityError reports that EC2 refused every pool it was offered for want of capacity or
// quota. Waiting helps; repeating the call at once does not. Pools holds those that EC2
// named, in its order.
type CapacityError struct {
	Pools []pool.Pool
	// NoSpotRole: the account may not use spot until a person creates its service-linked role.
	NoSpotRole bool
	Err        error // what EC2 answered; never nil
}

// Error says how many pools were refused and why.
func (e *CapacityError) Error() string {
	return fmt.Sprintf("no capacity in %d pools: %v", len(e.Pools), e.Err)
}

// Unwrap returns what EC2 answered.
func (e *CapacityError) Unwrap() error { return e.Err }

// RefusedError reports that EC2 refused a launch for a cause that it named. Reason and
// Message are for the claim's condition.
type RefusedError struct {
	Reason, Message string
	Err             error // what EC2 answered; never nil
}

// Error is what EC2 answered.
func (e *RefusedError) Error() string { return e.Err.Error() }

// Unwrap returns what EC2 answered.
func (e *RefusedError) Unwrap() error { return e.Err }

// UncertainError reports that an instance for Claim may exist in EC2 though none is to be
// seen. Until Until it is looked for, and no other is launched.
type UncertainError struct {
	Claim types.UID
	Until time.Time
	Err   error // what made it uncertain; nil when that was an earlier process
}

// Error says what is being waited for.
func (e *UncertainError) Error() string {
	text := fmt.Sprintf("whether an instance was launched for this NodeClaim is not known; looking for it in EC2 until %s", e.Until.UTC().Format(time.RFC3339))
	if e.Err != nil {
		return fmt.Sprintf("%s: %v", text, e.Err)
	}
	return text
}

// Unwrap returns what made it uncertain.
func (e *UncertainError) Unwrap() error { return e.Err }
