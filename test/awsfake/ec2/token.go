package ec2

import (
	"crypto/sha256"
	"net/url"
	"time"

	"github.com/karpenter-kubeadm/karpenter-provider-aws/test/awsfake/wire"
)

// tokenLife is how long EC2 says that it remembers a client token at least.
const tokenLife = 24 * time.Hour

// tokenKey: the same token means something else to another action.
type tokenKey struct{ action, token string }

// answered is what a token was used for.
type answered struct {
	request [sha256.Size]byte
	answer  any
}

// once does a call that bears a client token at most once. The same request again gets the
// answer of the first, with whatever it said, and nothing happens; another request with that
// token is refused. A call that failed is not remembered.
func once[Out any](r *region, c *wire.Call, token string, do func() (Out, error)) (Out, error) {
	if token == "" {
		return do()
	}
	var none Out
	key := tokenKey{c.Action, token}
	request := fingerprint(c.Form)
	if before, ok := r.tokens[key]; ok {
		answer, same := before.answer.(Out)
		if !same || before.request != request {
			return none, wire.Errorf("IdempotentParameterMismatch",
				"Arguments on this idempotent request are inconsistent with arguments used in previous request(s).")
		}
		return answer, nil
	}
	out, err := do()
	if err != nil {
		return none, err
	}
	r.tokens[key] = answered{request, out}
	r.at(r.now().Add(tokenLife), func(time.Time) { delete(r.tokens, key) })
	return out, nil
}

// fingerprint identifies a request by all its parameters; Encode orders them.
func fingerprint(form url.Values) [sha256.Size]byte { return sha256.Sum256([]byte(form.Encode())) }
