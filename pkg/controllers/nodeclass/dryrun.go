package nodeclass

import (
	"context"
	"crypto/sha256"
	"encoding/hex"
	"encoding/json"
	"errors"
	"time"

	"github.com/samber/lo"

	v1 "github.com/karpenter-kubeadm/karpenter-provider-aws/pkg/apis/v1"
)

// refusalAgain is how long a refusal of EC2's stands before it is asked again: nothing tells
// us that an IAM policy changed, and whoever changed it waits.
const refusalAgain = time.Minute

// verdict is what EC2 said to a dry run: nothing, or a refusal.
type verdict struct{ refused *refusal }

// dryRun asks EC2, unless it has said lately what it thinks of just this.
func (c *Controller) dryRun(ctx context.Context, class *v1.EC2NodeClass) error {
	if c.DryRun == nil {
		return nil
	}
	key := verdictKey(class)
	v, known := c.verdicts.Get(key)
	if !known {
		var err error
		if v, err = verdictOf(c.DryRun.DryRun(ctx, class)); err != nil {
			return err
		}
		if v.refused != nil {
			c.verdicts.SetFor(key, v, refusalAgain)
		} else {
			c.verdicts.Set(key, v)
		}
	}
	if v.refused != nil {
		return v.refused
	}
	return nil
}

// verdictOf tells a refusal from trouble.
func verdictOf(err error) (verdict, error) {
	var refused Refusal
	if errors.As(err, &refused) {
		reason, message := refused.Condition()
		return verdict{&refusal{reason, message}}, nil
	}
	return verdict{}, err
}

// verdictKey is the same while what would be launched is the same. Subnets count as a set:
// their order follows their free addresses.
func verdictKey(class *v1.EC2NodeClass) string {
	status := class.Status
	status.Conditions, status.Subnets = nil, nil
	sum := sha256.Sum256(lo.Must(json.Marshal([]any{ // our own types, so it cannot fail
		class.UID, class.Generation, status, subnetSet(class),
	})))
	return hex.EncodeToString(sum[:])
}

func subnetSet(class *v1.EC2NodeClass) map[string]bool {
	return lo.SliceToMap(class.Status.Subnets, func(s v1.Subnet) (string, bool) { return s.ID, true })
}
