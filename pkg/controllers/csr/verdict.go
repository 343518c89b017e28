package csr

import "fmt"

// decision is what becomes of a request.
type decision string

const (
	approve decision = "approve"
	hold    decision = "hold" // cannot be told yet
	deny    decision = "deny" // proven wrong
)

// verdict is a decision and why. Its reason is one word of a closed set, for conditions and
// metrics; the message is for people.
type verdict struct {
	decision decision
	reason   string
	message  string
}

// next is what a rule says that has nothing to object.
var next = verdict{}

func holdFor(reason, format string, args ...any) verdict {
	return verdict{decision: hold, reason: reason, message: fmt.Sprintf(format, args...)}
}

func denyFor(reason, format string, args ...any) verdict {
	return verdict{decision: deny, reason: reason, message: fmt.Sprintf(format, args...)}
}

// judge asks rules in their order. The first that objects decides; when none does, the
// request is approved.
func judge[F any](facts F, rules []func(F) verdict) verdict {
	for _, rule := range rules {
		if v := rule(facts); v != next {
			return v
		}
	}
	return verdict{decision: approve, reason: "InstanceOfNodeClaim", message: "asked for by the instance that Karpenter launched"}
}
